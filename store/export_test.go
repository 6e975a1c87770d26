package store

import (
	"time"

	"github.com/steward-itsm/steward/itsm"
)

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

func TransitionsQuestion(service string) Question {
	return Question{selectTransitions, []any{service}}
}

func (f MaintenanceFilter) Question() Question {
	statement, args, err := f.statement()
	if err != nil {
		panic(err) // only a cursor can be wrong
	}
	return Question{statement, args}
}

func MaintenanceAtQuestion(service string, at time.Time) Question {
	us := micros(at)
	return Question{selectMaintenanceAt, []any{service, us, us, us}}
}
