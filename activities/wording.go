package activities

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// wording says what an event means to those who are told of it.
func wording(request workflows.NotifyRequest, notice itsm.Notice, event itsm.Event) (title, text string) {
	switch noun, _, _ := strings.Cut(string(notice.Type), "."); noun {
	case "step":
		return wordingOfStep(request, notice, event)
	case "authorization", "rollback", "transition":
		return wordingOfTransition(request, notice, event)
	case "alert", "clock", "incident", "ladder", "major", "page":
		return wordingOfIncident(request, notice, event)
	default:
		return wordingOfApproval(request, notice, event)
	}
}

func wordingOfApproval(request workflows.NotifyRequest, notice itsm.Notice, event itsm.Event) (title, text string) {
	stage := struct{ Stage string }{}
	_ = json.Unmarshal(event.Data, &stage) // events without a stage leave it empty
	id, what := request.Process, request.Summary
	switch notice.Type {
	case itsm.EventStageOpened:
		return fmt.Sprintf("%s asks for your decision: %s", id, what),
			fmt.Sprintf("Stage %q is open and waits for you. Decide with `steward approve %s` or `steward reject %s`.", stage.Stage, id, id)
	case itsm.EventStageReminded:
		return fmt.Sprintf("%s still waits for your decision: %s", id, what),
			fmt.Sprintf("Stage %q still waits for you.", stage.Stage)
	case itsm.EventStageEscalated:
		return fmt.Sprintf("%s is escalated to you: %s", id, what),
			fmt.Sprintf("Stage %q has waited long for its approvers. Please see that they decide.", stage.Stage)
	case itsm.EventStageTimedOut:
		return fmt.Sprintf("%s missed its deadline and waits on: %s", id, what),
			fmt.Sprintf("Stage %q was not decided by its deadline. It stays open.", stage.Stage)
	case itsm.EventSeatDelegated, itsm.EventAbsenceNoted:
		return fmt.Sprintf("%s asks for your decision on behalf of another: %s", id, what),
			"A vote was handed to you. Decide with `steward approve " + id + "` or `steward reject " + id + "`."
	case itsm.EventStageClosed:
		return fmt.Sprintf("%s needs no decision of yours any more: %s", id, what),
			fmt.Sprintf("Stage %q was decided without you.", stage.Stage)
	case itsm.EventApprovalsVoided:
		return fmt.Sprintf("%s changed; your decision is void: %s", id, what),
			"A part of the subject changed that approvals are bound to. It is asked for again from the first stage."
	case itsm.EventProcessBlocked:
		return fmt.Sprintf("%s is blocked: %s", id, what),
			"It can't go on by itself: " + blockedReason(event)
	default:
		return fmt.Sprintf("%s is over: %s", id, what), closedText(event)
	}
}

func blockedReason(event itsm.Event) string {
	var data itsm.ProcessBlocked
	if err := json.Unmarshal(event.Data, &data); err != nil {
		return "see its events"
	}
	return data.Reason
}

func closedText(event itsm.Event) string {
	var data itsm.ApprovalClosed
	if err := json.Unmarshal(event.Data, &data); err != nil || data.Outcome == "" {
		return "Nothing more is asked of you."
	}
	return fmt.Sprintf("It was %s: %s.", data.Outcome, data.Why)
}
