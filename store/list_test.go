package store_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// everyPage follows the cursors to the end.
func everyPage[T any](t *testing.T, read func(cursor string) (store.Page[T], error)) []T {
	t.Helper()
	var all []T
	for cursor := ""; ; {
		page, err := read(cursor)
		require.NoError(t, err)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		require.NotEmpty(t, page.Items)
		cursor = page.Next
	}
}

func TestProcessesArePagedNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		var all []itsm.View
		for n := 1; n <= 12; n++ {
			kind := []itsm.Kind{itsm.KindApproval, itsm.KindIncident}[n%2]
			r := opening(kind.ID(int64(n)))
			if n%3 == 0 {
				r = closing(r.Process, 1, "done")
			}
			r.View.Opened = noon.Add(time.Duration(n/4) * time.Second) // several at the same time
			r.View.Service = []string{"", "lab"}[n/2%2]
			r.View.Requester = []itsm.Actor{itsm.Person("raj"), itsm.Integration("raj")}[n/3%2]
			mustRecord(t, b.Store, r)
			all = append(all, r.View)
		}
		slices.SortFunc(all, func(x, y itsm.View) int {
			if byTime := y.Opened.Compare(x.Opened); byTime != 0 {
				return byTime
			}
			return map[bool]int{true: -1, false: 1}[x.ID > y.ID]
		})
		raj := itsm.Person("raj")
		for _, f := range []store.ProcessFilter{
			{}, {Kind: itsm.KindIncident}, {State: itsm.StateOpen}, {Service: "lab"}, {Requester: &raj}, {Kind: itsm.KindProblem},
			{Kind: itsm.KindApproval, State: itsm.StateClosed}, {State: itsm.StateOpen, Service: "lab", Requester: &raj},
		} {
			var want []string
			for _, v := range all {
				if (f.Kind == "" || v.Kind == f.Kind) && (f.State == "" || v.State == f.State) &&
					(f.Service == "" || v.Service == f.Service) && (f.Requester == nil || v.Requester == *f.Requester) {
					want = append(want, v.ID)
				}
			}
			for limit := 1; limit <= 13; limit += 4 {
				found := everyPage(t, func(cursor string) (store.Page[itsm.View], error) {
					f.Cursor, f.Limit = cursor, limit
					return b.Processes(t.Context(), f)
				})
				assert.Equal(t, want, namesOf(found, func(v itsm.View) string { return v.ID }), "%+v", f)
			}
		}
	})
}

func TestListOfProcessesLeavesOutWhatIsLarge(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := opening("APR-1")
		r.View.Detail = json.RawMessage(`{"flow":"purchase"}`)
		mustRecord(t, b.Store, r)
		want := r.View
		want.Subject, want.Detail = nil, nil
		page, err := b.Processes(t.Context(), store.ProcessFilter{})
		require.NoError(t, err)
		assert.Equal(t, []itsm.View{want}, page.Items)
		mustRecord(t, b.Store, closing("APR-1", 2, "approved"))
		page, err = b.Processes(t.Context(), store.ProcessFilter{})
		require.NoError(t, err)
		assert.Equal(t, "approved", page.Items[0].Outcome, "the line follows the view")
	})
}

func TestVoteIsFoundWhoeverHoldsIt(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for n := range 5 {
			r := opening(itsm.KindApproval.ID(int64(n + 1)))
			r.Inbox = []itsm.InboxItem{waits(r.Process, "manager", "tom"), waits(r.Process, "manager", "ines")}
			r.Inbox[0].Seat = "maria"
			mustRecord(t, b.Store, r)
		}
		of := func(person string) []string {
			found := everyPage(t, func(cursor string) (store.Page[itsm.InboxItem], error) {
				return b.InboxOfSeat(t.Context(), person, cursor, 2)
			})
			return namesOf(found, func(i itsm.InboxItem) string { return i.Process + " " + i.Person })
		}
		assert.Equal(t, []string{"APR-1 tom", "APR-2 tom", "APR-3 tom", "APR-4 tom", "APR-5 tom"}, of("maria"))
		assert.Len(t, of("ines"), 5, "one's own vote")
		assert.Empty(t, of("tom"), "who only stands in has no vote")

		back := step("APR-1", 2, 2)
		back.Inbox = []itsm.InboxItem{waits("APR-1", "manager", "tom")}
		mustRecord(t, b.Store, back)
		assert.Len(t, of("maria"), 4)
		assert.Equal(t, []string{"APR-1 tom"}, of("tom"))
		_, err := b.InboxOfSeat(t.Context(), "maria", "x", 1)
		requireCode(t, itsm.CodeInvalid, err)
	})
}

func namesOf[T any](items []T, name func(T) string) (names []string) {
	for _, item := range items {
		names = append(names, name(item))
	}
	return names
}

func TestInboxIsPagedByDeadlineAndThenByAge(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		r := opening("APR-1")
		r.Inbox = nil
		add := func(task string, due, since time.Duration) {
			item := waits("APR-1", task, "maria")
			item.Since = noon.Add(since)
			if due > 0 {
				at := noon.Add(due)
				item.Due = &at
			}
			r.Inbox = append(r.Inbox, item)
		}
		add("6 never, young", 0, time.Hour)
		add("5 never, old", 0, time.Minute)
		add("2 soon, young", time.Hour, time.Hour)
		add("1 soon, old", time.Hour, time.Minute)
		add("4 later b", 2*time.Hour, time.Hour)
		add("3 later a", 2*time.Hour, time.Hour)
		mustRecord(t, b.Store, r)

		for limit := 1; limit <= 6; limit++ {
			found := everyPage(t, func(cursor string) (store.Page[itsm.InboxItem], error) {
				return b.Inbox(t.Context(), "maria", cursor, limit)
			})
			assert.Equal(t, []string{"1 soon, old", "2 soon, young", "3 later a", "4 later b", "5 never, old", "6 never, young"},
				namesOf(found, func(i itsm.InboxItem) string { return i.Task }))
		}
	})
}

func TestCursorsOfNoListAreRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for n := range 2 {
			mustRecord(t, b.Store, opening(itsm.KindApproval.ID(int64(n+1))))
		}
		page, err := b.Processes(t.Context(), store.ProcessFilter{Limit: 1})
		require.NoError(t, err)
		for _, cursor := range []string{"x", "!!", "bnVsbA", "e30", "eyJsIjoicHJvY2Vzc2VzIn0", page.Next + "A"} {
			_, err = b.Processes(t.Context(), store.ProcessFilter{Cursor: cursor})
			requireCode(t, itsm.CodeInvalid, err)
		}
		for name, read := range map[string]func() error{
			"inbox":       func() error { _, err := b.Inbox(t.Context(), "maria", page.Next, 1); return err },
			"definitions": func() error { _, err := b.Definitions(t.Context(), "", page.Next, 1); return err },
			"versions":    func() error { _, err := b.Versions(t.Context(), "Person", "a", page.Next, 1); return err },
			"tokens":      func() error { _, err := b.Tokens(t.Context(), page.Next, 1); return err },
		} {
			assert.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(read()), name)
		}
	})
}

func TestPagesHaveALimit(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, step("APR-1", 1, 700))
		for asked, given := range map[int]int{0: 50, -1: 50, 7: 7, 9999: 500} {
			events, err := b.Events(t.Context(), "APR-1", 0, asked)
			require.NoError(t, err)
			assert.Len(t, events, given, fmt.Sprint(asked))
		}
	})
}
