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
	r.Snapshot = json.RawMessage(fmt.Sprintf(`{"after":%d,"text":"<&>"}`, last))
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
		mustRecord(t, b.Store, r)

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
		for _, r := range []itsm.Record{step("APR-1", 1, 2), step("APR-1", 3, 4), closing("APR-1", 5, "approved")} {
			mustRecord(t, b.Store, r)
			mustRecord(t, b.Store, r)
		}
		whole := step("APR-1", 1, 5)
		whole.View, whole.Inbox = closing("APR-1", 5, "approved").View, nil
		assertStored(t, b, whole)
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
	assert.Equal(t, shown(whole.Events), events)
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

// shown gives the events as a reader of the journal sees them.
func shown(events []itsm.Event) (all []itsm.Event) {
	for _, e := range events {
		e.Answer, e.Tell = nil, nil
		all = append(all, e)
	}
	return all
}

func TestLateDuplicateNeverSetsAViewBack(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, opening("APR-1"))
		mustRecord(t, b.Store, closing("APR-1", 2, "approved"))
		_, err := b.Record(t.Context(), opening("APR-1"))
		require.NoError(t, err)

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
		"a gap after the journal":          step("APR-1", 3, 3),
		"a gap before the first event":     step("APR-2", 2, 2),
		"a gap between its events":         other(func(r *itsm.Record) { r.Events[1].Number = 4 }),
		"an event of another process":      other(func(r *itsm.Record) { r.Events[1].Process = "APR-9" }),
		"a view of another process":        other(func(r *itsm.Record) { r.View.ID = "APR-9" }),
		"a number below one":               other(func(r *itsm.Record) { r.Events[0].Number, r.Events[1].Number, r.View.LastEvent = -1, 0, 0 }),
		"a view ahead of its events":       other(func(r *itsm.Record) { r.View.LastEvent = 4 }),
		"a view behind its events":         other(func(r *itsm.Record) { r.View.LastEvent = 2 }),
		"a new process without an event":   {Process: "APR-2", View: opening("APR-2").View},
		"a known process without an event": other(func(r *itsm.Record) { r.Events = nil }),
		"a closed view without an outcome": other(func(r *itsm.Record) { r.View.State = itsm.StateClosed }),
		"an outcome of an open process":    other(func(r *itsm.Record) { r.View.Outcome = "approved" }),
		"an unknown state":                 other(func(r *itsm.Record) { r.View.State = "limbo" }),
		"a task of another process":        other(func(r *itsm.Record) { r.Inbox[0].Process = "APR-9" }),
		"a task twice for one person":      other(func(r *itsm.Record) { r.Inbox = append(r.Inbox, r.Inbox[0]) }),
	}
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, opening("APR-1"))
		for name, r := range wrong {
			earlier, err := b.Record(t.Context(), r)
			require.Error(t, err, name)
			assert.Nil(t, earlier, name)
			assert.Equal(t, itsm.CodeRecordConflict, itsm.ErrorCode(err), "%s: %v", name, err)
		}
		assertStored(t, b, opening("APR-1"))
		_, err := b.View(t.Context(), "APR-2")
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestBrokenSnapshotIsRefusedWhileItCanBe(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := opening("APR-1")
		r.Snapshot = json.RawMessage(`{"after":`)
		_, err := b.Record(t.Context(), r)
		require.Error(t, err)
		_, err = b.View(t.Context(), "APR-1")
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestOutcomeOfAClosedProcessNeverChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, opening("APR-1"))
		mustRecord(t, b.Store, closing("APR-1", 2, "approved"))

		requireConflict(t, b, closing("APR-1", 3, "rejected"))
		requireConflict(t, b, step("APR-1", 3, 3))
		mustRecord(t, b.Store, closing("APR-1", 3, "approved")) // what happens afterwards is still recorded

		view, err := b.View(t.Context(), "APR-1")
		require.NoError(t, err)
		assert.Equal(t, "approved", view.Outcome)
		assert.Equal(t, 3, view.LastEvent)
	})
}

