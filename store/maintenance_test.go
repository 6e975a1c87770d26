package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// maintained is a maintenance that begins and ends so many hours after noon.
func maintained(service string, from, to int) store.Maintenance {
	return store.Maintenance{
		Service: service, Reason: "größere <Platten> & mehr", At: noon,
		From: noon.Add(time.Duration(from) * time.Hour), To: noon.Add(time.Duration(to) * time.Hour),
	}
}

func mustMaintain(t require.TestingT, b bundle, m store.Maintenance) store.Maintenance {
	added, err := b.AddMaintenance(contextOf(t), applying(), m)
	require.NoError(t, err)
	return added
}

func TestMaintenanceIsEnteredOnceUnderOneKey(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		command := applying()
		want := maintained("payments", 0, 2)
		want.ID, want.By = "MNT-1", command.Actor
		atOnce(8, func(int) {
			added, err := b.AddMaintenance(t.Context(), command, maintained("payments", 0, 2))
			assert.NoError(t, err)
			assert.Equal(t, want, added)
		})
		other := command
		other.Fingerprint = "f2"
		_, err := b.AddMaintenance(t.Context(), other, maintained("payments", 0, 3))
		requireCode(t, itsm.CodeKeyReused, err)

		_, err = b.EndMaintenance(t.Context(), "MNT-1", noon)
		require.NoError(t, err)
		again, err := b.AddMaintenance(t.Context(), command, maintained("payments", 0, 2))
		require.NoError(t, err)
		assert.Equal(t, want, again, "the same answer, whatever became of it")
		assert.Equal(t, "MNT-2", mustMaintain(t, b, maintained("payments", 0, 2)).ID)
	})
}

func TestMaintenanceEndsAfterItBegins(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for _, hours := range []int{0, -1} {
			_, err := b.AddMaintenance(t.Context(), applying(), maintained("payments", 0, hours))
			requireCode(t, itsm.CodeInvalid, err)
		}
	})
}

func TestMaintenanceIsCalledOffOnceAndForAll(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		running, over := mustMaintain(t, b, maintained("payments", 0, 4)), mustMaintain(t, b, maintained("payments", 0, 1))
		ended := noon.Add(time.Hour)
		for _, at := range []time.Time{ended, ended.Add(time.Minute)} {
			got, err := b.EndMaintenance(t.Context(), running.ID, at)
			require.NoError(t, err)
			assert.Equal(t, &ended, got.Ended)
		}
		got, err := b.EndMaintenance(t.Context(), over.ID, ended)
		require.NoError(t, err)
		assert.Equal(t, over, got, "what is over can't be called off")
		_, err = b.EndMaintenance(t.Context(), "MNT-404", ended)
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestMaintenanceOfAnInstantIsTheOneThatLastsLongest(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		short, long := mustMaintain(t, b, maintained("payments", 0, 2)), mustMaintain(t, b, maintained("payments", 1, 6))
		calledOff, toCome := mustMaintain(t, b, maintained("payments", 0, 9)), mustMaintain(t, b, maintained("payments", 7, 8))
		mustMaintain(t, b, maintained("ledger", -9, 9))
		_, err := b.EndMaintenance(t.Context(), calledOff.ID, noon)
		require.NoError(t, err)
		_, err = b.EndMaintenance(t.Context(), toCome.ID, noon) // before it begins
		require.NoError(t, err)
		for _, c := range []struct {
			after time.Duration
			want  string
		}{
			{-time.Microsecond, ""},
			{0, short.ID},
			{time.Hour - time.Microsecond, short.ID},
			{time.Hour, long.ID},
			{6*time.Hour - time.Microsecond, long.ID},
			{6 * time.Hour, ""},
			{7 * time.Hour, ""},
		} {
			found, err := b.MaintenanceAt(t.Context(), "payments", noon.Add(c.after))
			require.NoError(t, err)
			if c.want == "" {
				assert.Nil(t, found, c.after)
			} else if assert.NotNil(t, found, c.after) {
				assert.Equal(t, c.want, found.ID, c.after)
			}
		}
	})
}

func TestMaintenanceThatIsCalledOffHeldUntilThen(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		m := mustMaintain(t, b, maintained("payments", 0, 4))
		ended, err := b.EndMaintenance(t.Context(), m.ID, noon.Add(time.Hour))
		require.NoError(t, err)
		found, err := b.MaintenanceAt(t.Context(), "payments", noon.Add(time.Hour-time.Microsecond))
		require.NoError(t, err)
		assert.Equal(t, &ended, found)
		found, err = b.MaintenanceAt(t.Context(), "payments", noon.Add(time.Hour))
		require.NoError(t, err)
		assert.Nil(t, found)
	})
}

func TestMaintenancesArePagedByTheirEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		const count = 9
		ids := make([]string, count)
		for i := range count {
			service := []string{"payments", "ledger"}[i%2]
			ids[count-1-i] = mustMaintain(t, b, maintained(service, -i, count-i)).ID
		}
		for _, c := range []struct {
			filter store.MaintenanceFilter
			want   []string
		}{
			{store.MaintenanceFilter{}, ids},
			{store.MaintenanceFilter{From: noon.Add(3 * time.Hour)}, ids[3:]},
			{store.MaintenanceFilter{Service: "ledger"}, []string{ids[1], ids[3], ids[5], ids[7]}},
			{store.MaintenanceFilter{Service: "mail"}, nil},
		} {
			c.filter.Limit = 2
			found := everyPage(t, func(cursor string) (store.Page[store.Maintenance], error) {
				c.filter.Cursor = cursor
				return b.Maintenances(t.Context(), c.filter)
			})
			assert.Equal(t, c.want, namesOf(found, func(m store.Maintenance) string { return m.ID }))
		}
		_, err := b.Maintenances(t.Context(), store.MaintenanceFilter{Cursor: "x"})
		requireCode(t, itsm.CodeInvalid, err)
	})
}

// inPhase is the first record of a transition of payments.
func inPhase(id string, phase itsm.Phase) itsm.Record {
	r := opening(id)
	r.View.Service, r.View.Phase, r.Inbox = "payments", phase, nil
	return r
}

func TestTransitionsOfAServiceAreFoundByTheirPhase(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		blocked, elsewhere := inPhase("CHG-3", itsm.PhaseImplement), inPhase("CHG-4", itsm.PhaseImplement)
		blocked.View.State, elsewhere.View.Service = itsm.StateBlocked, "ledger"
		over := closing("CHG-5", 1, "closed")
		over.View.Service, over.View.Phase = "payments", itsm.PhaseImplement
		for _, r := range []itsm.Record{
			inPhase("CHG-1", itsm.PhaseEarlyLife), inPhase("CHG-2", itsm.PhaseScheduled), blocked, elsewhere, over,
			inPhase("INC-1", itsm.PhaseImplement),
		} {
			mustRecord(t, b.Store, r)
		}
		moved := step("CHG-2", 2, 2)
		moved.View.Service, moved.View.Phase, moved.Inbox = "payments", itsm.PhaseImplement, nil
		mustRecord(t, b.Store, moved)

		for _, c := range []struct {
			phases []itsm.Phase
			want   []string
		}{
			{[]itsm.Phase{itsm.PhaseImplement}, []string{"CHG-2", "CHG-3"}},
			{[]itsm.Phase{itsm.PhaseImplement, itsm.PhaseEarlyLife}, []string{"CHG-1", "CHG-2", "CHG-3"}},
			{[]itsm.Phase{itsm.PhaseScheduled}, nil},
			{nil, nil},
		} {
			found, err := b.TransitionsIn(t.Context(), "payments", c.phases...)
			require.NoError(t, err)
			assert.Equal(t, c.want, namesOf(found, func(v itsm.View) string { return v.ID }), fmt.Sprint(c.phases))
		}
	})
}

// Of any maintenances, an instant has one exactly where one covers it.
func TestEveryInstantHasTheMaintenanceThatCoversIt(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		round := 0
		rapid.Check(t, func(t *rapid.T) {
			round++
			service := fmt.Sprint("service-", round)
			var all []store.Maintenance
			for range rapid.IntRange(0, 4).Draw(t, "maintenances") {
				from := rapid.IntRange(0, 8).Draw(t, "from")
				m := mustMaintain(t, b, maintained(service, from, from+rapid.IntRange(1, 4).Draw(t, "length")))
				if at := rapid.IntRange(-1, 12).Draw(t, "ended"); at >= 0 {
					var err error
					m, err = b.EndMaintenance(contextOf(t), m.ID, noon.Add(time.Duration(at)*time.Hour))
					require.NoError(t, err)
				}
				all = append(all, m)
			}
			for hour := range 13 {
				at := noon.Add(time.Duration(hour) * time.Hour)
				found, err := b.MaintenanceAt(contextOf(t), service, at)
				require.NoError(t, err)
				covering := false
				for _, m := range all {
					covering = covering || !m.From.After(at) && m.To.After(at) && (m.Ended == nil || m.Ended.After(at))
				}
				require.Equal(t, covering, found != nil, at)
			}
		})
	})
}
