package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/server/api"
)

// incidentDetail reads what only incidents have; of another process, nothing.
func incidentDetail(process api.Process) itsm.IncidentDetail {
	return detailOf[itsm.IncidentDetail](process, itsm.KindIncident)
}

// incidentHead is what there is to say of an incident as a whole.
func (e *env) incidentHead(d itsm.IncidentDetail) table {
	var t table
	line := func(name, value string) {
		if value != "" {
			t.row("  "+name, value)
		}
	}
	line("phase", string(d.Phase))
	line("priority", priorityOf(d.Class))
	line("category", d.Class.Category)
	if m := d.Major; m != nil {
		line("major", "by "+m.By+", "+e.clock(m.At))
		line("commander", m.Commander)
	}
	line("assignee", d.Assignee)
	if a := d.Acknowledged; a != nil {
		line("acknowledged", "by "+a.By+", "+e.clock(a.At))
	}
	if r := d.Resolution; r != nil {
		line("resolved", "by "+r.By+", "+e.clock(r.At)+"; cause "+r.Cause+", fix "+r.Fix)
		line("comment", r.Comment)
	}
	if d.CloseAt != nil {
		line("closes", e.moment(*d.CloseAt))
	}
	line("ladder", e.ladder(d))
	line("merged into", d.MergedInto)
	line("absorbed", strings.Join(d.Absorbed, ", "))
	line("transitions", strings.Join(d.Transitions, ", "))
	if r := d.Review; r != nil {
		line("lessons", r.Lessons)
	}
	if a := d.Alert; a != nil {
		line("source", a.Source)
		line("link", a.Link)
	}
	return t
}

func priorityOf(c itsm.Classification) string {
	return fmt.Sprintf("%s (impact %s, urgency %s)", cmp.Or(c.Priority, "none"), c.Impact, c.Urgency)
}

// ladder says who is paged next and when, or why nobody is.
func (e *env) ladder(d itsm.IncidentDetail) string {
	l := d.Ladder
	next := fmt.Sprintf("rung %d, round %d", l.Rung+1, l.Round)
	switch {
	case d.Phase == itsm.IncidentResolved || d.Phase == itsm.IncidentClosed:
		return ""
	case l.Round == 0:
		return "none; the service has no escalation policy"
	case d.Acknowledged != nil && d.Phase == itsm.IncidentInProgress && d.Acknowledged.SilentAt != nil:
		return "rests; goes on " + e.moment(*d.Acknowledged.SilentAt) + " without a sign of life"
	case d.Acknowledged != nil || l.Next == nil && !l.Exhausted:
		return "rests"
	case l.Next == nil:
		return "over; everybody was told, and nobody has acknowledged it"
	case l.Suppressed != "":
		return next + " is not paged now: " + l.Suppressed + "; looked at again " + e.moment(*l.Next)
	case l.Exhausted:
		return "is over " + e.moment(*l.Next)
	default:
		return next + " is paged " + e.moment(*l.Next)
	}
}

// incidentBody shows the clocks of an incident, who was paged, its alerts and
// its tasks.
func (e *env) incidentBody(ctx context.Context, c *apiClient, p api.Process) (string, error) {
	d := incidentDetail(p)
	clocks, err := answer[api.Clocks](c.GetClocksWithResponse(ctx, p.ID))
	if err != nil {
		return "", err
	}
	alerts, err := alertsOf(ctx, c, p.ID, d)
	if err != nil {
		return "", err
	}
	var body strings.Builder
	if len(clocks.Clocks) > 0 {
		body.WriteString("\n" + e.clockTable(clocks.Clocks))
	}
	body.WriteString(e.pages(d.Pages) + e.alerts(p.Service, alerts) + e.incidentTasks(p.ID, d.Tasks))
	if d.Description != "" {
		body.WriteString("\nDescription\n  " + strings.ReplaceAll(printable(d.Description), "\n", "\n  ") + "\n")
	}
	if d.Alert != nil && len(d.Alert.Details) > 0 {
		body.WriteString("\nDetails of the alert\n" + indented(d.Alert.Details))
	}
	return body.String(), nil
}

