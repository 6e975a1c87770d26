package itsm_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

// drawRule draws a promise, on a calendar or around the clock.
func drawRule(t *rapid.T) itsm.ClockRule {
	rule := itsm.ClockRule{Target: drawDuration(t), WarnAt: 0.75}
	if rule.Target.IsZero() {
		rule.Target.Clock = 900
	}
	if drawLikely(t, 75, "on a calendar") {
		rule.Calendar = drawCalendar(t)
	}
	return rule
}

// drawClock draws a clock that was paused, stopped and restarted a few times,
// and the instant at which that was over.
func drawClock(t *rapid.T) (itsm.Clock, time.Time) {
	clock := itsm.Clock{Started: drawInstant(t, "started")}
	at := clock.Started
	for range rapid.IntRange(0, 4).Draw(t, "moments") {
		at = at.Add(time.Duration(rapid.IntRange(0, 2*24*3600).Draw(t, "after")) * time.Second)
		switch rapid.IntRange(0, 3).Draw(t, "moment") {
		case 0:
			clock.Pause(at, "waiting-for-user")
		case 1:
			clock.Resume(at)
		case 2:
			clock.Stop(at)
		case 3:
			clock.Restart(at, "resolved")
		}
	}
	return clock, at
}

func TestElapsedNeverDecreasesAndNeverOvertakesTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		clock, at := drawClock(t)
		later := drawLater(t, at, "later")
		first, second := rule.Read(clock, at), rule.Read(clock, later)
		require.Equal(t, first.Target, second.Target)
		require.GreaterOrEqual(t, second.Elapsed, first.Elapsed)
		require.LessOrEqual(t, second.Elapsed-first.Elapsed, later.Sub(at))
		require.Equal(t, second.Target, second.Elapsed+second.Remaining)
		require.True(t, second.Breached || !first.Breached, "a breach stays one")
	})
}

func TestPauseOfNoTimeChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		clock, at := drawClock(t)
		if clock.Stopped != nil || len(clock.Pauses) > 0 && clock.Pauses[len(clock.Pauses)-1].To == nil {
			return // it stands still already: to go on would change something
		}
		before := clock
		before.Pauses = slices.Clone(clock.Pauses)
		clock.Pause(at, "waiting-for-supplier")
		clock.Resume(at)
		require.Len(t, clock.Pauses, len(before.Pauses))
		require.ElementsMatch(t, before.Pauses, clock.Pauses)
		clock.Stop(at)
		clock.Restart(at, "resolved")
		require.ElementsMatch(t, before.Pauses, clock.Pauses)
		require.Nil(t, clock.Stopped)
	})
}

func TestWhatIsLeftUntilDueIsWhatRemains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		clock, at := drawClock(t)
		reading := rule.Read(clock, at)
		if reading.Due == nil {
			return
		}
		if due := *reading.Due; due.After(at) {
			require.False(t, reading.Breached)
			require.Equal(t, reading.Remaining, counts(rule, clock, at, due))
			require.False(t, rule.Read(clock, due.Add(-1)).Breached)
		} else {
			require.True(t, reading.Breached)
			require.Equal(t, -reading.Remaining, counts(rule, clock, due, at))
		}
		require.True(t, rule.Read(clock, *reading.Due).Breached)
		require.Zero(t, rule.Read(clock, *reading.Due).Remaining)
		if reading.WarnAt == nil {
			return // it stands still, and was breached before: it is too late to warn
		}
		require.False(t, reading.WarnAt.After(*reading.Due))
		warned := rule.Read(clock, *reading.WarnAt).Elapsed
		require.InDelta(t, 0.75*float64(reading.Target), float64(warned), float64(time.Second))
	})
}

// counts gives how much of the time between two instants counts.
func counts(rule itsm.ClockRule, clock itsm.Clock, from, to time.Time) time.Duration {
	return rule.Read(clock, to).Elapsed - rule.Read(clock, from).Elapsed
}

func TestExplanationHasNoGapsAndAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		clock, at := drawClock(t)
		at = drawLater(t, at, "at")
		var sum time.Duration
		next := clock.Started
		for n, stretch := range rule.Explain(clock, at) {
			require.True(t, next.Equal(stretch.From), "stretch %d begins at %s, not %s", n, stretch.From, next)
			require.True(t, stretch.From.Before(stretch.To))
			require.NotEmpty(t, stretch.Why)
			require.Equal(t, stretch.Counts, stretch.Open)
			if stretch.Counts {
				sum += stretch.To.Sub(stretch.From)
			}
			next = stretch.To
		}
		end := at
		if clock.Stopped != nil && clock.Stopped.Before(at) {
			end = *clock.Stopped
		}
		require.True(t, next.Equal(end), "it ends at %s, not %s", next, end)
		require.Equal(t, rule.Read(clock, at).Elapsed, sum)
	})
}

func TestPauseMovesDueByExactlyWhatCountedInIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rule := drawRule(t)
		clock := itsm.Clock{Started: drawInstant(t, "started")}
		from := drawLater(t, clock.Started, "from")
		to := drawLater(t, from, "to")
		before := rule.Read(clock, from)
		if before.Breached {
			return
		}
		held := clock
		held.Pause(from, "waiting-for-user")
		held.Resume(to)
		after := rule.Read(held, to)
		require.Equal(t, before.Target, after.Target, "a pause does not change the promise")
		require.Equal(t, before.Remaining, after.Remaining, "nor what is left of it")
		require.Equal(t, counts(rule, clock, from, to), counts(rule, clock, *before.Due, *after.Due))
	})
}
