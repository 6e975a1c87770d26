package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// Problem is one fault in one document.
type Problem struct {
	Code     string `json:"code"`     // one of Codes
	Message  string `json:"message"`  // what is wrong and what to do
	File     string `json:"file"`     // the source's name
	Line     int    `json:"line"`     // from 1; 0 where the document has no text
	Column   int    `json:"column"`   // from 1, in characters
	Document string `json:"document"` // "ApprovalFlow/purchase", as far as known
	Path     string `json:"path"`     // JSON Pointer into the document: /spec/stages/0/need
}

// String gives "file:line:column: code: message".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s: %s", p.File, p.Line, p.Column, p.Code, p.Message)
}

// Problems are all faults of all documents, by file, line and column.
type Problems []Problem

// Error implements error, one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Fault gives the problems as one *itsm.Error with CodeDefinitionInvalid, or
// nil where there are none.
func (ps Problems) Fault() error {
	if len(ps) == 0 {
		return nil
	}
	err := itsm.Errorf(itsm.CodeDefinitionInvalid, "%d fault(s) in the documents, and nothing was applied; correct them and apply again", len(ps))
	for _, p := range ps {
		err.Fields = append(err.Fields, itsm.FieldError{Field: p.Path, Code: itsm.Code(p.Code), Message: p.String()})
	}
	return err
}

// maxProblems is how many are told at once: more than anyone reads, and few
// enough that a hostile text can't fill the memory with them.
const maxProblems = 1000

// sorted gives the first problems in order.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
	return ps[:min(len(ps), maxProblems)]
}

// nearest gives `; did you mean "x"?` where one of the candidates is close to
// what was written, or nothing.
func nearest(written string, candidates []string) string {
	best, distance := "", len(written)/3+1
	for _, candidate := range slices.Sorted(slices.Values(candidates)) {
		if d := editDistance(written, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the insertions, deletions and replacements between two
// words. Long ones are not compared: they would only cost time.
func editDistance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
