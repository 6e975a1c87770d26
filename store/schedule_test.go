package store_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
)

// planned is an exclusive slot that starts and ends so many hours after noon.
func planned(process, service string, from, to int, needs ...string) itsm.Slot {
	return itsm.Slot{
		Process: process, Title: "Zahlungen <4.2> & mehr", Service: service, Needs: needs, Exclusive: true,
		Start: noon.Add(time.Duration(from) * time.Hour), End: noon.Add(time.Duration(to) * time.Hour),
	}
}

// claiming is the first record of the slot's process, which claims it.
func claiming(slot itsm.Slot) itsm.Record { return claimingAt(1, slot) }

// claimingAt claims it with the event of that number.
func claimingAt(number int, slot itsm.Slot) itsm.Record {
	r := step(slot.Process, number, number)
	r.Inbox, r.Claim = nil, &itsm.Claim{Slot: &slot}
	return r
}

// givingUp claims nothing more with the event of that number.
func givingUp(process string, number int) itsm.Record {
	r := step(process, number, number)
	r.Inbox, r.Claim = nil, &itsm.Claim{}
	return r
}

func processesOf(slots []itsm.Slot) []string {
	return namesOf(slots, func(s itsm.Slot) string { return s.Process })
}

func TestTimeThatIsTakenIsRefusedAndNothingIsRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, claiming(planned("CHG-1", "payments", 0, 2, "database")))
		for _, slot := range []itsm.Slot{
			planned("CHG-2", "payments", 1, 3),
			planned("CHG-2", "database", 1, 3),
			planned("CHG-2", "shop", 1, 3, "payments", "mail"),
		} {
			_, err := b.Record(t.Context(), claiming(slot))
			requireCode(t, itsm.CodeScheduleConflict, err)
			assert.ErrorContains(t, err, "CHG-1 has payments from 2026-03-02T12:00:00Z to 2026-03-02T14:00:00Z")
			assert.False(t, store.IsUnavailable(err))
			_, err = b.View(t.Context(), "CHG-2")
			requireCode(t, itsm.CodeNotFound, err)
		}
		for _, slot := range []itsm.Slot{
			planned("CHG-3", "payments", 2, 3),
			planned("CHG-4", "payments", -1, 0),
			planned("CHG-5", "mail", 0, 2, "database"), // both need it, and neither changes it
		} {
			mustRecord(t, b.Store, claiming(slot))
		}
	})
}

func TestRefusedStepLeavesTheProcessAsItWas(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, claiming(planned("CHG-1", "payments", 0, 2)))
		mustRecord(t, b.Store, claiming(planned("CHG-2", "payments", 2, 4)))
		_, err := b.Record(t.Context(), claimingAt(2, planned("CHG-2", "payments", 1, 3)))
		requireCode(t, itsm.CodeScheduleConflict, err)

		assertStored(t, b, claiming(planned("CHG-2", "payments", 2, 4)))
		found, err := b.Conflicts(t.Context(), planned("CHG-9", "payments", 2, 4))
		require.NoError(t, err)
		assert.Equal(t, []string{"CHG-2"}, processesOf(found), "it keeps the time that it had")
		mustRecord(t, b.Store, step("CHG-2", 2, 2))
	})
}

func TestRefusalNamesAtMostThree(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		for n := range 5 {
			mustRecord(t, b.Store, claiming(planned(itsm.KindTransition.ID(int64(n+1)), "payments", n, n+1)))
		}
		_, err := b.Record(t.Context(), claiming(planned("CHG-6", "payments", 0, 5)))
		requireCode(t, itsm.CodeScheduleConflict, err)
		assert.ErrorContains(t, err, "CHG-3 has payments")
		assert.ErrorContains(t, err, "and 2 more")
		assert.NotContains(t, err.Error(), "CHG-4")
	})
}

func TestSlotThatIsNotExclusiveIsNeverRefusedAndYetStandsInTheWay(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		shared := planned("CHG-2", "payments", 1, 3)
		shared.Exclusive = false
		mustRecord(t, b.Store, claiming(planned("CHG-1", "payments", 0, 2)))
		mustRecord(t, b.Store, claiming(shared))
		_, err := b.Record(t.Context(), claiming(planned("CHG-3", "payments", 2, 3)))
		requireCode(t, itsm.CodeScheduleConflict, err)
	})
}

