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
func (a *Approval) Proceed(plan StagePlan, at time.Time) {
	if plan.Bound != "" {
		a.Bound = plan.Bound
	}
	a.Owner = plan.Owner
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

// passOver records the stages whose condition did not hold.
func (a *Approval) passOver(rules []int, at time.Time) {
	for _, i := range rules {
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
	a.Stages = append(a.Stages, stage)
	a.add(at, byRule(), EventStageOpened, StageOpened{
		Stage: rule.Name, Round: a.Round, Approvers: persons(seats, isCounted), Vetoes: persons(seats, hasVeto),
		Excluded: excluded, Need: need, Deadline: stage.Deadline,
	})
	a.notify(EventStageOpened, a.waitingFor(a.Current(), at))
}

// seat gives everybody a seat whom the rule does not exclude, and says who was
// excluded.
func (a *Approval) seat(rule StageRule, candidates []Candidate) (seats []Seat, excluded []string) {
	for _, c := range candidates {
		if a.excludes(rule, c.Person) {
			excluded = append(excluded, c.Person)
			continue
		}
		seats = append(seats, Seat{Candidate: c})
	}
	return seats, excluded
}

// excludes reports whether the rule keeps a person from deciding.
func (a *Approval) excludes(rule StageRule, person string) bool {
	return rule.ExcludeRequester && a.Requester.IsPerson(person) ||
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

// closeStage ends the open stage and, with it, the approval where it is lost.
func (a *Approval) closeStage(at time.Time, result Result) {
	stage := a.Current()
	tally := stage.Tally()
	stage.Result, stage.Ended, stage.Timetable = result, &at, nil
	a.Next = stage.Rule + 1
	a.add(at, byRule(), EventStageClosed, StageClosed{
		Stage: stage.Name, Round: stage.Round, Result: result, Need: stage.Need,
		Approved: tally.Approved, Rejected: tally.Rejected, VetoBy: tally.VetoBy,
	})
	if result == ResultLost {
		a.close(at, byRule(), OutcomeRejected, stage.Name, lostWhy(stage, tally))
	}
}

// finish closes an approval that has no stage left. Where stages applied but
// time passed every one of them over, nobody decided: the last one waits on.
func (a *Approval) finish(at time.Time) {
	won, last := false, -1
	for i, stage := range a.Stages {
		if stage.Round == a.Round {
			won = won || stage.Result == ResultWon
			if stage.Result == ResultTimedOut {
				last = i
			}
		}
	}
	switch {
	case won:
		a.close(at, byRule(), OutcomeApproved, a.lastStage(), "every stage that applied was won")
	case last >= 0:
		a.reopenHeld(last, at)
	default:
		a.close(at, byRule(), OutcomeApproved, "", "no stage applied: the flow asks nobody in this case")
	}
}

// reopenHeld lets the last stage that could decide wait on past its deadline.
func (a *Approval) reopenHeld(index int, at time.Time) {
	stage := a.Stages[index]
	stage.Result, stage.Ended, stage.Held, stage.Opened = "", nil, true, at
	a.Stages = append(slices.Delete(a.Stages, index, index+1), stage)
	a.hold(stage, at)
}

// hold records that a stage waits on past its deadline, and tells the owner.
func (a *Approval) hold(stage Stage, at time.Time) {
	a.add(at, byRule(), EventStageTimedOut, StageTimedOut{
		Stage: stage.Name, Round: stage.Round, Action: TimeoutHold, Deadline: *stage.Deadline,
	})
	a.notify(EventStageTimedOut, a.Owner)
}

// close ends the approval. Its outcome never changes after.
func (a *Approval) close(at time.Time, c Command, outcome, stage, why string) {
	a.State, a.Outcome, a.Blocked, a.Closed = StateClosed, outcome, "", &at
	a.add(at, c, EventApprovalClosed, ApprovalClosed{Outcome: outcome, Stage: stage, Why: why})
	if a.Requester.Kind == ActorPerson {
		a.notify(EventApprovalClosed, []string{a.Requester.Name})
	}
}

// block stops the approval where it can't go on by itself, and tells the owner.
func (a *Approval) block(at time.Time, stage, reason string) {
	a.State, a.Blocked = StateBlocked, reason
	a.add(at, byRule(), EventProcessBlocked, ProcessBlocked{Stage: stage, Reason: reason})
	a.notify(EventProcessBlocked, a.Owner)
}

func (a *Approval) lastStage() string {
	if len(a.Stages) == 0 {
		return ""
	}
	return a.Stages[len(a.Stages)-1].Name
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
