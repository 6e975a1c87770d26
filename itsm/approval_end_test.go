package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestEndOfAnApprovalSaysAtWhichStageByWhomAndWhy(t *testing.T) {
	t.Parallel()
	r := begin(t, raj, stage("peers", "1", approvers("bob")...), stage("board", "all", approvers("maria", "tom", "ines")...))
	r.vote(itsm.Approve, "bob", "maria")
	_, err := r.Decide(because("tom", "too risky"), itsm.Reject, "", r.now)
	require.NoError(t, err)
	assert.Equal(t, `APR-1 was rejected in stage "board" (tom: too risky)`, r.End().String())

	r = begin(t, raj, stage("board", "2", approvers("maria", "tom", "ines")...)).vote(itsm.Reject, "maria", "ines")
	assert.Equal(t, `APR-1 was rejected in stage "board" (maria; ines)`, r.End().String())

	r = begin(t, raj, stage("board", "1", approvers("maria")...).onTimeout(itsm.TimeoutReject).acts(time.Hour, itsm.DueDeadline)).at(time.Hour)
	assert.Equal(t, `APR-1 was rejected in stage "board" (nobody decided it by its deadline)`, r.End().String())

	r = begin(t, raj, stage("board", "1", approvers("maria")...)).vote(itsm.Approve, "maria")
	assert.Equal(t, itsm.ApprovalEnd{Approval: "APR-1", Outcome: itsm.OutcomeApproved, Stage: "board", Bound: "first"}, r.End())
}
