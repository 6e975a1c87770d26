package itsm_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestNeedOfSoManyApprovers(t *testing.T) {
	t.Parallel()
	cases := map[string][]int{ // of 0, 1, 2, 3, 4 and 5 approvers
		"1":        {1, 1, 1, 1, 1, 1},
		"3":        {3, 3, 3, 3, 3, 3}, // more than there are: it can't be won
		"all":      {1, 1, 2, 3, 4, 5},
		"majority": {1, 1, 2, 2, 3, 3},
		"1%":       {1, 1, 1, 1, 1, 1},
		"50%":      {1, 1, 1, 2, 2, 3},
		"51%":      {1, 1, 2, 2, 3, 3},
		"60%":      {1, 1, 2, 2, 3, 3},
		"67%":      {1, 1, 2, 3, 3, 4},
		"100%":     {1, 1, 2, 3, 4, 5},
	}
	for text, want := range cases {
		need, err := itsm.ParseNeed(text)
		require.NoError(t, err, text)
		for approvers, n := range want {
			assert.Equal(t, n, need.Of(approvers), "%s of %d", text, approvers)
		}
		assert.Equal(t, text, need.String())
	}
	assert.Equal(t, 1, itsm.Need{}.Of(4))
}

func TestNeedSurvivesJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"1", "12", "all", "majority", "60%"} {
		var need itsm.Need
		require.NoError(t, json.Unmarshal([]byte(`"`+text+`"`), &need))
		raw, err := json.Marshal(need)
		require.NoError(t, err)
		assert.JSONEq(t, `"`+text+`"`, string(raw))
	}
}

func TestNeedThatMakesNoSenseIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "0", "-1", "+1", "01", "1.5", "two", "ALL", "0%", "101%", "-5%", "+5%", "%", "5 %", "99999999999999999999"} {
		_, err := itsm.ParseNeed(text)
		assert.Equal(t, itsm.CodeDefinitionInvalid, itsm.ErrorCode(err), text)
	}
}
