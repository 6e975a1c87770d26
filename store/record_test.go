package store_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// opening is the first record of a process: one event, and maria and tom are asked.
func opening(id string) itsm.Record { return step(id, 1, 1) }

// step records the events from first to last of an approval that stays open.
func step(id string, first, last int) itsm.Record {
	kind, _ := itsm.KindOf(id)
	r := itsm.Record{Process: id}
	for n := first; n <= last; n++ {
		r.Events = append(r.Events, itsm.Event{
			Process: id, Number: n, Time: noon.Add(time.Duration(n) * time.Minute), Type: "decision.made",
			Actor: itsm.Person("raj"), Key: fmt.Sprintf("key-%d", n), Comment: "größer <als> & \u0000",
			Data: json.RawMessage(fmt.Sprintf(`{"z":%d,"a":1.50,"text":"<&>"}`, n)),
		})
	}
	r.View = itsm.View{
		ID: id, Kind: kind, Summary: "Oscilloscope", State: itsm.StateOpen, Requester: itsm.Person("raj"),
		Service: "lab", Definitions: []itsm.DefinitionRef{{Kind: "ApprovalFlow", Name: "purchase", Digest: "d1"}},
		Opened: noon, Updated: noon.Add(time.Duration(last) * time.Minute), LastEvent: last,
		Subject: json.RawMessage(`{"item":"Oscilloscope","amount":7400}`),
	}
	for _, person := range []string{"maria", "tom"} {
		r.Inbox = append(r.Inbox, waits(id, "manager", person))
	}
	return r
}

func waits(id, task, person string) itsm.InboxItem {
	return itsm.InboxItem{Process: id, Task: task, Person: person, Action: "decide", Title: "Oscilloscope", Since: noon}
}

// closing records one event that closes the process.
func closing(id string, number int, outcome string) itsm.Record {
	r := step(id, number, number)
	closed := noon.Add(time.Hour)
	r.View.State, r.View.Outcome, r.View.Closed, r.Inbox = itsm.StateClosed, outcome, &closed, nil
	return r
}

func TestRecordedProcessComesBackAsItWasGiven(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := step("APR-1", 1, 3)
		require.NoError(t, b.Record(t.Context(), r))

		view, err := b.View(t.Context(), "APR-1")
		require.NoError(t, err)
		assert.Equal(t, r.View, view)
		events, err := b.Events(t.Context(), "APR-1", 0, 0)
		require.NoError(t, err)
		assert.Equal(t, r.Events, events)
		later, err := b.Events(t.Context(), "APR-1", 1, 1)
		require.NoError(t, err)
		assert.Equal(t, r.Events[1:2], later)
		inbox, err := b.Inbox(t.Context(), "maria", "", 0)
		require.NoError(t, err)
		assert.Equal(t, r.Inbox[:1], inbox.Items)
	})
}

func TestRepeatedRecordChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		whole := step("APR-1", 1, 4)
		require.NoError(t, b.Record(t.Context(), whole))
		for _, again := range []itsm.Record{whole, step("APR-1", 1, 1), step("APR-1", 2, 3), step("APR-1", 4, 4)} {
			require.NoError(t, b.Record(t.Context(), again))
		}
		assertStored(t, b, whole)

		overlapping := step("APR-1", 3, 6)
		require.NoError(t, b.Record(t.Context(), overlapping))
		assertStored(t, b, step("APR-1", 1, 6))
	})
}

// assertStored checks that the process is stored as if the record, which has
// all its events, had been the only one.
func assertStored(t assert.TestingT, b bundle, whole itsm.Record) {
	ctx, id := contextOf(t), whole.Process
	view, err := b.View(ctx, id)
	assert.NoError(t, err)
	assert.Equal(t, whole.View, view)
	events, err := b.Events(ctx, id, 0, 500)
	assert.NoError(t, err)
	assert.Equal(t, whole.Events, events)
	for _, person := range []string{"maria", "tom", "ines"} {
		var want []itsm.InboxItem
		for _, item := range whole.Inbox {
			if item.Person == person {
				want = append(want, item)
			}
		}
		inbox, err := b.Inbox(ctx, person, "", 0)
		assert.NoError(t, err)
		assert.ElementsMatch(t, want, inbox.Items, person)
	}
}

func TestLateDuplicateNeverSetsAViewBack(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))
		require.NoError(t, b.Record(t.Context(), closing("APR-1", 2, "approved")))
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))

		view, err := b.View(t.Context(), "APR-1")
		require.NoError(t, err)
		assert.Equal(t, "approved", view.Outcome)
		inbox, err := b.Inbox(t.Context(), "maria", "", 0)
		require.NoError(t, err)
		assert.Empty(t, inbox.Items)
	})
}