func TestTimeIsFreeAgainWhenItIsGivenUpOrMoved(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		mustRecord(t, b.Store, claiming(planned("CHG-1", "payments", 0, 2, "database")))
		mustRecord(t, b.Store, claimingAt(2, planned("CHG-1", "payments", 1, 3, "mail"))) // its own time is not in its way
		mustRecord(t, b.Store, claiming(planned("CHG-2", "payments", 0, 1)))
		mustRecord(t, b.Store, claiming(planned("CHG-3", "database", 1, 2)))
		mustRecord(t, b.Store, givingUp("CHG-1", 3))
		mustRecord(t, b.Store, claiming(planned("CHG-4", "payments", 1, 3)))
		mustRecord(t, b.Store, claiming(planned("CHG-5", "mail", 1, 3)))
	})
}

func TestRepeatedStepDoesNotClaimAnew(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		first := claiming(planned("CHG-1", "payments", 0, 2))
		mustRecord(t, b.Store, first)
		mustRecord(t, b.Store, givingUp("CHG-1", 2))
		mustRecord(t, b.Store, claiming(planned("CHG-2", "payments", 0, 2)))

		_, err := b.Record(t.Context(), first)
		require.NoError(t, err)
		mustRecord(t, b.Store, givingUp("CHG-1", 2))
		found, err := b.Conflicts(t.Context(), planned("CHG-9", "payments", 0, 2))
		require.NoError(t, err)
		assert.Equal(t, []string{"CHG-2"}, processesOf(found))
	})
}

func TestStepWithoutAClaimLeavesTheSchedule(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		slot := planned("CHG-1", "payments", 0, 2, "database")
		mustRecord(t, b.Store, claiming(slot))
		mustRecord(t, b.Store, step("CHG-1", 2, 2))
		mustRecord(t, b.Store, givingUp("CHG-2", 1)) // it never had one
		found, err := b.Conflicts(t.Context(), planned("CHG-9", "database", 1, 9))
		require.NoError(t, err)
		assert.Equal(t, []itsm.Slot{slot}, found)
	})
}

func TestBrokenClaimsAreRefused(t *testing.T) {
	long := planned("CHG-1", "payments", 0, 0)
	long.End = long.Start.Add(itsm.SlotAtMost + time.Microsecond)
	instant := planned("CHG-1", "payments", 0, 0)
	instant.End = instant.Start.Add(time.Nanosecond) // nothing is left of it in a database
	onBoth(t, func(t *testing.T, b bundle) {
		for name, slot := range map[string]itsm.Slot{
			"it ends as it starts": planned("CHG-1", "payments", 1, 1), "it ends before": planned("CHG-1", "payments", 2, 1),
			"too long": long, "too short": instant, "another's": planned("CHG-2", "payments", 0, 1),
		} {
			r := claiming(slot)
			r.Process, r.View.ID, r.Events[0].Process = "CHG-1", "CHG-1", "CHG-1"
			_, err := b.Record(t.Context(), r)
			assert.Equal(t, itsm.CodeRecordConflict, itsm.ErrorCode(err), "%s: %v", name, err)
		}
		_, err := b.View(t.Context(), "CHG-1")
		requireCode(t, itsm.CodeNotFound, err)
	})
}

func TestLongestSlotIsInTheWayToItsLastInstant(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		long, last := planned("CHG-1", "payments", 0, 0), planned("CHG-2", "payments", 0, 0)
		long.End = long.Start.Add(itsm.SlotAtMost)
		last.Start, last.End = long.End.Add(-time.Microsecond), long.End.Add(time.Hour)
		mustRecord(t, b.Store, claiming(long))
		found, err := b.Conflicts(t.Context(), last)
		require.NoError(t, err)
		assert.Equal(t, []itsm.Slot{long}, found)
		page, err := b.Calendar(t.Context(), store.CalendarFilter{From: last.Start, To: last.End})
		require.NoError(t, err)
		assert.Len(t, page.Items, 1)
	})
}

// slots draws slots on few services and few hours, so that many conflict.
func slots(processes, tag int) *rapid.Generator[[]itsm.Slot] {
	service := rapid.Map(rapid.SampledFrom([]string{"a", "b", "c", "d"}), func(name string) string { return fmt.Sprintf("%s-%d", name, tag) })
	one := rapid.Custom(func(t *rapid.T) itsm.Slot {
		from := rapid.IntRange(0, 9).Draw(t, "from")
		slot := planned("", service.Draw(t, "service"), from, from+rapid.IntRange(1, 5).Draw(t, "hours"))
		slot.Needs = rapid.SliceOfN(service, 0, 3).Draw(t, "needs") // also twice, also itself
		slot.Exclusive = rapid.Bool().Draw(t, "exclusive")
		return slot
	})
	return rapid.SliceOfN(one, 2, processes)
}

