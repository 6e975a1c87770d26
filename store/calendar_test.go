package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

func TestCalendarShowsWhatOverlapsPastAndToCome(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		slots := []itsm.Slot{
			planned("CHG-1", "payments", 0, 1),
			planned("CHG-2", "mail", 0, 40*24), // weeks, from before what is asked for
			planned("CHG-3", "payments", 5, 7),
			planned("CHG-4", "shop", 6, 8, "payments"),
			planned("CHG-5", "shop", 8, 9),
			planned("CHG-6", "mail", 40*24, 41*24),
			planned("CHG-7", "wiki", 6, 8),
		}
		slots[3].Exclusive = false
		for _, slot := range slots {
			mustRecord(t, b.Store, claiming(slot))
		}
		mustRecord(t, b.Store, givingUp("CHG-3", 2))
		at := func(hours int) time.Time { return noon.Add(time.Duration(hours) * time.Hour) }
		for _, c := range []struct {
			filter store.CalendarFilter
			want   []string
		}{
			{store.CalendarFilter{From: at(6), To: at(8)}, []string{"CHG-2", "CHG-3", "CHG-4", "CHG-7"}},
			{store.CalendarFilter{From: at(1), To: at(5)}, []string{"CHG-2"}},
			{store.CalendarFilter{From: at(-1), To: at(1)}, []string{"CHG-1", "CHG-2"}},
			{store.CalendarFilter{From: at(40 * 24), To: at(99 * 24)}, []string{"CHG-6"}},
			{store.CalendarFilter{From: at(-9), To: at(99), Service: "shop"}, []string{"CHG-4", "CHG-5"}},
			{store.CalendarFilter{From: at(-9), To: at(99), Service: "nothing"}, nil},
			{store.CalendarFilter{From: at(7), To: at(6)}, []string{"CHG-2"}}, // nobody asks so; it breaks nothing
			{store.CalendarFilter{}, nil},
		} {
			for limit := 1; limit <= 5; limit += 2 {
				found := everyPage(t, func(cursor string) (store.Page[store.PlannedChange], error) {
					c.filter.Cursor, c.filter.Limit = cursor, limit
					return b.Calendar(t.Context(), c.filter)
				})
				assert.Equal(t, c.want, namesOf(found, func(p store.PlannedChange) string { return p.Slot.Process }), "%+v", c.filter)
			}
		}
	})
}

func TestCalendarTellsWhatBecameOfEach(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		slot := planned("CHG-1", "payments", 0, 2, "database")
		mustRecord(t, b.Store, claiming(slot))
		asked := store.CalendarFilter{From: noon, To: noon.Add(time.Hour)}
		page, err := b.Calendar(t.Context(), asked)
		require.NoError(t, err)
		view := claiming(slot).View
		view.Subject = nil
		assert.Equal(t, []store.PlannedChange{{Slot: slot, Held: true, View: view}}, page.Items)

		closed := closing("CHG-1", 2, "successful")
		closed.Claim = &itsm.Claim{}
		mustRecord(t, b.Store, closed)
		page, err = b.Calendar(t.Context(), asked)
		require.NoError(t, err)
		closed.View.Subject = nil
		assert.Equal(t, []store.PlannedChange{{Slot: slot, View: closed.View}}, page.Items)

		_, err = b.Calendar(t.Context(), store.CalendarFilter{From: noon, To: noon.Add(time.Hour), Cursor: "x"})
		requireCode(t, itsm.CodeInvalid, err)
	})
}