func TestWrongRecordsAreRefusedAndLeaveNothing(t *testing.T) {
	other := func(change func(*itsm.Record)) itsm.Record {
		r := step("APR-1", 2, 3)
		change(&r)
		return r
	}
	wrong := map[string]itsm.Record{
		"an event with other content":      {Process: "APR-1", Events: retyped(opening("APR-1")), View: opening("APR-1").View},
		"other content before a new event": {Process: "APR-1", Events: append(retyped(opening("APR-1")), step("APR-1", 2, 2).Events...), View: step("APR-1", 2, 2).View},
		"a gap after the journal":          step("APR-1", 3, 3),
		"a gap before the first event":     step("APR-2", 2, 2),
		"a gap between its events":         other(func(r *itsm.Record) { r.Events[1].Number = 4 }),
		"an event of another process":      other(func(r *itsm.Record) { r.Events[1].Process = "APR-9" }),
		"a view of another process":        other(func(r *itsm.Record) { r.View.ID = "APR-9" }),
		"a view ahead of the journal":      other(func(r *itsm.Record) { r.View.LastEvent = 4 }),
		"a new process without an event":   {Process: "APR-2", View: opening("APR-2").View},
		"a closed view without an outcome": other(func(r *itsm.Record) { r.View.State = itsm.StateClosed }),
		"an outcome of an open process":    other(func(r *itsm.Record) { r.View.Outcome = "approved" }),
		"an unknown state":                 other(func(r *itsm.Record) { r.View.State = "limbo" }),
		"a task of another process":        other(func(r *itsm.Record) { r.Inbox[0].Process = "APR-9" }),
		"a task twice for one person":      other(func(r *itsm.Record) { r.Inbox = append(r.Inbox, r.Inbox[0]) }),
	}
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))
		for name, r := range wrong {
			err := b.Record(t.Context(), r)
			require.Error(t, err, name)
			assert.Equal(t, itsm.CodeRecordConflict, itsm.ErrorCode(err), "%s: %v", name, err)
		}
		assertStored(t, b, opening("APR-1"))
		_, err := b.View(t.Context(), "APR-2")
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func retyped(r itsm.Record) []itsm.Event {
	r.Events[0].Type = "forged"
	return r.Events
}

func TestOutcomeOfAClosedProcessNeverChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))
		require.NoError(t, b.Record(t.Context(), closing("APR-1", 2, "approved")))

		requireCode(t, itsm.CodeRecordConflict, b.Record(t.Context(), closing("APR-1", 3, "rejected")))
		requireCode(t, itsm.CodeRecordConflict, b.Record(t.Context(), step("APR-1", 3, 3)))
		require.NoError(t, b.Record(t.Context(), closing("APR-1", 3, "approved")), "what happens afterwards is still recorded")

		view, err := b.View(t.Context(), "APR-1")
		require.NoError(t, err)
		assert.Equal(t, "approved", view.Outcome)
		assert.Equal(t, 3, view.LastEvent)
	})
}

func TestDatabaseItselfRefusesWhatMustNotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))
		require.NoError(t, b.Record(t.Context(), closing("APR-1", 2, "approved")))
		apply(t, b, definition("Person", "alice", "d1"))
		raw := b.raw(t)
		for _, statement := range []string{
			`UPDATE journal SET body = '{}'`,
			`DELETE FROM journal`,
			`INSERT INTO journal (process, number, at, type, actor, key, body) SELECT process, number, at, type, actor, key, body FROM journal`,
			`UPDATE views SET outcome = 'rejected'`,
			`UPDATE views SET state = 'open', outcome = ''`,
			`UPDATE views SET last_event = 1`,
			`UPDATE views SET recorded = 1, last_event = 1`,
			`UPDATE definition_versions SET text = 'other'`,
			`DELETE FROM definition_versions`,
			`UPDATE definition_heads SET number = 7`,
		} {
			_, err := raw.Exec(statement)
			assert.Error(t, err, statement)
		}
		events, err := b.Events(t.Context(), "APR-1", 0, 0)
		require.NoError(t, err)
		assert.Len(t, events, 2)
	})
}

func TestInboxFollowsTheView(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		require.NoError(t, b.Record(t.Context(), opening("APR-1")))

		next, due := step("APR-1", 2, 2), noon.Add(time.Hour)
		next.Inbox = []itsm.InboxItem{waits("APR-1", "manager", "tom"), waits("APR-1", "finance", "ines")}
		next.Inbox[0].Due = &due
		require.NoError(t, b.Record(t.Context(), next))

		whole := step("APR-1", 1, 2)
		whole.Inbox = next.Inbox
		assertStored(t, b, whole)
	})
}

func TestRecordTakesFewStatements(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		count := func(r itsm.Record) int64 {
			before := b.Statements()
			require.NoError(t, b.Record(t.Context(), r))
			return b.Statements() - before
		}
		vote, stage := step("APR-1", 2, 4), step("APR-1", 5, 9)
		vote.Inbox = vote.Inbox[:1]
		stage.Inbox = []itsm.InboxItem{waits("APR-1", "finance", "ines")}
		assert.EqualValues(t, 3, count(opening("APR-1")), "view, journal, inbox")
		assert.EqualValues(t, 4, count(vote), "one item goes")
		assert.EqualValues(t, 5, count(stage), "one goes, one comes")
		assert.EqualValues(t, 4, count(closing("APR-1", 10, "approved")))
	})
}

func TestLargeRecordsAreStoredWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := step("APR-1", 1, 1300)
		for n := range 1300 {
			r.Inbox = append(r.Inbox, waits("APR-1", "all", fmt.Sprintf("person-%d", n)))
		}
		require.NoError(t, b.Record(t.Context(), r))
		last, err := b.Events(t.Context(), "APR-1", 1299, 10)
		require.NoError(t, err)
		assert.Equal(t, r.Events[1299:], last)

		require.NoError(t, b.Record(t.Context(), closing("APR-1", 1301, "approved")))
		inbox, err := b.Inbox(t.Context(), "person-1299", "", 0)
		require.NoError(t, err)
		assert.Empty(t, inbox.Items)
	})
}

func TestCommandIsFoundByItsKey(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := step("APR-1", 1, 3)
		r.Events[1].Key, r.Events[2].Key = "same", "same"
		r.Events[0].Key = ""
		require.NoError(t, b.Record(t.Context(), r))

		found, ok, err := b.EventByKey(t.Context(), "APR-1", "same")
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, r.Events[1], found)
		for _, c := range [][2]string{{"APR-1", "other"}, {"APR-2", "same"}, {"APR-1", ""}} {
			_, ok, err = b.EventByKey(t.Context(), c[0], c[1])
			require.NoError(t, err)
			assert.False(t, ok, c)
		}
	})
}
