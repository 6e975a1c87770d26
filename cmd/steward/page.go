package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// processPage is what a person reads of one process: where it stands, what it
// waits for, who decided what, and under which rules.
func (e *env) processPage(w io.Writer, p api.Process, body string) {
	var page strings.Builder
	fmt.Fprintf(&page, "%s  %s\n\n", printable(p.ID), printable(p.Summary))
	page.WriteString(e.processHead(p) + body)
	if len(p.Subject) > 0 {
		fmt.Fprintf(&page, "\nSubject\n%s", indented(p.Subject))
	}
	fmt.Fprint(w, page.String())
}

// processBody is what only its kind of process has, below the head. What is not
// in the view it asks the server for.
func (e *env) processBody(ctx context.Context, c *apiClient, p api.Process) (string, error) {
	switch p.Kind {
	case itsm.KindApproval:
		return e.stages(approvalDetail(p)) + e.next(approvalDetail(p)), nil
	case itsm.KindTransition:
		return e.transitionBody(p.ID, transitionDetail(p)), nil
	case itsm.KindIncident:
		return e.incidentBody(ctx, c, p)
	default:
		return "", nil
	}
}

func (e *env) processHead(p api.Process) string {
	detail := approvalDetail(p)
	var t table
	line := func(name, value string) {
		if value != "" {
			t.row("  "+name, value)
		}
	}
	line("state", stateOf(p))
	line("blocked", p.Blocked)
	if p.State == itsm.StateBlocked {
		line("to go on", goingOn(p))
	}
	switch p.Kind {
	case itsm.KindTransition:
		t = append(t, e.transitionHead(transitionDetail(p))...)
	case itsm.KindIncident:
		t = append(t, e.incidentHead(incidentDetail(p))...)
	}
	line("stage", detail.Stage)
	line("waits for", strings.Join(detail.WaitingFor, ", "))
	if p.Due != nil {
		line("due", e.moment(*p.Due))
	}
	line("requester", p.Requester.String())
	line("service", p.Service)
	line("part of", p.Parent)
	for _, d := range p.Definitions {
		line("rules", d.Kind+"/"+d.Name+" @ "+short(d.Digest))
	}
	line("opened", e.moment(p.Opened))
	if p.Closed != nil {
		line("closed", e.moment(*p.Closed))
	}
	line("events", strconv.Itoa(p.LastEvent))
	return t.String()
}

// goingOn says what to type where a process is blocked.
func goingOn(p api.Process) string {
	if p.Kind == itsm.KindTransition {
		return toGoOn(p.ID, transitionDetail(p))
	}
	return "put that right, then: steward resume " + p.ID + " --comment WHY"
}

// stateOf gives the outcome where there is one: it says more.
func stateOf(p api.Process) string {
	if p.Outcome != "" {
		return p.Outcome
	}
	return string(p.State)
}

// placeIn gives the phase of what goes on in phases, for lists.
func placeIn(p api.Process) string {
	if p.State == itsm.StateOpen && p.Phase != "" {
		return string(p.Phase)
	}
	return stateOf(p)
}

func (e *env) stages(detail itsm.ApprovalDetail) string {
	if len(detail.Stages) == 0 {
		return ""
	}
	t := table{{"STAGE", "RESULT", "APPROVED", "APPROVER", "DECISION", "WHEN", "COMMENT"}}
	for _, stage := range detail.Stages {
		head := []string{stageName(stage), stageResult(stage), stageCount(stage)}
		if len(stage.Seats) == 0 {
			t.row(head...)
		}
		for _, seat := range stage.Seats {
			t.row(append(head, e.seatCells(seat)...)...)
			head = []string{"", "", ""}
		}
	}
	return "\n" + t.String()
}

func stageName(stage itsm.Stage) string {
	if stage.Round > 1 {
		return fmt.Sprintf("%s (round %d)", stage.Name, stage.Round)
	}
	return stage.Name
}

func stageResult(stage itsm.Stage) string {
	switch {
	case stage.Result != "":
		return string(stage.Result)
	case stage.Held:
		return "open, past its deadline"
	default:
		return "open"
	}
}

// stageCount says how many approvals there are of those that it takes.
func stageCount(stage itsm.Stage) string {
	if len(stage.Seats) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d", stage.Tally().Approved, stage.Need)
}

func (e *env) seatCells(seat itsm.Seat) []string {
	who := seat.Person
	if seat.Delegate != "" {
		who += " → " + seat.Delegate
	}
	if seat.Veto {
		who += " (veto)"
	}
	d := seat.Decision
	if d == nil {
		return []string{who, "-"}
	}
	verdict := string(d.Verdict)
	if d.By != seat.Person {
		verdict += " by " + d.By
	}
	return []string{who, verdict, e.clock(d.At), d.Comment}
}

// next shows what happens by itself.
func (e *env) next(detail itsm.ApprovalDetail) string {
	if len(detail.Next) == 0 {
		return ""
	}
	t := table{{"NEXT", "AT", "TO"}}
	for _, due := range detail.Next {
		t.row(string(due.Kind), e.moment(due.At), strings.Join(due.To, ", "))
	}
	return "\n" + t.String()
}

// indented shows JSON as YAML, which people read more easily.
func indented(value json.RawMessage) string {
	text, err := yamlOf(value)
	if err != nil {
		return "  " + printable(string(value)) + "\n"
	}
	lines := strings.Split(strings.TrimRight(printable(string(text)), "\n"), "\n")
	return "  " + strings.Join(lines, "\n  ") + "\n"
}
