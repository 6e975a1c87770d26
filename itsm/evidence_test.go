package itsm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestEvidenceIsATextALinkOrAFile(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("0a", 32)
	for name, test := range map[string]struct {
		given itsm.Evidence
		fault string // "" where it is taken
	}{
		"a text":               {itsm.Evidence{Text: "all green"}, ""},
		"a link":               {itsm.Evidence{Link: "https://ci.example/42?x=1#log"}, ""},
		"a plain link":         {itsm.Evidence{Link: "http://127.0.0.1:8080/"}, ""},
		"a file":               {itsm.Evidence{Digest: digest}, ""},
		"the longest text":     {itsm.Evidence{Text: strings.Repeat("a", 4000)}, ""},
		"the longest, not ABC": {itsm.Evidence{Text: strings.Repeat("验", 4000)}, ""},
		"too long a text":      {itsm.Evidence{Text: strings.Repeat("验", 4001)}, "4000 characters"},
		"nothing":              {itsm.Evidence{}, "exactly one"},
		"a name alone":         {itsm.Evidence{File: "log.txt"}, "exactly one"},
		"two things":           {itsm.Evidence{Text: "green", Link: "https://ci.example"}, "exactly one"},
		"all three":            {itsm.Evidence{Text: "green", Link: "https://ci.example", Digest: digest}, "exactly one"},
		"a script":             {itsm.Evidence{Link: "javascript:alert(1)"}, "no link"},
		"a link to nowhere":    {itsm.Evidence{Link: "https:///log"}, "no link"},
		"a path":               {itsm.Evidence{Link: "/etc/passwd"}, "no link"},
		"no link at all":       {itsm.Evidence{Link: "see %zz"}, "no link"},
		"too long a link":      {itsm.Evidence{Link: "https://ci.example/" + strings.Repeat("a", 4000)}, "no link"},
		"a short digest":       {itsm.Evidence{Digest: digest[:60]}, "no digest"},
		"a long digest":        {itsm.Evidence{Digest: digest + "0"}, "no digest"},
		"a digest in capitals": {itsm.Evidence{Digest: strings.ToUpper(digest)}, "no digest"},
		"another digest":       {itsm.Evidence{Digest: "md5:" + strings.Repeat("0", 32)}, "no digest"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checked, err := itsm.CheckEvidence([]itsm.Evidence{test.given})
			if test.fault == "" {
				require.NoError(t, err)
				assert.Equal(t, []itsm.Evidence{test.given}, checked)
				return
			}
			assert.Equal(t, itsm.CodeEvidenceInvalid, itsm.ErrorCode(err))
			assert.ErrorContains(t, err, test.fault)
		})
	}
}

func TestNobodySaysForThemselvesWhoGaveEvidenceAndWhen(t *testing.T) {
	t.Parallel()
	checked, err := itsm.CheckEvidence([]itsm.Evidence{{Text: "green", By: "maria", At: time.Unix(1, 0), File: "x", Size: 3}})
	require.NoError(t, err)
	assert.Equal(t, []itsm.Evidence{{Text: "green"}}, checked)
}

func TestAllFaultsOfEvidenceAreToldAtOnce(t *testing.T) {
	t.Parallel()
	_, err := itsm.CheckEvidence([]itsm.Evidence{{}, {Text: "green"}, {Link: "x"}})
	var refusal *itsm.Error
	require.ErrorAs(t, err, &refusal)
	require.Len(t, refusal.Fields, 2)
	assert.Equal(t, "/evidence/0", refusal.Fields[0].Field)
	assert.Equal(t, "/evidence/2", refusal.Fields[1].Field)
	_, err = itsm.CheckEvidence(make([]itsm.Evidence, 51))
	assert.ErrorContains(t, err, "51 pieces of evidence are more than 50")
}
