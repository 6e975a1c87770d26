package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// Raise is an alert as it came in.
type Raise struct {
	Alert itsm.Alert
	Times int // how often it came since the last time, where the caller gathers repeats; 0 is once
	At    time.Time
}

// Raised is what became of an alert.
type Raised struct {
	Incident string     // "" where something ended of which no incident is open
	New      bool       // the incident's process is still to be started, under this ID
	Changed  bool       // the process is still to be told; see AlertTold
	Alert    itsm.Alert // as the process is to know it, with its Change; only where New or Changed
	Repeats  int        // how often it fired again while its incident is open
}

// Raise finds the incident of an alert: the one that is open for its service and
// key, or a new one that it reserves the ID of. However many raise the same
// alert at the same time, there is one.
//
// An alert that fires again as it did is only counted, in one statement. What
// changes something has a number, by which its process tells what overtook what:
// that it fires again after it was over, became worse than ever, was
// acknowledged or is over. What is not firing says only that: the rest of the
// alert stays as it was, and its severity is the worst so far.
//
// New and Changed stay until the process is recorded and was told: an earlier
// try may have broken off. So a process may be new for an alert that is over
// already; it must be started nonetheless, because another caller may have
// started it.
func (s *Store) Raise(ctx context.Context, r Raise) (Raised, error) {
	raised, counted, err := query{s, "repeat alert", s.writes}.repeat(ctx, r)
	if err == nil && !counted {
		err = s.write(ctx, "raise alert", func(q query) error {
			raised, err = q.raise(ctx, r)
			return err
		})
	}
	if err != nil {
		return Raised{}, fmt.Errorf("raising alert %q of %s: %w", r.Alert.Key, r.Alert.Service, err)
	}
	return raised, nil
}

// repeat counts an alert that says what its process knows already. It leaves the
// body alone, which may be large.
func (q query) repeat(ctx context.Context, r Raise) (raised Raised, counted bool, err error) {
	var row alertRow
	at := micros(r.At)
	err = q.get(ctx, &row, `UPDATE alerts SET repeats = repeats + ?, last_at = CASE WHEN last_at < ? THEN ? ELSE last_at END
		WHERE service = ? AND key = ? AND status = ? AND severity >= ? AND told = changes
		AND EXISTS (SELECT 1 FROM views WHERE id = alerts.incident AND state <> 'closed')
		RETURNING incident, repeats`,
		r.repeats(), at, at, r.Alert.Service, r.Alert.Key, r.Alert.Status, r.rank())
	if errors.Is(err, sql.ErrNoRows) {
		return Raised{}, false, nil
	}
	return Raised{Incident: row.Incident, Repeats: row.Repeats}, err == nil, err
}

// raise locks the alert's row before it looks at the incident: what was decided
// under an earlier lock is seen by then.
func (q query) raise(ctx context.Context, r Raise) (Raised, error) {
	row, err := q.lockAlert(ctx, r.Alert)
	if err != nil {
		return Raised{}, err
	}
	state, err := q.stateOf(ctx, row.Incident)
	if err == nil && state == itsm.StateClosed {
		row.Incident, state, err = q.goesOnIn(ctx, row.Incident)
	}
	switch {
	case err != nil:
		return Raised{}, err
	case row.Incident != "" && state != itsm.StateClosed:
		return q.change(ctx, row, r, state == "")
	case r.Alert.Status != itsm.AlertFiring:
		return Raised{}, nil
	}
	return q.openFor(ctx, row.Incident, r)
}

const selectAlerts = `SELECT incident, severity, status, changes, told, repeats, first_at, last_at, body FROM alerts`

// lockAlert gives the zero row where the alert is new.
func (q query) lockAlert(ctx context.Context, a itsm.Alert) (row alertRow, err error) {
	err = q.get(ctx, &row, selectAlerts+` WHERE service = ? AND key = ?`+q.store.dialect.forUpdate, a.Service, a.Key)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return row, err
}

// stateOf gives "" where nothing of the process is recorded yet.
func (q query) stateOf(ctx context.Context, process string) (state itsm.State, err error) {
	if process == "" {
		return "", nil
	}
	err = q.get(ctx, &state, `SELECT state FROM views WHERE id = ?`, process)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return state, err
}

