package itsm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Open records that the approval exists, as its first event.
func (a *Approval) Open(c Command, at time.Time, data ApprovalOpened) {
	a.add(at, c, EventApprovalOpened, data)
}

// Proceed takes the plan that WantsPlan asked for: it opens the next stage,
// closes the approval where none is left, or blocks it where nobody may decide.
// It does nothing where no plan is wanted.
func (a *Approval) Proceed(plan StagePlan, at time.Time) {
	if !a.WantsPlan() {
		return
	}
	if plan.Bound != "" {
		a.Bound = plan.Bound
	}
	if len(plan.Owner) > 0 {
		a.Owner = plan.Owner
	}
	a.passOver(plan.Skipped, at)
	a.Next = plan.Stage
	switch {
	case plan.Problem != "":
		a.block(at, "", plan.Problem)
	case plan.Stage >= len(a.Rules.Stages):
		a.finish(at)
	default:
		a.openStage(plan, at)
	}
}

// passOver records the stages whose condition did not hold, each once a round:
// one that follows a stage which was reopened is looked at twice.
func (a *Approval) passOver(rules []int, at time.Time) {
	for _, i := range rules {
		if slices.ContainsFunc(a.Stages, func(s Stage) bool { return s.Rule == i && s.Round == a.Round }) {
			continue
		}
		rule := a.Rules.Stages[i]
		a.Stages = append(a.Stages, Stage{
			Rule: i, Name: rule.Name, Title: rule.Title, Round: a.Round,
			Opened: at, Ended: &at, Result: ResultSkipped,
		})
		a.add(at, byRule(), EventStageSkipped, StageEvent{Stage: rule.Name, Round: a.Round})
	}
}

// openStage seats whoever may decide, or blocks the approval where too few may.
func (a *Approval) openStage(plan StagePlan, at time.Time) {
	rule := a.Rules.Stages[plan.Stage]
	seats, excluded := a.seat(rule, plan.Approvers)
	counted := countedSeats(seats)
	need := rule.Need.Of(counted)
	if counted == 0 || need > counted {
		a.block(at, rule.Name, tooFew(rule, counted, need, excluded))
		return
	}
	stage := Stage{
		Rule: plan.Stage, Name: rule.Name, Title: rule.Title, Round: a.Round, Need: need,
		Seats: seats, Excluded: excluded, Timetable: plan.Timetable, Deadline: deadlineOf(plan.Timetable), Opened: at,
	}
	stage.planHandovers(at)
	a.Stages = append(a.Stages, stage)
	a.add(at, byRule(), EventStageOpened, StageOpened{
		Stage: rule.Name, Round: a.Round, Approvers: persons(seats, isCounted), Vetoes: persons(seats, hasVeto),
		Excluded: excluded, Need: need, Deadline: stage.Deadline,
	})
	a.notify(EventStageOpened, a.waitingFor(a.Current(), at))
}

// seat gives everybody one seat whom the rule does not exclude, and says who
// was excluded.
func (a *Approval) seat(rule StageRule, candidates []Candidate) (seats []Seat, excluded []string) {
	for _, c := range candidates {
		index := slices.IndexFunc(seats, func(s Seat) bool { return s.Person == c.Person })
		switch {
		case index >= 0: // named twice, and still one person
			seats[index].Counted, seats[index].Veto = seats[index].Counted || c.Counted, seats[index].Veto || c.Veto
		case !a.excludes(rule, c.Person):
			seats = append(seats, Seat{Candidate: c})
		case !slices.Contains(excluded, c.Person):
			excluded = append(excluded, c.Person)
		}
	}
	return seats, excluded
}

// excludes reports whether the rule keeps a person from deciding.
func (a *Approval) excludes(rule StageRule, person string) bool {
	return rule.ExcludeRequester && (a.Requester.IsPerson(person) || slices.Contains(a.Authors, person)) ||
		rule.ExcludePrevious && a.decidedBefore(person)
}

// decidedBefore reports whether a person decided an earlier stage of this round.
func (a *Approval) decidedBefore(person string) bool {
	for _, stage := range a.Stages {
		if stage.Round != a.Round || stage.Result == "" {
			continue
		}
		for _, seat := range stage.Seats {
			if seat.Decision != nil && seat.Decision.By == person {
				return true
			}
		}
	}
	return false
}

// count counts the votes, and closes the stage where they won or lost it.
func (a *Approval) count(stage *Stage, at time.Time) {
	tally := stage.Tally()
	switch tally.Result(stage.Need) {
	case ResultWon:
		a.win(stage, at)
	case ResultLost:
		a.lose(stage, ResultLost, at, lostWhy(stage, tally))
	}
}

// win closes the stage, and lets those know who need not answer any more.
func (a *Approval) win(stage *Stage, at time.Time) {
	asked := a.waitingFor(stage, at)
	a.closeStage(stage, ResultWon, at)
	a.notify(EventStageClosed, asked)
}

