package itsm

import (
	"slices"
	"time"
)

// NextDue gives the next instant at which the approval acts by itself.
func (a *Approval) NextDue() (time.Time, bool) {
	stage := a.Current()
	if a.State != StateOpen || stage == nil || len(stage.Timetable) == 0 {
		return time.Time{}, false
	}
	return stage.Timetable[0].At, true
}

// Pass does what is due at an instant, in the order in which it fell due: it
// reminds, escalates, and applies the deadline.
func (a *Approval) Pass(at time.Time) {
	for {
		due, ok := a.NextDue()
		if !ok || due.After(at) {
			return
		}
		stage := a.Current()
		entry := stage.Timetable[0]
		stage.Timetable = stage.Timetable[1:]
		a.act(stage, entry, at)
	}
}

func (a *Approval) act(stage *Stage, entry Due, at time.Time) {
	switch entry.Kind {
	case DueReminder:
		waiting := a.waitingFor(stage, at)
		if len(waiting) == 0 {
			return
		}
		a.add(at, byRule(), EventStageReminded, StageTold{Stage: stage.Name, Round: stage.Round, To: waiting})
		a.notify(EventStageReminded, waiting)
	case DueEscalation:
		a.add(at, byRule(), EventStageEscalated, StageTold{Stage: stage.Name, Round: stage.Round, To: entry.To})
		a.notify(EventStageEscalated, entry.To)
	case DueDeadline:
		a.timeOut(stage, entry.At, at)
	}
}

// timeOut applies what the flow says of a deadline that has passed.
func (a *Approval) timeOut(stage *Stage, deadline, at time.Time) {
	action := a.Rules.Stages[stage.Rule].OnTimeout
	if action == "" {
		action = TimeoutHold
	}
	a.add(at, byRule(), EventStageTimedOut, StageTimedOut{
		Stage: stage.Name, Round: stage.Round, Action: action, Deadline: deadline,
	})
	switch action {
	case TimeoutApprove:
		a.closeStage(at, ResultWon)
	case TimeoutReject:
		a.endByTime(stage, at)
	case TimeoutSkip:
		a.closeStage(at, ResultTimedOut)
	default:
		stage.Held = true
		a.notify(EventStageTimedOut, unique(slices.Clone(a.Owner)))
	}
}

// endByTime rejects the approval because the flow says so of a missed deadline.
func (a *Approval) endByTime(stage *Stage, at time.Time) {
	name := stage.Name
	stage.Result, stage.Ended, stage.Timetable = ResultTimedOut, &at, nil
	a.close(at, byRule(), OutcomeRejected, name, "stage \""+name+"\" was not decided by its deadline")
}
