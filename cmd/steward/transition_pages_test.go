package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// release is a transition in the midst of its steps.
func release(t *testing.T) api.Process {
	t.Helper()
	due, decided := noon.Add(46*time.Hour), noon.Add(-3*time.Hour)
	start := noon.Add(5 * 24 * time.Hour)
	test := itsm.StepRun{
		ID: "validation.1", Title: "Run the acceptance test plan", Kind: itsm.StepTask, Status: itsm.StepRunning, Attempt: 1, Claimed: "raj", Opened: noon.Add(-2 * time.Hour),
		Checklist: []itsm.ChecklistItem{{Text: "Regression tests green", By: "raj", At: &decided}, {Text: "Backout rehearsed"}},
		Evidence:  []itsm.Evidence{{Link: "https://ci.acme.test/512"}},
	}
	return transition(t, "CHG-1", itsm.PhaseScheduled, itsm.TransitionDetail{
		Planned: &itsm.Period{Start: start, End: start.Add(2 * time.Hour)}, Risk: &itsm.Risk{Score: 62.5, Level: "high"},
		Warnings:      []string{"CHG-7 (ledger) overlaps"},
		Override:      &itsm.ScheduleOverride{By: itsm.Person("maria"), Reason: "The certificate expires"},
		Authorization: &itsm.Authorization{Status: itsm.AuthorizationGiven, Approval: "APR-1", Decided: &decided},
		WaitingFor:    []itsm.Waiting{{For: "task: Run the acceptance test plan", Step: "validation.1", Who: []string{"raj"}, Since: noon.Add(-2 * time.Hour), Due: &due}},
		Next:          []itsm.Coming{{At: due, What: "deadline", Step: "validation.1"}},
		Steps: []itsm.ShownStep{
			{ID: "validation", Title: "Validation and testing", Kind: itsm.StepStage, Status: "running", Run: &itsm.StepRun{ID: "validation"}},
			{ID: "validation.1", Title: "Run the acceptance test plan", Kind: itsm.StepTask, Status: "running", Run: &test},
			{ID: "support", Title: "培训与支持", Kind: itsm.StepStage, Status: "waiting"},
			{ID: "support.1", Title: "2 branches at the same time", Kind: itsm.StepParallel, Status: "waiting"},
			{ID: "support.1.2.1", Title: "Brief the service desk", Kind: itsm.StepTask, Status: "waiting"},
			{ID: "review", Title: "Review", Kind: itsm.StepTask, Status: "waiting"},
		},
	})
}

// takenBack is one whose undo is blocked.
func takenBack(t *testing.T) api.Process {
	t.Helper()
	ended := noon.Add(-time.Minute)
	call := itsm.StepRun{ID: "migration.1", Status: itsm.StepFailed, Attempt: 2, Reason: "its callback did not come in time", Ended: &ended}
	undo := itsm.StepRun{ID: "migration.1.undo", Status: itsm.StepBlocked, Attempt: 1, Reason: "HTTP 500"}
	p := transition(t, "CHG-2", itsm.PhaseImplement, itsm.TransitionDetail{
		Authorization: &itsm.Authorization{Status: itsm.AuthorizationNeedless},
		Rollback:      &itsm.Rollback{Why: "step migration.1 (POST /deploy) failed: its callback did not come in time", Begun: ended},
		WaitingFor:    []itsm.Waiting{{For: "an operator: HTTP 500", Step: undo.ID, Who: []string{"maria", "tom"}, Since: ended}},
		Steps: []itsm.ShownStep{
			{ID: "migration", Title: "Migration", Kind: itsm.StepStage, Status: "cancelled", Run: &itsm.StepRun{ID: "migration"}},
			{ID: call.ID, Title: "POST /deploy", Kind: itsm.StepCall, Status: "failed", Run: &call,
				Undo: &itsm.ShownStep{ID: undo.ID, Title: "POST /rollback", Kind: itsm.StepCall, Status: "blocked", Run: &undo}},
		},
	})
	p.State, p.Blocked = itsm.StateBlocked, "step migration.1.undo (POST /rollback): HTTP 500; mend it and retry the step, or skip or complete it by hand"
	return p
}

func transition(t *testing.T, id string, phase itsm.Phase, detail itsm.TransitionDetail) api.Process {
	t.Helper()
	detail.Phase = phase
	raw, err := json.Marshal(detail)
	require.NoError(t, err)
	return api.Process{
		ID: id, Kind: itsm.KindTransition, Summary: "Payments 4.2", State: itsm.StateOpen, Phase: phase, Requester: itsm.Person("alice"), Service: "payments",
		Definitions: []itsm.DefinitionRef{{Kind: "TransitionModel", Name: "normal-change", Digest: "sha256:0123456789abcdef"}},
		Opened:      noon.Add(-26 * time.Hour), Updated: noon, LastEvent: 15, Detail: raw, Subject: json.RawMessage(`{"version":"4.2"}`),
	}
}

// tasks is what waits for somebody who has tasks to do.
func tasks() api.InboxPage {
	return api.InboxPage{Items: []api.InboxItem{
		{Process: "CHG-1", Task: "validation.1", Person: "raj", Action: itsm.ActionComplete, Title: "Run the acceptance test plan — Payments 4.2", Since: noon},
		{Process: "APR-9", Task: "board/1", Person: "raj", Action: itsm.ActionDecide, Title: "Ledger 2.0", Since: noon},
		{Process: "CHG-3", Task: itsm.ReviewStep, Person: "raj", Action: itsm.ActionComplete, Title: "Review — Ledger 1.9", Since: noon},
	}}
}

func changes() api.CalendarPage {
	change := api.PlannedChange{
		Process: "CHG-1", Title: "Payments 4.2", Service: "payments", Needs: []string{"ledger"},
		Start: noon.Add(5 * 24 * time.Hour), End: noon.Add(5*24*time.Hour + 2*time.Hour), Phase: itsm.PhaseScheduled, State: itsm.StateOpen, Held: true,
	}
	stuck, over := change, change
	stuck.Process, stuck.State = "CHG-4", itsm.StateBlocked
	over.Process, over.State, over.Phase, over.Outcome, over.Held = "CHG-5", itsm.StateClosed, itsm.PhaseCancelled, itsm.OutcomeCancelled, false
	return api.CalendarPage{Items: []api.PlannedChange{change, stuck, over}}
}