// lose closes the stage and, with it, the approval.
func (a *Approval) lose(stage *Stage, result Result, at time.Time, why string) {
	asked := a.waitingFor(stage, at)
	a.closeStage(stage, result, at)
	a.close(at, byRule(), OutcomeRejected, stage.Name, why, asked)
}

// closeStage ends the open stage. The one after it is planned next.
func (a *Approval) closeStage(stage *Stage, result Result, at time.Time) {
	tally := stage.Tally()
	stage.end(result, at)
	a.Next = stage.Rule + 1
	a.add(at, byRule(), EventStageClosed, StageClosed{
		Stage: stage.Name, Round: stage.Round, Result: result, Need: stage.Need,
		Approved: tally.Approved, Rejected: tally.Rejected, VetoBy: tally.VetoBy,
	})
}

// end gives the stage its result. When it ended never changes.
func (s *Stage) end(result Result, at time.Time) {
	s.Result, s.Timetable = result, nil
	if s.Ended == nil {
		s.Ended = &at
	}
}

// finish closes an approval that has no stage left. Where stages applied but
// time passed every one of them over, nobody decided: the last one waits on.
func (a *Approval) finish(at time.Time) {
	won, timedOut := a.last(ResultWon), a.last(ResultTimedOut)
	switch {
	case won >= 0 && timedOut >= 0:
		a.close(at, byRule(), OutcomeApproved, a.Stages[won].Name, "every stage that time did not pass over was won", nil)
	case won >= 0:
		a.close(at, byRule(), OutcomeApproved, a.Stages[won].Name, "every stage that applied was won", nil)
	case timedOut >= 0:
		a.reopenHeld(timedOut, at)
	default:
		a.close(at, byRule(), OutcomeApproved, "", "no stage applied: the flow asks nobody in this case", nil)
	}
}

// last gives the index of the newest stage of this round that ended so, or -1.
func (a *Approval) last(result Result) int {
	for i, stage := range slices.Backward(a.Stages) {
		if stage.Round == a.Round && stage.Result == result {
			return i
		}
	}
	return -1
}

// reopenHeld lets the last stage that could decide wait on past its deadline.
func (a *Approval) reopenHeld(index int, at time.Time) {
	stage := a.Stages[index]
	stage.Result, stage.Ended, stage.Held = "", nil, true
	stage.planHandovers(at)
	a.Stages = append(slices.Delete(a.Stages, index, index+1), stage)
	a.add(at, byRule(), EventStageTimedOut, StageTimedOut{
		Stage: stage.Name, Round: stage.Round, Action: TimeoutHold, Deadline: *stage.Deadline,
	})
	a.notifyStuck(EventStageTimedOut)
}

// close ends the approval, and tells its requester and those who were asked
// and need not answer any more. Its outcome never changes after.
func (a *Approval) close(at time.Time, c Command, outcome, stage, why string, asked []string) {
	a.State, a.Outcome, a.Blocked, a.Closed, a.DecidedIn = StateClosed, outcome, "", &at, stage
	a.add(at, c, EventApprovalClosed, ApprovalClosed{Outcome: outcome, Stage: stage, Why: why})
	if a.Requester.Kind == ActorPerson {
		asked = append(asked, a.Requester.Name)
	}
	a.notify(EventApprovalClosed, asked)
}

// block stops the approval where it can't go on by itself, and tells the owner.
func (a *Approval) block(at time.Time, stage, reason string) {
	a.State, a.Blocked = StateBlocked, reason
	a.add(at, byRule(), EventProcessBlocked, ProcessBlocked{Stage: stage, Reason: reason})
	a.notifyStuck(EventProcessBlocked)
}

func tooFew(rule StageRule, counted, need int, excluded []string) string {
	out := ""
	if len(excluded) > 0 {
		out = " (" + strings.Join(excluded, ", ") + " excluded by the flow)"
	}
	if counted == 0 {
		return fmt.Sprintf("stage %q has nobody who may decide%s; add approvers to the directory, then resume", rule.Name, out)
	}
	return fmt.Sprintf("stage %q needs %d approvals but only %d may decide%s; add approvers to the directory, then resume",
		rule.Name, need, counted, out)
}

func lostWhy(stage *Stage, tally Tally) string {
	if tally.VetoBy != "" {
		return fmt.Sprintf("%s vetoed it in stage %q", tally.VetoBy, stage.Name)
	}
	return fmt.Sprintf("stage %q can no longer reach %d of %d approvals", stage.Name, stage.Need, countedSeats(stage.Seats))
}

func deadlineOf(timetable []Due) *time.Time {
	for _, due := range timetable {
		if due.Kind == DueDeadline {
			return &due.At
		}
	}
	return nil
}

func countedSeats(seats []Seat) int { return len(persons(seats, isCounted)) }

func persons(seats []Seat, keep func(Seat) bool) []string {
	var names []string
	for _, seat := range seats {
		if keep(seat) {
			names = append(names, seat.Person)
		}
	}
	return names
}

func isCounted(s Seat) bool { return s.Counted }
func hasVeto(s Seat) bool   { return s.Veto }
