package store

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// Page is a part of a list. Next is the cursor of what follows, "" at the end.
type Page[T any] struct {
	Items []T
	Next  string
}

const (
	defaultLimit = 50
	maxLimit     = 500
)

// pageSize turns what a caller asked for into what they get.
func pageSize(limit int) int {
	if limit <= 0 {
		return defaultLimit
	}
	return min(limit, maxLimit)
}

// mark is the place of a row in its list: the values that the list is sorted
// by. Callers see it as an opaque cursor.
type mark struct {
	List    string   `json:"l"` // a cursor of one list is none of another
	Numbers []int64  `json:"n,omitempty"`
	Texts   []string `json:"t,omitempty"`
}

func (m mark) cursor() string {
	text, _ := json.Marshal(m) // numbers and texts can't fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// parse reads a cursor into a mark of the same shape as m. The error has itsm.CodeInvalid.
func (m mark) parse(cursor string) (mark, error) {
	var read mark
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil || read.List != m.List || len(read.Numbers) != len(m.Numbers) || len(read.Texts) != len(m.Texts) ||
		strings.ContainsRune(strings.Join(read.Texts, ""), 0) {
		return mark{}, itsm.FieldErrorf(itsm.CodeInvalid, "/cursor", "this cursor is not one of this list; start without a cursor")
	}
	return read, nil
}

// args gives the values in the order of the list, numbers first.
func (m mark) args() []any {
	args := make([]any, 0, len(m.Numbers)+len(m.Texts))
	for _, n := range m.Numbers {
		args = append(args, n)
	}
	for _, t := range m.Texts {
		args = append(args, t)
	}
	return args
}

// paged makes a page of rows that were read with one more than the size asked
// for, which tells whether there are more without counting them.
func paged[R, T any](rows []R, size int, item func(R) (T, error), at func(R) mark) (Page[T], error) {
	page := Page[T]{Items: make([]T, 0, min(len(rows), size))}
	if len(rows) > size {
		rows = rows[:size]
		page.Next = at(rows[size-1]).cursor()
	}
	for _, row := range rows {
		one, err := item(row)
		if err != nil {
			return Page[T]{}, err
		}
		page.Items = append(page.Items, one)
	}
	return page, nil
}
