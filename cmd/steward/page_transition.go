package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// transitionDetail reads what only transitions have; of another process, nothing.
func transitionDetail(process api.Process) itsm.TransitionDetail {
	return detailOf[itsm.TransitionDetail](process, itsm.KindTransition)
}

// detailOf reads what only one kind of process has; of another, nothing.
func detailOf[T any](process api.Process, kind itsm.Kind) T {
	var detail, none T
	if process.Kind != kind || json.Unmarshal(process.Detail, &detail) != nil {
		return none
	}
	return detail
}

// transitionHead is what there is to say of a transition as a whole.
func (e *env) transitionHead(d itsm.TransitionDetail) table {
	var t table
	line := func(name, value string) {
		if value != "" {
			t.row("  "+name, value)
		}
	}
	line("phase", string(d.Phase))
	if r := d.Rollback; r != nil {
		line("because", r.Why)
		line("given up", e.moment(r.Begun))
	}
	if d.Planned != nil {
		line("planned", e.moment(d.Planned.Start)+" to "+e.clock(d.Planned.End))
	}
	for _, warning := range d.Warnings {
		line("warning", warning)
	}
	if o := d.Override; o != nil {
		line("overridden", "by "+o.By.Name+": "+o.Reason)
	}
	if r := d.Risk; r != nil {
		line("risk", r.Level+" ("+strconv.FormatFloat(r.Score, 'f', -1, 64)+")")
	}
	line("authorised", e.authorization(d.Authorization))
	if l := d.EarlyLife; l != nil {
		line("early life", fmt.Sprintf("until %s, %d incident(s)", e.moment(l.Until), len(l.Incidents)))
	}
	if r := d.Review; r != nil {
		line("review", r.Result)
		line("lessons", r.Lessons)
	}
	return t
}

// authorization says where the authorisation stands.
func (e *env) authorization(a *itsm.Authorization) string {
	if a == nil {
		return ""
	}
	switch a.Status {
	case itsm.AuthorizationNeedless:
		return "not needed, by the model"
	case itsm.AuthorizationGiven:
		return "by " + a.Approval + e.decidedAt(a)
	case itsm.AuthorizationRefused:
		return "refused by " + a.Approval + " at stage " + a.Stage + e.decidedAt(a)
	default:
		return "not yet; asked for in " + a.Approval
	}
}

func (e *env) decidedAt(a *itsm.Authorization) string {
	if a.Decided == nil {
		return ""
	}
	return ", " + e.clock(*a.Decided)
}

// transitionBody shows what a transition waits for, what happens by itself, its
// steps, and the tasks to be done.
func (e *env) transitionBody(id string, d itsm.TransitionDetail) string {
	return e.waiting(d.WaitingFor) + e.coming(d.Next) + e.steps(d.Steps) + e.openTasks(id, d.Steps)
}

func (e *env) waiting(all []itsm.Waiting) string {
	if len(all) == 0 {
		return ""
	}
	t := table{{"WAITS FOR", "STEP", "WHO", "SINCE", "DUE"}}
	for _, w := range all {
		due := "-"
		if w.Due != nil {
			due = e.moment(*w.Due)
		}
		t.row(w.For, dash(w.Step), listed(w.Who), e.moment(w.Since), due)
	}
	return "\n" + t.String()
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (e *env) coming(all []itsm.Coming) string {
	if len(all) == 0 {
		return ""
	}
	t := table{{"NEXT", "STEP", "AT"}}
	for _, c := range all {
		t.row(c.What, dash(c.Step), e.moment(c.At))
	}
	return "\n" + t.String()
}

// steps shows the stages and what is in them as a tree.
func (e *env) steps(all []itsm.ShownStep) string {
	t := table{{"STEP", "STATUS", "WHAT", "HOW"}}
	for _, step := range all {
		t.row(strings.Repeat("  ", depth(step.ID))+step.ID, step.Status, step.Title, e.how(step.Run))
		if undo := step.Undo; undo != nil {
			t.row(strings.Repeat("  ", depth(step.ID)+1)+undo.ID, undo.Status, undo.Title, e.how(undo.Run))
		}
	}
	return "\n" + t.String()
}

// depth tells from a step's ID how many steps and stages hold it: each that does
// adds its own number, and the number of the branch.
func depth(id string) int { return (strings.Count(id, ".") + 1) / 2 }

// how tells what is worth knowing of a step that had its turn.
func (e *env) how(run *itsm.StepRun) string {
	if run == nil {
		return ""
	}
	var parts []string
	say := func(told bool, text string) {
		if told {
			parts = append(parts, text)
		}
	}
	say(run.Attempt > 1, fmt.Sprintf("attempt %d", run.Attempt))
	say(run.Approval != "", run.Approval)
	say(run.Claimed != "", "by "+run.Claimed)
	say(len(run.Checklist) > 0, fmt.Sprintf("%d of %d ticked off", ticked(run.Checklist), len(run.Checklist)))
	say(len(run.Evidence) > 0, fmt.Sprintf("%d piece(s) of evidence", len(run.Evidence)))
	say(run.Accepted && run.Status == itsm.StepRunning, "accepted; its callback is awaited")
	say(run.Reason != "", run.Reason)
	say(run.Undone == itsm.StepDone, "taken back")
	if run.Ended != nil {
		parts = append(parts, e.clock(*run.Ended))
	}
	return strings.Join(parts, "; ")
}

func ticked(list []itsm.ChecklistItem) int {
	n := 0
	for _, item := range list {
		if item.By != "" {
			n++
		}
	}
	return n
}

// openTasks shows what is to be ticked off, as it must be written.
func (e *env) openTasks(process string, all []itsm.ShownStep) string {
	var text strings.Builder
	for _, step := range all {
		run := step.Run
		if run == nil || run.Kind != itsm.StepTask || run.Status != itsm.StepRunning || len(run.Checklist) == 0 {
			continue
		}
		var t table
		for _, item := range run.Checklist {
			if item.By == "" {
				t.row("  [ ]", item.Text)
				continue
			}
			t.row("  [x]", item.Text, item.By, e.clock(*item.At))
		}
		text.WriteString("\n" + printable(itsm.TaskID(process, run.ID)+"  "+run.Title) + "\n" + t.String())
	}
	return text.String()
}

// toGoOn says what to type where a transition is blocked.
func toGoOn(id string, d itsm.TransitionDetail) string {
	for _, step := range d.Steps {
		for _, one := range []*itsm.ShownStep{&step, step.Undo} {
			if one != nil && one.Status == string(itsm.StepBlocked) {
				return "put that right, then: steward step retry|skip|complete " + id + " " + one.ID + " --comment WHY"
			}
		}
	}
	return "put that right, then: steward resume " + id + " --comment WHY; or steward reschedule " + id
}
