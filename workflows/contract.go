package workflows

import (
	"encoding/json"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// The names under which workflows, updates, queries and activities are known
// to Temporal. Histories hold them, so they never change.
const (
	ApprovalWorkflow   = "Approval"
	TransitionWorkflow = "Transition"

	UpdateStart    = "start" // answered when the start is recorded
	UpdateDecide   = "decide"
	UpdateDelegate = "delegate"
	UpdateAbsence  = "absence"
	UpdateAmend    = "amend"
	UpdateWithdraw = "withdraw"
	UpdateResume   = "resume"
	UpdateTakeUp   = "takeUp" // goes on from what an earlier life recorded; gives the newest event's number

	UpdateReschedule   = "reschedule"
	UpdateCancel       = "cancel"
	UpdateRollback     = "rollback"
	UpdateClaimTask    = "claimTask"
	UpdateReleaseTask  = "releaseTask"
	UpdateWorkOnTask   = "workOnTask" // ticks off, adds evidence
	UpdateCompleteTask = "completeTask"
	UpdateByHand       = "byHand" // an operator retries, skips or completes a blocked step
	UpdateCallback     = "callback"
	UpdateIncident     = "incident" // an incident of the service in early life

	SignalApprovalClosed = "approvalClosed" // to the process that asked for it
	SignalParent         = "parent"         // to an approval, from the process that asked for it

	QueryView = "view" // itsm.View: the state, also in a replay

	ActivityPlanStage = "PlanStage"
	ActivityRecord    = "Record"
	ActivityNotify    = "Notify"
	ActivityLookBack  = "LookBack"

	ActivityAssess        = "AssessTransition"
	ActivityCheckSchedule = "CheckSchedule"
	ActivityPlanStep      = "PlanStep"
	ActivityOpenApproval  = "OpenApproval"
	ActivityCall          = "Call"
	ActivityRollBackWhen  = "RollBackWhen"
)

// Definition is one version of a definition in full, as a process carries it.
type Definition struct {
	itsm.DefinitionRef
	Document json.RawMessage `json:"document"` // canonical JSON
}

// ApprovalInput starts an approval. It holds the full text of every definition
// that the approval runs under, so its history alone tells its rules.
type ApprovalInput struct {
	ID        string          `json:"id"`
	Command   itsm.Command    `json:"command"`           // who sent the request, and under which key
	Requester itsm.Actor      `json:"requester"`         // for whom; the sender, unless an integration sent it for a person
	Authors   []string        `json:"authors,omitempty"` // persons who wrote parts of the subject besides
	Summary   string          `json:"summary"`
	Flow      Definition      `json:"flow"`
	Calendar  *Definition     `json:"calendar,omitempty"`
	Service   *Definition     `json:"service,omitempty"`
	Subject   json.RawMessage `json:"subject"` // checked, and with the schema's defaults
	Parent    string          `json:"parent,omitempty"`
	Opened    time.Time       `json:"opened,omitzero"` // set when the run continues an earlier one
	Continues *Continued      `json:"continues,omitempty"`
}

// Continued is what a run hands on to the next one of the same process.
type Continued struct {
	Approval itsm.Approval           `json:"approval"`
	Answers  map[string]itsm.Receipt `json:"answers"` // by key: a retry gets the same answer across runs
}

// ApprovalResult is how an approval ended.
type ApprovalResult struct {
	Outcome string `json:"outcome"`
	Stage   string `json:"stage,omitempty"`
}

// DecideArgs are the arguments of UpdateDecide.
type DecideArgs struct {
	Command itsm.Command `json:"command"`
	Verdict itsm.Verdict `json:"verdict"`
	Stage   string       `json:"stage,omitempty"` // refused unless this stage is open; empty for whichever is
}

// DelegateArgs are the arguments of UpdateDelegate.
type DelegateArgs struct {
	Command itsm.Command `json:"command"`
	To      string       `json:"to"`
}

// AbsenceArgs are the arguments of UpdateAbsence.
type AbsenceArgs struct {
	Command itsm.Command `json:"command"`
	Absence itsm.Absence `json:"absence"`
}

// AmendArgs are the arguments of UpdateAmend.
type AmendArgs struct {
	Command   itsm.Command   `json:"command"`
	Amendment itsm.Amendment `json:"amendment"`
}

// PlainArgs are the arguments of updates that need nothing but the command.
type PlainArgs struct {
	Command itsm.Command `json:"command"`
}

// PlanRequest asks ActivityPlanStage for the next stage of an approval.
type PlanRequest struct {
	Flow      Definition      `json:"flow"`
	Calendar  *Definition     `json:"calendar,omitempty"`
	Service   *Definition     `json:"service,omitempty"`
	Requester itsm.Actor      `json:"requester"`
	Subject   json.RawMessage `json:"subject"`
	From      int             `json:"from"` // index of the first stage to consider
	At        time.Time       `json:"at"`   // when the stage opens
}

// RecordRequest asks ActivityRecord to write one step of a process.
type RecordRequest struct {
	Record itsm.Record `json:"record"`
}

// Recorded is the answer of ActivityRecord.
type Recorded struct {
	Reachable bool          `json:"reachable,omitempty"` // somebody who is to be told has a channel
	Earlier   *itsm.Earlier `json:"earlier,omitempty"`   // what stands instead, from a try that a crash cut short
}

// LookBackRequest asks ActivityLookBack, which answers with Recorded, for what
// the journal has after the newest event that the process knows.
type LookBackRequest struct {
	Process string `json:"process"`
	After   int    `json:"after"`
}

// NotifyRequest asks ActivityNotify to tell people what happened in one step.
type NotifyRequest struct {
	Process string       `json:"process"`
	Summary string       `json:"summary"`
	Events  []itsm.Event `json:"events"` // each with those who are to be told of it
}

// Notified is the answer of ActivityNotify: what became of each notice.
type Notified struct {
	Sent []itsm.Sent `json:"sent"`
}