// named gives each its process, of a number that no other check has.
func named(drawn []itsm.Slot, tag int) []itsm.Slot {
	for i := range drawn {
		drawn[i].Process = itsm.KindTransition.ID(int64(tag*100 + i))
	}
	return drawn
}

func TestConflictsAreThoseOfTheRule(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		check := 0
		rapid.Check(t, func(t *rapid.T) {
			check++
			var held []itsm.Slot
			for _, slot := range named(slots(8, check).Draw(t, "slots"), check) {
				var want []itsm.Slot
				for _, other := range held {
					if slot.Conflicts(other) {
						want = append(want, other)
					}
				}
				slices.SortFunc(want, func(x, y itsm.Slot) int {
					return cmp.Or(x.Start.Compare(y.Start), cmp.Compare(x.Process, y.Process))
				})
				found, err := b.Conflicts(contextOf(t), slot)
				require.NoError(t, err)
				require.Equal(t, processesOf(want), processesOf(found))

				_, err = b.Record(contextOf(t), claiming(slot))
				if refused := slot.Exclusive && len(want) > 0; refused {
					require.Equal(t, itsm.CodeScheduleConflict, itsm.ErrorCode(err), "%v", err)
					continue
				}
				require.NoError(t, err)
				held = append(held, slot)
			}
		})
	})
}

// Whoever claims at the same moment: no two who get their time are in each
// other's way, and who does not is in the way of one who does. Every second one
// moves a slot that it holds.
func TestOfConflictingClaimsAtOnceOnlyOneWins(t *testing.T) {
	onBoth(t, func(t *testing.T, b bundle) {
		check := 0
		rapid.Check(t, func(t *rapid.T) {
			check++
			drawn := named(slots(6, check).Draw(t, "slots"), check)
			errs, first := make([]error, len(drawn)), make([]int, len(drawn))
			for i, slot := range drawn {
				drawn[i].Exclusive = true
				first[i] = 1
				if i%2 == 1 {
					far := planned(slot.Process, slot.Service, 1000+i*10, 1001+i*10)
					mustRecord(t, b.Store, claiming(far))
					first[i] = 2
				}
			}
			atOnce(len(drawn), func(i int) { _, errs[i] = b.Record(contextOf(t), claimingAt(first[i], drawn[i])) })
			var won, lost []itsm.Slot
			for i, slot := range drawn {
				if errs[i] == nil {
					won = append(won, slot)
					continue
				}
				require.Equal(t, itsm.CodeScheduleConflict, itsm.ErrorCode(errs[i]), "%v", errs[i])
				lost = append(lost, slot)
			}
			inTheWay := func(slot itsm.Slot) bool { return slices.ContainsFunc(won, slot.Conflicts) }
			require.False(t, slices.ContainsFunc(won, inTheWay), "two have the same time: %+v", won)
			for _, slot := range lost {
				require.True(t, inTheWay(slot), "%s was refused for nothing", slot.Process)
			}
		})
	})
}

// The two claims overlap in time as badly as they can: the second looks when
// the first has all but committed.
func TestClaimWaitsForOneThatIsNotCommitted(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]itsm.Slot{
		"same service":      planned("CHG-2", "payments", 1, 3),
		"one that it needs": planned("CHG-2", "database", 1, 3),
		"one that needs it": planned("CHG-2", "shop", 1, 3, "payments"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := migrated(t)
			before := b.Statements()
			mustRecord(t, b.Store, claiming(planned("CHG-9", "payments", 100, 101, "database")))
			all := b.Statements() - before
			raw, statements, done := b.raw(t), int64(0), make(chan error, 1)
			slow := open(t, b.url, store.Options{Observe: func(string, time.Duration, error) {
				if statements++; statements == all { // nothing is left to do but the commit
					go func() {
						_, err := b.Record(t.Context(), claiming(second))
						done <- err
					}()
					assert.Eventually(t, func() bool { return len(done) > 0 || waitsForALock(t, raw) }, time.Minute, 5*time.Millisecond)
				}
			}})
			mustRecord(t, slow, claiming(planned("CHG-1", "payments", 0, 2, "database")))
			require.Equal(t, all, statements)
			requireCode(t, itsm.CodeScheduleConflict, <-done)
		})
	}
}
