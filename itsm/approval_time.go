package itsm

import (
	"fmt"
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
		if a.overtaken(stage, at) {
			return
		}
		waiting := a.waitingFor(stage, at)
		a.add(at, byRule(), EventStageReminded, StageTold{Stage: stage.Name, Round: stage.Round, To: waiting})
		a.notify(EventStageReminded, waiting)
	case DueEscalation:
		a.add(at, byRule(), EventStageEscalated, StageTold{Stage: stage.Name, Round: stage.Round, To: entry.To})
		a.notify(EventStageEscalated, entry.To)
	case DueDeadline:
		a.timeOut(stage, entry.At, at)
	case DueHandover:
		a.handOver(stage, entry.At, at)
	}
}

// overtaken reports whether a reminder comes so late that another one, or the
// end of its stage, is due as well: after an outage people are asked once.
func (a *Approval) overtaken(stage *Stage, at time.Time) bool {
	return slices.ContainsFunc(stage.Timetable, func(d Due) bool {
		ends := d.Kind == DueDeadline && a.onTimeout(stage) != TimeoutHold
		return !d.At.After(at) && (ends || d.Kind == DueReminder)
	})
}

// onTimeout gives what the flow says of a missed deadline.
func (a *Approval) onTimeout(stage *Stage) OnTimeout {
	if action := a.Rules.Stages[stage.Rule].OnTimeout; action != "" {
		return action
	}
	return TimeoutHold
}

// timeOut applies what the flow says of a deadline that has passed.
func (a *Approval) timeOut(stage *Stage, deadline, at time.Time) {
	action := a.onTimeout(stage)
	a.add(at, byRule(), EventStageTimedOut, StageTimedOut{
		Stage: stage.Name, Round: stage.Round, Action: action, Deadline: deadline,
	})
	switch action {
	case TimeoutApprove:
		a.win(stage, at)
	case TimeoutReject:
		a.lose(stage, ResultTimedOut, at, fmt.Sprintf("stage %q was not decided by its deadline", stage.Name))
	case TimeoutSkip:
		a.closeStage(stage, ResultTimedOut, at)
	default:
		stage.Held = true
		a.notifyStuck(EventStageTimedOut)
	}
}
