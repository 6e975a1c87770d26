package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// onlyStage is an approval of which only the open stage matters.
func onlyStage(name string) api.Process {
	detail, _ := json.Marshal(itsm.ApprovalDetail{Stage: name})
	return api.Process{ID: "APR-1", Kind: itsm.KindApproval, State: itsm.StateOpen, Detail: detail}
}

func TestDecisionIsForTheStageThatWasOpen(t *testing.T) {
	t.Parallel()
	for verdict, done := range map[string]string{"approve": "approved", "reject": "rejected", "abstain": "answered with an abstention"} {
		s := newShell(t)
		s.answer("GET /v1/processes/APR-1", 200, onlyStage("manager"))
		s.answer("POST /v1/approvals/APR-1/decisions", 200, api.Receipt{Process: "APR-1", Event: 5, State: itsm.StateOpen, Stage: "finance"})
		got := s.run(verdict, "APR-1", "--comment", "fine")
		require.Equal(t, exitDone, got.code, got.errOut)
		assert.Equal(t, "APR-1 "+done+" (event 5); open at stage finance\n", got.out)
		assert.JSONEq(t, `{"decision": "`+verdict+`", "stage": "manager", "comment": "fine"}`, s.sent().body)
	}
}

func TestDecisionUnderAGivenKeyIsAlwaysTheSame(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("POST /v1/approvals/APR-1/decisions", 200, api.Receipt{Process: "APR-1", Event: 9, State: itsm.StateClosed, Outcome: "approved"})
	got := s.run("approve", "APR-1", "--idempotency-key", "mine")
	require.Equal(t, exitDone, got.code, got.errOut)
	assert.Equal(t, "APR-1 approved (event 9); it is closed: approved\n", got.out)
	require.Len(t, s.requests, 1, "the process, which may have moved on, is not looked at")
	assert.Equal(t, "mine", s.sent().header.Get("Idempotency-Key"))
	assert.JSONEq(t, `{"decision": "approve"}`, s.sent().body)
}

func TestDecisionWithoutAnOpenStageIsTheServersToRefuse(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.answer("GET /v1/processes/APR-1", 200, onlyStage(""))
	s.answer("POST /v1/approvals/APR-1/decisions", 409, problem(409, itsm.CodeProcessClosed, "APR-1 is closed"))
	got := s.run("approve", "APR-1")
	assert.Equal(t, exitRefused, got.code)
	assert.JSONEq(t, `{"decision": "approve"}`, s.sent().body)
}

func TestDecisionOnWhatIsNotThereIsRefused(t *testing.T) {
	t.Parallel()
	got := newShell(t).run("approve", "APR-7")
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.errOut, "not_found")
	assert.NotContains(t, got.errOut, "again like this")
}
