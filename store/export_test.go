package store

import "github.com/steward-itsm/steward/itsm"

// Question is a statement that the tests have the database explain.
type Question struct {
	Statement string
	Args      []any
}

func ConflictsQuestion(slot itsm.Slot) Question {
	statement, args := conflictsStatement(slot)
	return Question{statement, args}
}

func (f CalendarFilter) Question() Question {
	statement, args, err := f.statement()
	if err != nil {
		panic(err) // only a cursor can be wrong
	}
	return Question{statement, args}
}
