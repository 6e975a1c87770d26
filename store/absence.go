package store

import (
	"context"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// AddAbsence stores a time in which a person is away, and that the command was
// begun; FinishCommand ends it. The same absence again changes nothing. Another
// one under the same key has itsm.CodeKeyReused.
func (s *Store) AddAbsence(ctx context.Context, c Command, a itsm.Absence, at time.Time) error {
	if !a.From.Before(a.To) {
		return itsm.FieldErrorf(itsm.CodeAbsenceInvalid, "/to", "an absence must end after it begins; set a later end")
	}
	err := s.write(ctx, "add absence", func(q query) error {
		if _, begun, err := q.answer(ctx, c); begun || err != nil {
			return err
		}
		if err := q.begin(ctx, c, "", at); err != nil {
			return err
		}
		_, err := q.exec(ctx, `INSERT INTO absences (person, starts, ends, delegate, entered_by, entered_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			a.Person, micros(a.From), micros(a.To), a.Delegate, c.Actor.String(), micros(at))
		return err
	})
	if err != nil {
		return fmt.Errorf("storing an absence of %s: %w", a.Person, err)
	}
	return nil
}

// Absences gives the absences of the persons that have at least an instant of
// from (included) to to (excluded), by person and beginning.
func (s *Store) Absences(ctx context.Context, persons []string, from, to time.Time) ([]itsm.Absence, error) {
	var all []itsm.Absence
	for chunk := range chunks(persons) {
		args := make([]any, 0, len(chunk)+2)
		for _, person := range chunk {
			args = append(args, person)
		}
		var rows []absenceRow
		err := s.read("absences").list(ctx, &rows, `SELECT person, starts, ends, delegate FROM absences WHERE person IN `+tuples(1, len(chunk))+
			` AND starts < ? AND ends > ? ORDER BY person, starts, ends, delegate`, append(args, micros(to), micros(from))...)
		if err != nil {
			return nil, fmt.Errorf("reading absences: %w", err)
		}
		for _, r := range rows {
			all = append(all, itsm.Absence{Person: r.Person, From: fromMicros(r.Starts), To: fromMicros(r.Ends), Delegate: r.Delegate})
		}
	}
	return all, nil
}

type absenceRow struct {
	Person   string `db:"person"`
	Starts   int64  `db:"starts"`
	Ends     int64  `db:"ends"`
	Delegate string `db:"delegate"`
}
