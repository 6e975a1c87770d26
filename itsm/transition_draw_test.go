package itsm_test

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

func drawLikely(t *rapid.T, percent int, label string) bool {
	return rapid.IntRange(1, 100).Draw(t, label) <= percent
}

// drawStep draws any step, with branches up to a depth.
func drawStep(t *rapid.T, depth int) itsm.StepRule {
	kinds := []itsm.StepRule{aTask(), aCall(), aCallBack(), aWait(), aNotice(), anApproval(), theStart()}
	i := rapid.IntRange(0, len(kinds)+1).Draw(t, "kind")
	step := kinds[i%len(kinds)]
	if i >= len(kinds) && depth > 0 {
		step = sideBySide(drawSteps(t, depth-1, 0), drawSteps(t, depth-1, 0))
	}
	if drawLikely(t, 60, "undo") {
		undo := rapid.SampledFrom([]itsm.StepRule{aTask(), aCall(), aCallBack(), aWait(), sideBySide(list(aCall()), list(aTask()))}).Draw(t, "undo")
		step = undone(step, undo)
	}
	return step
}

func drawSteps(t *rapid.T, depth, least int) (steps []itsm.StepRule) {
	for range rapid.IntRange(least, 3).Draw(t, "steps") {
		steps = append(steps, drawStep(t, depth))
	}
	return steps
}

func drawModel(t *rapid.T) itsm.TransitionRules {
	rules := itsm.TransitionRules{Type: rapid.SampledFrom([]string{itsm.TypeStandard, itsm.TypeNormal, itsm.TypeEmergency}).Draw(t, "type")}
	for i := range rapid.IntRange(1, 2).Draw(t, "stages") {
		rules.Stages = append(rules.Stages, inStage(fmt.Sprint("s", i), drawSteps(t, 2, 1)...))
	}
	if rules.Type != itsm.TypeStandard && drawLikely(t, 80, "authorised") {
		rules.Authorize, rules.Afterwards = "flow", rules.Type == itsm.TypeEmergency && rapid.Bool().Draw(t, "afterwards")
	}
	rules.Prepares = slices.ContainsFunc(rules.Stages, waitsForStart)
	rules.NeedsTimes = rules.Prepares || rapid.Bool().Draw(t, "planned")
	if rapid.Bool().Draw(t, "early life") {
		rules.EarlyLife, rules.RollBack = itsm.Duration{Days: 1}, rapid.Bool().Draw(t, "judged")
	}
	rules.Review = rapid.Bool().Draw(t, "review")
	return rules
}

func waitsForStart(rule itsm.StepRule) bool {
	return rule.ForStart || slices.ContainsFunc(rule.Branches, func(branch []itsm.StepRule) bool { return slices.ContainsFunc(branch, waitsForStart) })
}

// byLuck plans a step's attempt always in the same way: usually, not at all, or
// with trouble.
func (c *change) byLuck(seed int) func(itsm.Want) itsm.StepPlan {
	return func(want itsm.Want) itsm.StepPlan {
		plan := c.usualPlan(want.Step)
		sum := fnv.New32a()
		_, _ = fmt.Fprint(sum, seed, want.Key) // a hash takes everything
		switch luck := sum.Sum32() % 16; {
		case luck == 0:
			plan.Skip = true
		case luck == 1 && !want.Plain:
			plan.Problem = "nobody may do it"
		case luck < 6:
			plan.Timetable = []itsm.Due{
				{At: c.now.Add(time.Hour), Kind: itsm.DueReminder}, {At: c.now.Add(2 * time.Hour), Kind: itsm.DueDeadline},
				{At: c.now.Add(3 * time.Hour), Kind: itsm.DueEscalation, To: []string{"tom"}},
			}
		}
		return plan
	}
}

// deed is one thing that happens to a transition: how it is done, and what its
// check says. What is drawn for it stays the same for whomever it is done to.
type deed func(*change) (do func() (int, error), check error)

// unchecked is a deed that nobody commands.
func unchecked(do func(*change)) deed {
	return func(c *change) (func() (int, error), error) {
		return func() (int, error) { do(c); return 0, nil }, nil
	}
}

func drawDeed(t *rapid.T) deed {
	switch n := rapid.IntRange(0, 39).Draw(t, "deed"); {
	case n < 8:
		return drawAnswer(t)
	case n < 12:
		return drawDecision(t)
	case n < 22:
		return drawWork(t)
	case n < 26:
		return drawCallback(t)
	case n < 30:
		return drawHand(t)
	case n < 33:
		return drawWeather(t)
	case n < 36:
		return drawOrder(t)
	default:
		d := drawAfter(t, 0, 30, "hours")
		return unchecked(func(c *change) { c.late(d) })
	}
}

// pick gives one of several, if there are any.
func pick[T any](all []T, n int) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return all[n%len(all)], true
}

func (c *change) runsOf(kinds ...itsm.StepKind) (runs []itsm.StepRun) {
	for _, run := range c.Steps.Runs {
		if slices.Contains(kinds, run.Kind) {
			runs = append(runs, run)
		}
	}
	return runs
}

func drawAnswer(t *rapid.T) deed {
	n := rapid.IntRange(0, 9).Draw(t, "which")
	outcome := rapid.SampledFrom([]itsm.CallOutcome{wentWell, wentWell, wentWell, refused, timedOut, unsending, sentBefore}).Draw(t, "outcome")
	return unchecked(func(c *change) {
		if run, ok := pick(c.runsOf(itsm.StepCall), n); ok {
			c.CallEnded(run.ID, run.Attempt, outcome, c.now)
		}
	})
}

