package itsm_test

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

// drawPolicies draws policies around those of acme: another ladder, other
// phases that pause, other times.
func drawPolicies(t *rapid.T) itsm.IncidentRules {
	rules := standardIncidents()
	rules.Rungs = nil
	for range rapid.IntRange(0, 4).Draw(t, "rungs") {
		rules.Rungs = append(rules.Rungs, itsm.Duration{Clock: rapid.SampledFrom([]int64{0, 60, 300, 900, 5000}).Draw(t, "wait")})
	}
	rules.Repeat = rapid.IntRange(0, 2).Draw(t, "repeat")
	rules.Silence = itsm.Duration{Clock: rapid.SampledFrom([]int64{0, 600, 3600}).Draw(t, "silence")}
	rules.AutoClose = itsm.Duration{Clock: rapid.SampledFrom([]int64{0, 3600, 90000}).Draw(t, "close after")}
	rules.Pauses = rules.Pauses[:rapid.IntRange(0, 2).Draw(t, "pauses")]
	rules.Major = rapid.Bool().Draw(t, "major")
	return rules
}

func drawClass(t *rapid.T) itsm.Classification {
	level := rapid.SampledFrom([]itsm.Level{itsm.LevelHigh, itsm.LevelMedium, itsm.LevelLow})
	return classed(level.Draw(t, "impact"), level.Draw(t, "urgency"))
}

func drawRota(t *rapid.T, rungs int) (rota [][]string) {
	for range rungs {
		rota = append(rota, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"alice", "bob", "tom"}), 0, 2, rapid.ID).Draw(t, "people"))
	}
	return rota
}

func drawOutage(t *rapid.T) *outage {
	rules := drawPolicies(t)
	var alert *itsm.Alert
	if rapid.Bool().Draw(t, "from an alert") {
		one := slow(itsm.AlertFiring, itsm.SeverityWarning, 0)
		alert = &one
	}
	o := newOutage(t, rules, drawClass(t), alert)
	o.rota = drawRota(t, len(rules.Rungs))
	o.drawWeather(t)
	return o.opened()
}

// drawWeather changes what will be found out from now on.
func (o *outage) drawWeather(t *rapid.T) {
	o.major = drawLikely(t, 20, "makes it major")
	o.suppressed = nil
	if drawLikely(t, 20, "suppressed") {
		o.suppressed = maintenance(o.now.Sub(monday) + drawAfter(t, -1, 9, "until"))
	}
	if drawLikely(t, 20, "nobody answers for it") {
		o.owner = nil
	}
	o.rota = drawRota(t, len(o.Rules.Rungs))
}

// act is one thing that somebody does to an incident: the same to whomever it is
// done, and what its check says, where it has one.
type act func(*outage) (do func() (int, error), check func() error)

func unverified(do func(*outage) func() (int, error)) act {
	return func(o *outage) (func() (int, error), func() error) { return do(o), nil }
}

func drawAct(t *rapid.T) act {
	name := rapid.SampledFrom([]string{"alice", "bob", "tom", "maria"}).Draw(t, "who")
	switch rapid.IntRange(0, 15).Draw(t, "act") {
	case 0, 1:
		return func(o *outage) (func() (int, error), func() error) { return o.acknowledging(name), o.CheckAcknowledge }
	case 2:
		return unverified(func(o *outage) func() (int, error) { return o.assigning("tom", name) })
	case 3:
		return unverified(func(o *outage) func() (int, error) { return o.noting(name, "hm") })
	case 4:
		phase := rapid.SampledFrom([]itsm.IncidentPhase{itsm.IncidentWaitingUser, itsm.IncidentWaitingSupplier}).Draw(t, "for")
		return unverified(func(o *outage) func() (int, error) { return o.holding(name, phase) })
	case 5:
		return unverified(func(o *outage) func() (int, error) { return o.resuming(name) })
	case 6:
		class := drawClass(t)
		return unverified(func(o *outage) func() (int, error) { return o.classifying(class, "I looked") })
	case 7, 8:
		rung := rapid.IntRange(0, 4).Draw(t, "rung")
		return unverified(func(o *outage) func() (int, error) { return o.escalating(rung) })
	case 9:
		return unverified(func(o *outage) func() (int, error) { return o.declaring(name) })
	case 10:
		return func(o *outage) (func() (int, error), func() error) {
			return o.solving, func() error { return o.CheckResolve("deployment", "rolled-back") }
		}
	case 11:
		return func(o *outage) (func() (int, error), func() error) {
			return o.reopening("no"), func() error { return o.CheckReopen(because("ines", "no")) }
		}
	case 12:
		return drawElsewhere(t)
	case 13:
		return drawAlertChange(t)
	default:
		return drawTask(t, name)
	}
}

