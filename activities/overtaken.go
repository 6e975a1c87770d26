package activities

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
)

// asking are the notices that ask people for something. Each of the others only
// says what happened, which stays true however late it is told.
var asking = []itsm.EventType{
	itsm.EventStageOpened, itsm.EventStageReminded, itsm.EventStageEscalated,
	itsm.EventSeatDelegated, itsm.EventAbsenceNoted,
	itsm.EventStepOpened, itsm.EventStepReminded, itsm.EventStepEscalated, itsm.EventStepTimedOut, itsm.EventStepBlocked,
	itsm.EventPageSent, itsm.EventLadderExhausted, itsm.EventIncidentAssigned,
}

// spareOvertaken gives the outcomes with which an attempt begins. Nobody is
// asked for what is over: after an outage of the mail server, those who have
// decided meanwhile get no mail that asks them to, and a shared mailbox none that
// asks nobody any more. Webhooks are told all, since they keep a record and can
// read what came after.
func (a *Activities) spareOvertaken(ctx context.Context, event itsm.Event, notice itsm.Notice, targets []notify.Target, earlier []notify.Outcome) ([]notify.Outcome, error) {
	if !slices.Contains(asking, notice.Type) {
		return earlier, nil
	}
	view, err := a.Store.View(ctx, event.Process)
	if err != nil {
		return nil, fmt.Errorf("reading whether %s still waits: %w", event.Process, err)
	}
	outcomes := make([]notify.Outcome, len(targets))
	for i, target := range targets {
		outcomes[i].Retry = true // not tried yet
		if len(earlier) == len(targets) {
			outcomes[i] = earlier[i]
		}
		asked := []string{target.Person.Person}
		if target.Name != "" {
			asked = notice.To
		}
		waits := func(person string) bool { return !overtaken(view, event, notice.Type, person) }
		if outcomes[i].Retry && target.Channel != notify.ChannelWebhook && !slices.ContainsFunc(asked, waits) {
			outcomes[i] = notify.Outcome{
				Recipient: target.Person.Person, Channel: target.Channel, Address: target.Person.Email, Attempts: outcomes[i].Attempts,
				Result: notify.ResultSkipped, Detail: "it no longer waited for this when they could be told",
			}
		}
	}
	return outcomes, nil
}

// overtaken reports whether nothing that a person was told of an event asks
// them for is left.
func overtaken(view itsm.View, event itsm.Event, told itsm.EventType, person string) bool {
	switch {
	case view.State == itsm.StateClosed:
		return true
	case view.Kind == itsm.KindTransition:
		return stepOvertaken(view, event, told, person)
	case view.Kind == itsm.KindIncident:
		return incidentOvertaken(view, event, told, person)
	default:
		return stageOvertaken(view, event, person)
	}
}

func stageOvertaken(view itsm.View, event itsm.Event, person string) bool {
	var asked itsm.StageEvent
	var now itsm.ApprovalDetail
	if json.Unmarshal(event.Data, &asked) != nil || json.Unmarshal(view.Detail, &now) != nil {
		return false // better told too much
	}
	switch {
	case asked.Stage != "" && asked.Stage != now.Stage, asked.Round != 0 && asked.Round != now.Round:
		return true
	case event.Type == itsm.EventStageEscalated:
		return false // those who are told need have no vote
	default:
		return !slices.Contains(now.WaitingFor, person)
	}
}

func stepOvertaken(view itsm.View, event itsm.Event, told itsm.EventType, person string) bool {
	var asked itsm.StepEvent
	var now itsm.TransitionDetail
	if json.Unmarshal(event.Data, &asked) != nil || json.Unmarshal(view.Detail, &now) != nil {
		return false // better told too much
	}
	i := slices.IndexFunc(now.WaitingFor, func(w itsm.Waiting) bool { return w.Step == asked.Step })
	switch {
	case i < 0:
		return true // the step is over
	case told == itsm.EventStepOpened, told == itsm.EventStepReminded:
		return !slices.Contains(now.WaitingFor[i].Who, person) // another has claimed it
	default:
		return false // those who are told need not be those who do it
	}
}

func incidentOvertaken(view itsm.View, event itsm.Event, told itsm.EventType, person string) bool {
	var now itsm.IncidentDetail
	if json.Unmarshal(view.Detail, &now) != nil {
		return false // better told too much
	}
	switch told {
	case itsm.EventPageSent, itsm.EventLadderExhausted:
		return now.Acknowledged != nil || now.Resolution != nil
	case itsm.EventIncidentAssigned:
		return now.Assignee != person || now.Resolution != nil
	default:
		return taskOvertaken(now.Tasks, event, told, person)
	}
}

// taskOvertaken is stepOvertaken for the tasks of an incident.
func taskOvertaken(tasks []itsm.StepRun, event itsm.Event, told itsm.EventType, person string) bool {
	var asked itsm.StepEvent
	if json.Unmarshal(event.Data, &asked) != nil {
		return false // better told too much
	}
	i := slices.IndexFunc(tasks, func(run itsm.StepRun) bool { return run.ID == asked.Step && !run.Status.IsOver() })
	switch {
	case i < 0:
		return true
	case told == itsm.EventStepOpened, told == itsm.EventStepReminded:
		return tasks[i].Claimed != "" && tasks[i].Claimed != person
	default:
		return false // those who are told need not be those who do it
	}
}