func TestDatabaseItselfRefusesWhatMustNotBe(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, opening("APR-1"))
		mustRecord(t, b.Store, closing("APR-1", 2, "approved"))
		apply(t, b, definition("Person", "alice", "d1"))
		raw := b.raw(t)
		for _, statement := range []string{
			`UPDATE journal SET body = '{}'`,
			`DELETE FROM journal`,
			`INSERT INTO journal (process, number, at, type, actor, key, body) SELECT process, number, at, type, actor, key, body FROM journal`,
			`UPDATE views SET outcome = 'rejected', recorded = recorded + 1`,
			`UPDATE views SET state = 'open', outcome = '', recorded = recorded + 1`,
			`UPDATE views SET recorded = 1`,
			`UPDATE views SET body = '{}'`,
			`UPDATE views SET snapshot = '{}'`,
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
		mustRecord(t, b.Store, opening("APR-1"))

		next, due := step("APR-1", 2, 2), noon.Add(time.Hour)
		next.Inbox = []itsm.InboxItem{waits("APR-1", "manager", "tom"), waits("APR-1", "finance", "ines")}
		next.Inbox[0].Due = &due
		mustRecord(t, b.Store, next)

		whole := step("APR-1", 1, 2)
		whole.Inbox = next.Inbox
		assertStored(t, b, whole)
	})
}

func TestRecordTakesFewStatements(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		count := func(r itsm.Record) int64 {
			before := b.Statements()
			mustRecord(t, b.Store, r)
			return b.Statements() - before
		}
		vote, stage, remark := step("APR-1", 2, 4), step("APR-1", 5, 9), step("APR-1", 10, 10)
		vote.Inbox = vote.Inbox[:1]
		stage.Inbox = []itsm.InboxItem{waits("APR-1", "finance", "ines")}
		assert.EqualValues(t, 3, count(opening("APR-1")), "view, journal, inbox")
		assert.EqualValues(t, 4, count(vote), "one item goes")
		assert.EqualValues(t, 5, count(stage), "one goes, one comes")
		remark.Inbox = stage.Inbox
		assert.EqualValues(t, 3, count(remark), "the inbox stays")
		assert.EqualValues(t, 3, count(remark), "a repetition only looks")
		assert.EqualValues(t, 4, count(closing("APR-1", 11, "approved")))
	})
}

func TestLargeRecordsAreStoredWhole(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := step("APR-1", 1, 1300)
		for n := range 1300 {
			r.Inbox = append(r.Inbox, waits("APR-1", "all", fmt.Sprintf("person-%d", n)))
		}
		mustRecord(t, b.Store, r)
		last, err := b.Events(t.Context(), "APR-1", 1299, 10)
		require.NoError(t, err)
		assert.Equal(t, r.Events[1299:], last)

		mustRecord(t, b.Store, closing("APR-1", 1301, "approved"))
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
		r.Events[1].Answer, r.Events[1].Tell = answered(2)
		mustRecord(t, b.Store, r)

		found, ok, err := b.EventByKey(t.Context(), "APR-1", "same")
		require.NoError(t, err)
		require.True(t, ok)
		assert.Equal(t, r.Events[1], found, "with what its sender was told")
		for _, c := range [][2]string{{"APR-1", "other"}, {"APR-2", "same"}, {"APR-1", ""}} {
			_, ok, err = b.EventByKey(t.Context(), c[0], c[1])
			require.NoError(t, err)
			assert.False(t, ok, c)
		}
	})
}

func answered(number int) (*itsm.Receipt, []itsm.Notice) {
	return &itsm.Receipt{Process: "APR-1", Event: number, State: itsm.StateOpen, Stage: "manager", Fingerprint: "f1"},
		[]itsm.Notice{{Event: number, Type: "stage.opened", To: []string{"ines", "tom"}}}
}

func TestJournalShowsNobodyWhatStaysInside(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := step("APR-1", 1, 2)
		r.Events[1].Answer, r.Events[1].Tell = answered(2)
		mustRecord(t, b.Store, r)

		events, err := b.Events(t.Context(), "APR-1", 0, 0)
		require.NoError(t, err)
		assert.Equal(t, step("APR-1", 1, 2).Events, events)
	})
}