func drawDecision(t *rapid.T) deed {
	n, stale := rapid.IntRange(1, 4).Draw(t, "which"), drawLikely(t, 20, "stale")
	outcome := rapid.SampledFrom([]string{itsm.OutcomeApproved, itsm.OutcomeApproved, itsm.OutcomeApproved, itsm.OutcomeRejected}).Draw(t, "outcome")
	return unchecked(func(c *change) {
		end := itsm.ApprovalEnd{Approval: fmt.Sprintf("APR-%d", n), Outcome: outcome, Bound: c.bound[fmt.Sprintf("APR-%d", n)]}
		if stale {
			end.Bound = "stale"
		}
		c.ApprovalClosed(end, c.now)
	})
}

func drawWork(t *rapid.T) deed {
	n, name := rapid.IntRange(0, 9).Draw(t, "which"), rapid.SampledFrom([]string{"alice", "bob", "tom"}).Draw(t, "who")
	what := rapid.IntRange(0, 9).Draw(t, "what")
	return func(c *change) (func() (int, error), error) {
		run, _ := pick(c.runsOf(itsm.StepTask, itsm.StepCall), n)
		work := itsm.TaskWork{}
		switch {
		case what == 0:
			return c.claiming(name, run.ID), c.CheckClaim(by(name), run.ID)
		case what == 1:
			return c.releasing(name, run.ID, false), c.CheckRelease(by(name), run.ID, false)
		case what == 2:
			return c.working(name, run.ID, work), c.CheckWork(by(name), run.ID, work)
		case what == 3:
			return c.failing(name, run.ID), c.CheckCompletion(because(name, "it does not work"), run.ID, itsm.TaskWork{Result: itsm.TaskFailed})
		case run.ID == itsm.ReviewStep:
			work.Result = itsm.OutcomeWithIssues
		}
		return c.ending(name, run.ID, work), c.CheckCompletion(by(name), run.ID, work)
	}
}

func drawCallback(t *rapid.T) deed {
	n, attempt := rapid.IntRange(0, 9).Draw(t, "which"), rapid.IntRange(1, 2).Draw(t, "attempt")
	answer := itsm.CallbackAnswer{Failed: drawLikely(t, 30, "failed"), Digest: "sha256:1"}
	return func(c *change) (func() (int, error), error) {
		run, _ := pick(c.runsOf(itsm.StepCall), n)
		return c.callingBack(run.ID, attempt, answer), c.CheckCallback(run.ID, attempt)
	}
}

func drawHand(t *rapid.T) deed {
	n, resume := rapid.IntRange(0, 9).Draw(t, "which"), rapid.Bool().Draw(t, "resume")
	do := rapid.SampledFrom([]itsm.ByHand{itsm.HandRetry, itsm.HandSkip, itsm.HandComplete}).Draw(t, "hand")
	return func(c *change) (func() (int, error), error) {
		if resume {
			return c.resuming, c.CheckResume(because("maria", ""), false)
		}
		blocked := slices.DeleteFunc(slices.Clone(c.Steps.Runs), func(run itsm.StepRun) bool { return run.Status != itsm.StepBlocked && n > 1 })
		run, _ := pick(blocked, n)
		if run.ID == itsm.ReviewStep && do == itsm.HandComplete {
			return func() (int, error) { return 0, nil }, nil
		}
		return c.byHand(run.ID, do), c.CheckByHand(because("maria", "I looked"), run.ID, do, nil)
	}
}

// drawWeather changes what will be found out from now on.
func drawWeather(t *rapid.T) deed {
	what, bad := rapid.IntRange(0, 6).Draw(t, "what"), drawLikely(t, 30, "bad")
	return unchecked(func(c *change) {
		why, checked := "", itsm.Checked{}
		if bad {
			why, checked = "it rains", frozen
		}
		switch what {
		case 0:
			c.found.Problem = why
		case 1:
			c.found.Schedule = checked
		case 2:
			c.checks[itsm.GateAuthorized] = checked
		case 3:
			c.checks[itsm.GateStart] = checked
		case 4:
			c.mute = why
		case 5:
			c.unjudged, c.rollBack = why, bad
		case 6:
			c.found.Authorize = !bad
		}
	})
}

func drawOrder(t *rapid.T) deed {
	what, n := rapid.IntRange(0, 9).Draw(t, "what"), rapid.IntRange(1, 3).Draw(t, "n")
	after, override := drawAfter(t, 0, 99, "start"), drawLikely(t, 20, "override")
	return func(c *change) (func() (int, error), error) {
		input := json.RawMessage(fmt.Sprintf(`{"version":"%d"}`, n))
		start := monday.Add(after)
		switch {
		case what < 3:
			return func() (int, error) {
				c.found.Bound = fmt.Sprint(n)
				return c.amending(fmt.Sprint(n))()
			}, c.CheckRevision(by("raj"), input, nil)
		case what < 6 && c.Planned != nil:
			return c.rescheduling(after, override), c.CheckRevision(by("raj"), nil, &itsm.Period{Start: start, End: start.Add(4 * time.Hour)})
		case what == 6:
			return c.cancelling, c.CheckCancel(by("raj"))
		case what == 7:
			return c.rollingBack, c.CheckRollback(because("bob", "it is slow"))
		default:
			return c.incident(fmt.Sprint("INC-", n)), c.CheckIncident()
		}
	}
}
