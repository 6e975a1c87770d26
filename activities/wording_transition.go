package activities

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// wordingOfStep says what an event of a step means to those who are told of it.
// A task that was released asks its group again; the event itself says less
// than the notice.
func wordingOfStep(request workflows.NotifyRequest, notice itsm.Notice, event itsm.Event) (title, text string) {
	var step itsm.StepEvent
	_ = json.Unmarshal(event.Data, &step) // other events leave it empty
	id, what := request.Process, request.Summary
	task := itsm.TaskID(id, step.Step)
	switch notice.Type {
	case itsm.EventStepOpened:
		return fmt.Sprintf("%s asks you to: %s", id, step.Title),
			fmt.Sprintf("Task %s of %q waits for you%s. `steward inbox` shows it.", task, what, dueBy(step.Deadline))
	case itsm.EventStepReminded:
		return fmt.Sprintf("%s still waits for you to: %s", id, step.Title),
			fmt.Sprintf("Task %s of %q is still open. `steward inbox` shows it.", task, what)
	case itsm.EventStepEscalated:
		return fmt.Sprintf("%s is escalated to you: %s", id, step.Title),
			fmt.Sprintf("Step %s of %q has waited long. Please see that it is done.", step.Step, what)
	case itsm.EventStepTimedOut:
		return fmt.Sprintf("%s missed a deadline and waits on: %s", id, step.Title),
			fmt.Sprintf("Step %s of %q is late%s. It stays open.", step.Step, what, dueBy(step.Deadline))
	case itsm.EventStepBlocked:
		return fmt.Sprintf("%s is blocked at: %s", id, step.Title),
			fmt.Sprintf("Step %s of %q can't go on by itself: %s. An operator may retry, skip or complete it by hand.", step.Step, what, sentence(step.Reason))
	case itsm.EventStepFailed:
		return fmt.Sprintf("%s failed at: %s", id, step.Title),
			fmt.Sprintf("Step %s of %q failed for good: %s. What was done before it is taken back.", step.Step, what, sentence(step.Reason))
	case itsm.EventStepCancelled:
		return fmt.Sprintf("%s needs this no more: %s", id, step.Title),
			fmt.Sprintf("Step %s of %q was cancelled: %s.", step.Step, what, sentence(step.Reason))
	default: // EventStepNotified: the title is what the model says
		return fmt.Sprintf("%s: %s", id, step.Title), fmt.Sprintf("%s (from %q)", step.Title, what)
	}
}

// wordingOfTransition says what an event that only transitions have means to
// those who are told of it.
func wordingOfTransition(request workflows.NotifyRequest, notice itsm.Notice, event itsm.Event) (title, text string) {
	id, what := request.Process, request.Summary
	switch notice.Type {
	case itsm.EventAuthorizationDecided:
		var data itsm.AuthorizationEvent
		_ = json.Unmarshal(event.Data, &data) // ours; what is missing is left out
		return fmt.Sprintf("%s was %s: %s", id, data.Outcome, what),
			fmt.Sprintf("Its authorisation %s was %s%s.%s", data.Approval, data.Outcome, inStage(data.Stage), afterwards(data))
	case itsm.EventAuthorizationVoided:
		var data itsm.AuthorizationEvent
		_ = json.Unmarshal(event.Data, &data) // ours; what is missing is left out
		return fmt.Sprintf("%s must be authorised again: %s", id, what),
			fmt.Sprintf("What was approved is void: %s.", sentence(data.Why))
	case itsm.EventRollbackBegun, itsm.EventRollbackOrdered:
		var data itsm.RollbackEvent
		_ = json.Unmarshal(event.Data, &data) // ours; what is missing is left out
		return fmt.Sprintf("%s is being rolled back: %s", id, what),
			fmt.Sprintf("The reason: %s. %s", sentence(data.Why), undoing(data.Undo))
	default:
		var data itsm.TransitionClosed
		_ = json.Unmarshal(event.Data, &data) // ours; what is missing is left out
		return fmt.Sprintf("%s is over: %s", id, what), closedAs(data)
	}
}

func dueBy(deadline *time.Time) string {
	if deadline == nil {
		return ""
	}
	return ", due by " + deadline.UTC().Format(time.RFC3339)
}

func inStage(stage string) string {
	if stage == "" {
		return ""
	}
	return fmt.Sprintf(" in stage %q", stage)
}

func afterwards(data itsm.AuthorizationEvent) string {
	if data.Afterwards && data.Outcome != itsm.OutcomeApproved {
		return " The change did not wait for it; decide whether to roll it back."
	}
	return ""
}

func undoing(steps []string) string {
	if len(steps) == 0 {
		return "Nothing has to be taken back."
	}
	return "These steps are taken back, in this order: " + strings.Join(steps, ", ") + "."
}

func closedAs(data itsm.TransitionClosed) string {
	if data.Why == "" {
		return fmt.Sprintf("It ended as %s.", data.Outcome)
	}
	return fmt.Sprintf("It ended as %s: %s.", data.Outcome, sentence(data.Why))
}

// sentence takes the full stop off a reason, which may be somebody's own words.
func sentence(reason string) string { return strings.TrimRight(strings.TrimSpace(reason), ".") }
