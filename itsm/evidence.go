package itsm

import (
	"fmt"
	"net/url"
	"regexp"
	"unicode/utf8"
)

const (
	evidenceAtMost = 50   // pieces on one task
	textAtMost     = 4000 // characters of one text
)

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// CheckEvidence checks pieces of evidence as they were given, of which each is
// exactly one of a text, a link and the digest of an uploaded file. The error
// has CodeEvidenceInvalid and all faults as fields.
func CheckEvidence(given []Evidence) ([]Evidence, error) {
	if len(given) > evidenceAtMost {
		return nil, FieldErrorf(CodeEvidenceInvalid, "/evidence", "%d pieces of evidence are more than %d; put them in a file", len(given), evidenceAtMost)
	}
	var faults []FieldError
	checked := make([]Evidence, len(given))
	for i, one := range given {
		if why := evidenceFault(one); why != "" {
			faults = append(faults, FieldError{Field: fmt.Sprintf("/evidence/%d", i), Code: CodeEvidenceInvalid, Message: why})
		}
		checked[i] = Evidence{Text: one.Text, Link: one.Link, Digest: one.Digest}
	}
	if len(faults) > 0 {
		err := Errorf(CodeEvidenceInvalid, "%s; correct it and send it again", faults[0].Message)
		err.Fields = faults
		return nil, err
	}
	return checked, nil
}

func evidenceFault(e Evidence) string {
	given := 0
	for _, part := range []string{e.Text, e.Link, e.Digest} {
		if part != "" {
			given++
		}
	}
	link, err := url.Parse(e.Link)
	switch {
	case given != 1:
		return "a piece of evidence is exactly one of text, link and file"
	case utf8.RuneCountInString(e.Text) > textAtMost:
		return fmt.Sprintf("a text of evidence may have %d characters; upload a longer one as a file", textAtMost)
	case e.Link != "" && (err != nil || link.Scheme != "http" && link.Scheme != "https" || link.Host == "" || len(e.Link) > textAtMost):
		return fmt.Sprintf("%.100q is no link; give an http or https URL", e.Link)
	case e.Digest != "" && !digestForm.MatchString(e.Digest):
		return fmt.Sprintf("%.100q is no digest; give the one that the upload answered with", e.Digest)
	}
	return ""
}