// drawElsewhere is what ties an incident to others.
func drawElsewhere(t *rapid.T) act {
	n := rapid.IntRange(2, 4).Draw(t, "other")
	switch rapid.IntRange(0, 5).Draw(t, "tie") {
	case 0:
		return func(o *outage) (func() (int, error), func() error) {
			into := fmt.Sprint("INC-", n)
			return o.merging(into), func() error { return o.CheckMerge(into) }
		}
	case 1, 2:
		return unverified(func(o *outage) func() (int, error) { return o.attaching(fmt.Sprint("CHG-", n)) })
	default:
		return unverified(func(o *outage) func() (int, error) {
			return o.absorbing(fmt.Sprint("INC-", n), other(itsm.AlertFiring, 0))
		})
	}
}

func drawAlertChange(t *rapid.T) act {
	alert := slow(
		rapid.SampledFrom([]itsm.AlertStatus{itsm.AlertFiring, itsm.AlertResolved, itsm.AlertAcknowledged}).Draw(t, "status"),
		rapid.SampledFrom([]itsm.Severity{itsm.SeverityCritical, itsm.SeverityError, itsm.SeverityInfo}).Draw(t, "severity"),
		rapid.IntRange(0, 9).Draw(t, "change"))
	if rapid.Bool().Draw(t, "another") {
		alert.Key = "other"
	}
	return unverified(func(o *outage) func() (int, error) { return o.changing(alert) })
}

func drawTask(t *rapid.T, name string) act {
	task := rapid.SampledFrom([]string{itsm.ReviewStep, "action.1", "action.2"}).Draw(t, "task")
	work := itsm.TaskWork{Result: rapid.SampledFrom([]string{"", itsm.TaskFailed}).Draw(t, "result")}
	if rapid.Bool().Draw(t, "actions") {
		due := monday.Add(drawAfter(t, 0, 99, "due"))
		work.Actions = []itsm.Action{{Title: "Look", Who: "bob", Due: &due}, {Title: "Write", Who: "tom"}}
	}
	switch rapid.IntRange(0, 4).Draw(t, "work") {
	case 0:
		return func(o *outage) (func() (int, error), func() error) {
			return func() (int, error) { return o.ClaimTask(by(name), task, o.now) }, func() error { return o.CheckClaim(by(name), task) }
		}
	case 1:
		return func(o *outage) (func() (int, error), func() error) {
			return func() (int, error) { return o.ReleaseTask(by(name), task, true, o.now) },
				func() error { return o.CheckRelease(by(name), task, true) }
		}
	case 2:
		return func(o *outage) (func() (int, error), func() error) {
			return func() (int, error) { return o.WorkOnTask(by(name), task, work, o.now) },
				func() error { return o.CheckWork(by(name), task, work) }
		}
	default:
		return func(o *outage) (func() (int, error), func() error) {
			return o.completing(name, task, work), func() error { return o.CheckCompletion(by(name), task, work) }
		}
	}
}

// drawTime lets time pass: moment by moment, or in one go, as an outage does.
func (o *outage) drawTime(t *rapid.T, punctual bool) {
	d := time.Duration(rapid.SampledFrom([]int{0, 30, 60, 299, 300, 1000, 3600, 9000, 40000, 200000}).Draw(t, "seconds")) * time.Second
	if punctual || rapid.Bool().Draw(t, "in time") {
		o.at(o.now.Sub(monday) + d)
		return
	}
	o.late(d)
}