// goesOnIn follows an incident that is closed to the open one that it was merged
// into, however often, which has its alerts from now on: it may not have got them
// yet. It gives the incident itself where there is none.
func (q query) goesOnIn(ctx context.Context, incident string) (string, itsm.State, error) {
	seen := []string{incident}
	for {
		var row viewRow
		err := q.get(ctx, &row, `SELECT id, opened, body FROM views WHERE id = ?`, seen[len(seen)-1])
		if err != nil {
			return "", "", fmt.Errorf("reading into what %s was merged: %w", incident, err)
		}
		view, err := row.view()
		if err != nil {
			return "", "", err
		}
		if view.State != itsm.StateClosed {
			return view.ID, view.State, q.handOverAlerts(ctx, incident, view.ID)
		}
		var detail struct{ MergedInto string }
		_ = json.Unmarshal(view.Detail, &detail) // what has none was merged into nothing
		if detail.MergedInto == "" || slices.Contains(seen, detail.MergedInto) {
			return incident, itsm.StateClosed, nil
		}
		seen = append(seen, detail.MergedInto)
	}
}

// openFor gives the alert an incident of its own. The incident that it had is
// part of the statement, because a row that isn't there yet can't be locked.
func (q query) openFor(ctx context.Context, before string, r Raise) (Raised, error) {
	number, err := q.nextNumber(ctx, string(itsm.KindIncident))
	if err != nil {
		return Raised{}, fmt.Errorf("reserving a number: %w", err)
	}
	alert := r.Alert
	alert.Change = 0
	body, err := encode(alert)
	if err != nil {
		return Raised{}, err
	}
	const columns = `incident, severity, status, changes, told, repeats, first_at, last_at, body`
	incident, repeats := itsm.KindIncident.ID(number), r.repeats()-1
	written, err := q.exec(ctx, `INSERT INTO alerts (service, key, `+columns+`) VALUES `+tuples(1, 11)+` ON CONFLICT (service, key) DO UPDATE SET (`+columns+`) =
		(excluded.incident, excluded.severity, excluded.status, excluded.changes, excluded.told, excluded.repeats, excluded.first_at, excluded.last_at, excluded.body)
		WHERE alerts.incident = ?`,
		alert.Service, alert.Key, incident, r.rank(), alert.Status, 0, 0, repeats, micros(r.At), micros(r.At), body, before)
	if err == nil && written == 0 {
		err = errRace
	}
	return Raised{Incident: incident, New: true, Alert: alert, Repeats: repeats}, err
}

// change takes what an alert says of an incident that is open, or about to be.
func (q query) change(ctx context.Context, row alertRow, r Raise, isNew bool) (Raised, error) {
	alert, err := row.alert()
	if err != nil {
		return Raised{}, err
	}
	if row.differs(r) {
		alert = next(alert, r.Alert)
		row.Changes++
		alert.Change = row.Changes
	}
	body, err := encode(alert)
	if err != nil {
		return Raised{}, err
	}
	row.Repeats += r.repeats()
	_, err = q.exec(ctx, `UPDATE alerts SET (severity, status, changes, repeats, last_at, body) = (?, ?, ?, ?, ?, ?) WHERE service = ? AND key = ?`,
		rank(alert.Severity), alert.Status, row.Changes, row.Repeats, max(row.LastAt, micros(r.At)), body, r.Alert.Service, r.Alert.Key)
	raised := Raised{Incident: row.Incident, New: isNew, Changed: row.Told < row.Changes, Repeats: row.Repeats}
	if raised.New || raised.Changed {
		raised.Alert = alert
	}
	return raised, err
}

// differs tells whether the process must hear of what an alert says now.
// Somebody who acknowledges what is over changes nothing.
func (r alertRow) differs(now Raise) bool {
	if now.Alert.Status == itsm.AlertAcknowledged {
		return r.Status == itsm.AlertFiring
	}
	return r.Status != now.Alert.Status || now.rank() > r.Severity
}

// next is an alert after what was said of it.
func next(before, now itsm.Alert) itsm.Alert {
	if now.Status != itsm.AlertFiring {
		before.Status = now.Status
		return before
	}
	if !now.Severity.WorseThan(before.Severity) {
		now.Severity = before.Severity
	}
	return now
}

// rank orders alerts by their severity. What is not firing is never worse than
// it was.
func (r Raise) rank() int {
	if r.Alert.Status != itsm.AlertFiring {
		return 0
	}
	return rank(r.Alert.Severity)
}

func rank(s itsm.Severity) (rank int) {
	for _, other := range []itsm.Severity{itsm.SeverityError, itsm.SeverityWarning, itsm.SeverityInfo} {
		if s.WorseThan(other) {
			rank++
		}
	}
	return rank
}

// repeats is how often the alert fired.
func (r Raise) repeats() int {
	if r.Alert.Status != itsm.AlertFiring {
		return 0
	}
	return max(r.Times, 1)
}