// pages shows who was told what when, and what came of it.
func (e *env) pages(all []itsm.Page) string {
	if len(all) == 0 {
		return ""
	}
	t := table{{"PAGED", "RUNG", "ROUND", "WHO", "WHAT CAME OF IT"}}
	for _, page := range all {
		head := []string{e.clock(page.At), strconv.Itoa(page.Rung), strconv.Itoa(page.Round)}
		var outcomes []notify.Outcome
		_ = json.Unmarshal(page.Outcomes, &outcomes) // none yet
		for _, who := range toldBy(page, outcomes) {
			t.row(append(head, who, cameOf(who, outcomes))...)
			head = []string{"", "", ""}
		}
	}
	return "\n" + t.String()
}

// toldBy lists all who were told of a page, persons first.
func toldBy(page itsm.Page, outcomes []notify.Outcome) []string {
	all := slices.Clone(page.To)
	for _, outcome := range outcomes {
		if !slices.Contains(all, outcome.Recipient) {
			all = append(all, outcome.Recipient)
		}
	}
	return all
}

// cameOf says over which channels somebody was told, and with what result.
func cameOf(who string, outcomes []notify.Outcome) string {
	var parts []string
	for _, outcome := range outcomes {
		if outcome.Recipient != who {
			continue
		}
		text := outcome.Channel + " " + outcome.Result
		if outcome.Detail != "" {
			text += " (" + outcome.Detail + ")"
		}
		parts = append(parts, text)
	}
	switch {
	case len(parts) > 0:
		return strings.Join(parts, ", ")
	case len(outcomes) > 0:
		return "no channel reaches them"
	default:
		return "under way"
	}
}

// alertsOf lists the alerts of an incident as intake knows them. Those that have
// another incident by now are as this one knew them.
func alertsOf(ctx context.Context, c *apiClient, id string, d itsm.IncidentDetail) ([]api.AlertState, error) {
	if d.Alert == nil && len(d.Others) == 0 {
		return nil, nil
	}
	list, err := answer[api.AlertList](c.ListAlertsWithResponse(ctx, id))
	if err != nil {
		return nil, err
	}
	known := slices.Clone(d.Others)
	if d.Alert != nil {
		known = slices.Insert(known, 0, *d.Alert)
	}
	for _, a := range known {
		same := func(other api.AlertState) bool { return other.Service == a.Service && other.Key == a.Key }
		if !slices.ContainsFunc(list.Items, same) {
			list.Items = append(list.Items, api.AlertState{Service: a.Service, Key: a.Key, Title: a.Title, Severity: a.Severity, Status: a.Status})
		}
	}
	return list.Items, nil
}

func (e *env) alerts(service string, all []api.AlertState) string {
	if len(all) == 0 {
		return ""
	}
	t := table{{"ALERT", "SEVERITY", "STATUS", "REPEATS", "FIRST", "LAST", "TITLE"}}
	for _, a := range all {
		key, repeats, first, last := a.Key, "-", "-", "-"
		if a.Service != service {
			key = a.Service + ": " + key
		}
		if !a.FirstAt.IsZero() {
			repeats, first, last = strconv.Itoa(a.Repeats), e.clock(a.FirstAt), e.clock(a.LastAt)
		}
		t.row(key, string(a.Severity), string(a.Status), repeats, first, last, a.Title)
	}
	return "\n" + t.String()
}

func (e *env) incidentTasks(process string, all []itsm.StepRun) string {
	if len(all) == 0 {
		return ""
	}
	t := table{{"TASK", "STATUS", "WHAT", "WHO", "DUE", "HOW"}}
	for _, run := range all {
		due := "-"
		if run.Deadline != nil {
			due = e.moment(*run.Deadline)
		}
		t.row(itsm.TaskID(process, run.ID), string(run.Status), run.Title, listed(run.People), due, e.how(&run))
	}
	return "\n" + t.String()
}
