package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Maintenance is a time in which work on a service is announced, and nobody is
// paged for it. All times are UTC.
type Maintenance struct {
	ID      string     `json:"id"` // "MNT-1"
	Service string     `json:"service"`
	From    time.Time  `json:"from"`
	To      time.Time  `json:"to"` // the first instant after
	Reason  string     `json:"reason"`
	By      itsm.Actor `json:"by"`
	At      time.Time  `json:"at"`              // when it was entered
	Ended   *time.Time `json:"ended,omitempty"` // when it was called off before its end
}

// AddMaintenance stores a maintenance, and gives it with the ID that it got and
// the command's actor as the one who entered it. The same command again gets the
// same answer. Another one under the same key has itsm.CodeKeyReused, one that
// ends before it begins itsm.CodeInvalid.
func (s *Store) AddMaintenance(ctx context.Context, c Command, m Maintenance) (Maintenance, error) {
	if !m.From.Before(m.To) {
		return Maintenance{}, itsm.FieldErrorf(itsm.CodeInvalid, "/to", "a maintenance must end after it begins; set a later end")
	}
	m.By, m.From, m.To, m.At, m.Ended = c.Actor, kept(m.From), kept(m.To), kept(m.At), nil
	var stored Maintenance
	err := s.write(ctx, "add maintenance", func(q query) error {
		answer, begun, err := q.answer(ctx, c)
		if err != nil {
			return err
		}
		if begun {
			return json.Unmarshal(answer, &stored)
		}
		stored, err = q.addMaintenance(ctx, c, m)
		return err
	})
	if err != nil {
		return Maintenance{}, fmt.Errorf("storing a maintenance of %s: %w", m.Service, err)
	}
	return stored, nil
}

func (q query) addMaintenance(ctx context.Context, c Command, m Maintenance) (Maintenance, error) {
	number, err := q.nextNumber(ctx, "maintenance")
	if err != nil {
		return Maintenance{}, fmt.Errorf("reserving a number: %w", err)
	}
	m.ID = fmt.Sprintf("MNT-%d", number)
	answer, err := encode(m)
	if err != nil {
		return Maintenance{}, err
	}
	if err := q.begin(ctx, c, answer, m.At); err != nil {
		return Maintenance{}, err
	}
	_, err = q.exec(ctx, `INSERT INTO maintenances (id, service, starts, ends, reason, entered_by, entered_at) VALUES `+tuples(1, 7),
		m.ID, m.Service, micros(m.From), micros(m.To), m.Reason, m.By.String(), micros(m.At))
	return m, err
}

// EndMaintenance calls a maintenance off, and gives it as it is then. One that
// is over, or was called off, stays as it is. itsm.CodeNotFound where there is none.
func (s *Store) EndMaintenance(ctx context.Context, id string, at time.Time) (Maintenance, error) {
	var row maintenanceRow
	err := s.write(ctx, "end maintenance", func(q query) error {
		_, err := q.exec(ctx, `UPDATE maintenances SET ended = ? WHERE id = ? AND ended IS NULL AND ends > ?`, micros(at), id, micros(at))
		if err != nil {
			return err
		}
		err = q.get(ctx, &row, selectMaintenances+` WHERE id = ?`, id)
		return missing(err, "there is no maintenance %s; see the list of maintenances", id)
	})
	if err != nil {
		return Maintenance{}, fmt.Errorf("ending maintenance %s: %w", id, err)
	}
	return row.maintenance()
}

// MaintenanceFilter narrows a list of maintenances.
type MaintenanceFilter struct {
	Service string    // "" is all
	From    time.Time // those that were not planned to be over by then
	Cursor  string    // Page.Next of the page before
	Limit   int       // 0 is 50, and at most 500
}

// Maintenances lists maintenances, also those that were called off, the one that
// is planned to end first first. A cursor that is none has itsm.CodeInvalid.
func (s *Store) Maintenances(ctx context.Context, f MaintenanceFilter) (Page[Maintenance], error) {
	statement, args, err := f.statement()
	if err != nil {
		return Page[Maintenance]{}, err
	}
	var rows []maintenanceRow
	if err := s.read("maintenances").list(ctx, &rows, statement, args...); err != nil {
		return Page[Maintenance]{}, fmt.Errorf("listing maintenances: %w", err)
	}
	return paged(rows, pageSize(f.Limit), maintenanceRow.maintenance, maintenanceRow.mark)
}

// statement asks for one row more than the page has.
func (f MaintenanceFilter) statement() (statement string, args []any, err error) {
	statement, args = selectMaintenances+` WHERE ends > ?`, []any{micros(f.From)}
	if f.Service != "" {
		statement += ` AND service = ?`
		args = append(args, f.Service)
	}
	if f.Cursor != "" {
		from, err := maintenanceRow{}.mark().parse(f.Cursor)
		if err != nil {
			return "", nil, err
		}
		statement += ` AND (ends, id) > (?, ?)`
		args = append(args, from.args()...)
	}
	return statement + ` ORDER BY ends, id LIMIT ?`, append(args, pageSize(f.Limit)+1), nil
}

// MaintenanceAt gives the maintenance of a service at an instant; of several,
// the one that lasts longest; nil where there is none.
func (s *Store) MaintenanceAt(ctx context.Context, service string, at time.Time) (*Maintenance, error) {
	var row maintenanceRow
	us := micros(at)
	err := s.read("maintenance at").get(ctx, &row, selectMaintenanceAt, service, us, us, us)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for a maintenance of %s: %w", service, err)
	}
	m, err := row.maintenance()
	return &m, err
}

const selectMaintenances = `SELECT id, service, starts, ends, ended, reason, entered_by, entered_at FROM maintenances`

const selectMaintenanceAt = selectMaintenances +
	` WHERE service = ? AND ends > ? AND starts <= ? AND (ended IS NULL OR ended > ?) ORDER BY ends DESC, id DESC LIMIT 1`

type maintenanceRow struct {
	ID        string `db:"id"`
	Service   string `db:"service"`
	Starts    int64  `db:"starts"`
	Ends      int64  `db:"ends"`
	Ended     *int64 `db:"ended"`
	Reason    string `db:"reason"`
	EnteredBy string `db:"entered_by"`
	EnteredAt int64  `db:"entered_at"`
}

func (r maintenanceRow) mark() mark {
	return mark{List: "maintenances", Numbers: []int64{r.Ends}, Texts: []string{r.ID}}
}

func (r maintenanceRow) maintenance() (Maintenance, error) {
	by, err := parseActor(r.EnteredBy)
	return Maintenance{
		ID: r.ID, Service: r.Service, From: fromMicros(r.Starts), To: fromMicros(r.Ends), Reason: r.Reason,
		By: by, At: fromMicros(r.EnteredAt), Ended: optionalTime(r.Ended),
	}, err
}