// AlertTold notes that the process of an incident knows an alert up to a change.
// What was noted later stays, and so does what another incident was told.
func (s *Store) AlertTold(ctx context.Context, service, key, incident string, change int) error {
	err := s.write(ctx, "alert told", func(q query) error {
		_, err := q.exec(ctx, `UPDATE alerts SET told = ? WHERE service = ? AND key = ? AND incident = ? AND told < ? AND changes >= ?`,
			change, service, key, incident, change, change)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting what %s was told: %w", incident, err)
	}
	return nil
}

// statusUnknown is what an alert has after somebody resolved its incident:
// whatever it says next is news.
const statusUnknown = itsm.AlertStatus("unknown")

// AlertsAreOver notes that somebody resolved an incident: an alert that still
// fires is news from now on, and reopens it.
func (s *Store) AlertsAreOver(ctx context.Context, incident string) error {
	err := s.write(ctx, "alerts are over", func(q query) error {
		_, err := q.exec(ctx, `UPDATE alerts SET status = ? WHERE incident = ?`, statusUnknown, incident)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting that the alerts of %s are over: %w", incident, err)
	}
	return nil
}

// HandOverAlerts gives the alerts of an incident to the one that it is merged
// into. It refuses, with itsm.CodeProcessClosed, to do so where the other is
// closed or merged itself: of two that are merged into each other at once, one
// goes on. Once more changes nothing. An alert that fires before, though the merged
// one is closed already, has done the same.
func (s *Store) HandOverAlerts(ctx context.Context, from, to string) error {
	err := s.write(ctx, "hand over alerts", func(q query) error {
		return q.handOverAlerts(ctx, from, to)
	})
	if err != nil {
		return fmt.Errorf("handing the alerts of %s over to %s: %w", from, to, err)
	}
	return nil
}

func (q query) handOverAlerts(ctx context.Context, from, to string) error {
	if err := q.agree(ctx, from, to); err != nil {
		return err
	}
	_, err := q.exec(ctx, `UPDATE alerts SET incident = ? WHERE incident = ?`, to, from)
	return err
}

// agree lets one merge after the other see what those before it did.
func (q query) agree(ctx context.Context, from, to string) error {
	if err := q.serialise(ctx, lockMerges); err != nil {
		return err
	}
	var gone int
	err := q.get(ctx, &gone, `SELECT (SELECT COUNT(*) FROM merges WHERE incident = ?) + (SELECT COUNT(*) FROM views WHERE id = ? AND state = 'closed')`, to, to)
	if err != nil {
		return err
	}
	if gone > 0 {
		return itsm.Errorf(itsm.CodeProcessClosed, "%s is closed, or is being merged itself; name another", to)
	}
	_, err = q.exec(ctx, `INSERT INTO merges (incident, target) VALUES (?, ?) ON CONFLICT (incident) DO UPDATE SET target = excluded.target`, from, to)
	return err
}

// AlertState is an alert of an incident, and how often it came.
type AlertState struct {
	Alert   itsm.Alert
	Repeats int // how often it fired again
	FirstAt time.Time
	LastAt  time.Time
}

// AlertsOf lists the alerts that belong to an incident, by service and key, at
// most 500. One that fired again after the incident was closed belongs to the
// one that it opened.
func (s *Store) AlertsOf(ctx context.Context, incident string) ([]AlertState, error) {
	var rows []alertRow
	err := s.read("alerts").list(ctx, &rows, selectAlerts+` WHERE incident = ? ORDER BY service, key LIMIT ?`, incident, maxLimit)
	if err != nil {
		return nil, fmt.Errorf("listing the alerts of %s: %w", incident, err)
	}
	states := make([]AlertState, 0, len(rows))
	for _, row := range rows {
		alert, err := row.alert()
		if err != nil {
			return nil, err
		}
		states = append(states, AlertState{Alert: alert, Repeats: row.Repeats, FirstAt: fromMicros(row.FirstAt), LastAt: fromMicros(row.LastAt)})
	}
	return states, nil
}

type alertRow struct {
	Incident string           `db:"incident"`
	Severity int              `db:"severity"`
	Status   itsm.AlertStatus `db:"status"`
	Changes  int              `db:"changes"`
	Told     int              `db:"told"`
	Repeats  int              `db:"repeats"`
	FirstAt  int64            `db:"first_at"`
	LastAt   int64            `db:"last_at"`
	Body     string           `db:"body"`
}

func (r alertRow) alert() (alert itsm.Alert, err error) {
	if err := json.Unmarshal([]byte(r.Body), &alert); err != nil {
		return itsm.Alert{}, fmt.Errorf("reading an alert of %s: %w", r.Incident, err)
	}
	return alert, nil
}
