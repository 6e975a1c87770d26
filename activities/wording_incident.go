package activities

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// wordingOfIncident says what an event that only incidents have means to those
// who are told of it.
func wordingOfIncident(request workflows.NotifyRequest, notice itsm.Notice, event itsm.Event) (title, text string) {
	id := request.Process
	priority, what := split(request.Summary)
	switch notice.Type {
	case itsm.EventPageSent:
		return fmt.Sprintf("%s%s pages you: %s (%s)", priority, id, what, placeOf(event)),
			fmt.Sprintf("Acknowledge it with `steward ack %s` or POST /v1/incidents/%s/acknowledge. Until somebody does, others are paged after you.", id, id)
	case itsm.EventLadderExhausted:
		return fmt.Sprintf("%s%s is acknowledged by nobody: %s", priority, id, what),
			"Everybody on the ladder was paged, as often as the policy says. Nobody is paged any more: see that somebody takes it on."
	case itsm.EventClockWarned, itsm.EventClockBreached:
		return wordingOfClock(priority+id, what, notice.Type, event)
	case itsm.EventIncidentAssigned:
		return fmt.Sprintf("%s%s is assigned to you: %s", priority, id, what),
			fmt.Sprintf("Resolve it with `steward resolve %s`, or assign it to another.", id)
	case itsm.EventIncidentReopened:
		return fmt.Sprintf("%s%s is open again: %s", priority, id, what), "It was not over after all. You had it; see what is still wrong."
	case itsm.EventIncidentClassified:
		return fmt.Sprintf("%s%s became worse: %s", priority, id, what), "Its alert says so, and its clocks follow."
	case itsm.EventMajorDeclared:
		return fmt.Sprintf("%s%s is a major incident: %s", priority, id, what), majorText(event)
	case itsm.EventIncidentResolved:
		return fmt.Sprintf("%s is resolved: %s", id, what), resolvedText(id, event)
	default:
		return fmt.Sprintf("%s%s: %s", priority, id, what), fmt.Sprintf("What happened: %s.", notice.Type)
	}
}

// withPriority is how an incident is listed that has a priority.
var withPriority = regexp.MustCompile(`^(P[1-9]): (.*)$`)

// split takes the priority off the line of an incident, as "[P1] ".
func split(line string) (priority, title string) {
	if parts := withPriority.FindStringSubmatch(line); parts != nil {
		return "[" + parts[1] + "] ", parts[2]
	}
	return "", line
}

// placeOf says which rung of the ladder is told.
func placeOf(event itsm.Event) string {
	var page itsm.PageSent
	_ = json.Unmarshal(event.Data, &page) // ours; what is missing is left out
	if page.Of == 0 {
		return fmt.Sprintf("rung %d, round %d", page.Rung, page.Round)
	}
	return fmt.Sprintf("rung %d of %d, round %d", page.Rung, page.Of, page.Round)
}

func wordingOfClock(id, what string, told itsm.EventType, event itsm.Event) (title, text string) {
	var clock itsm.ClockEvent
	_ = json.Unmarshal(event.Data, &clock) // ours; what is missing is left out
	task := map[itsm.ClockName]string{itsm.ClockRespond: "acknowledged", itsm.ClockResolve: "resolved"}[clock.Clock]
	due := clock.Due.UTC().Format(time.RFC3339)
	if told == itsm.EventClockBreached {
		return fmt.Sprintf("%s was not %s in time: %s", id, task, what),
			fmt.Sprintf("It should have been %s by %s. It still waits for it.", task, due)
	}
	return fmt.Sprintf("%s must soon be %s: %s", id, task, what), fmt.Sprintf("It is due to be %s by %s.", task, due)
}

func majorText(event itsm.Event) string {
	var declared itsm.IncidentEvent
	_ = json.Unmarshal(event.Data, &declared) // ours; what is missing is left out
	text := "Declared by " + declared.Why + "."
	if event.Comment != "" {
		text = fmt.Sprintf("Declared by %s: %s.", declared.Why, sentence(event.Comment))
	}
	if declared.Person != "" {
		text += fmt.Sprintf(" %s is its commander.", declared.Person)
	}
	return text
}

func resolvedText(id string, event itsm.Event) string {
	var resolved itsm.IncidentEvent
	_ = json.Unmarshal(event.Data, &resolved) // ours; what is missing is left out
	text := fmt.Sprintf("Cause: %s. Fix: %s.", resolved.Cause, resolved.Fix)
	if event.Comment != "" {
		text += " " + sentence(event.Comment) + "."
	}
	return text + fmt.Sprintf(" If something is still wrong, have it reopened: POST /v1/incidents/%s/reopen.", id)
}
