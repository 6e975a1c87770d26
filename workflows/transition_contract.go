package workflows

import (
	"encoding/json"
	"time"

	"github.com/steward-itsm/steward/itsm"
)

// TransitionInput starts a transition. It holds the full text of every
// definition that the transition runs under: its model, its service, the
// approval flows that it asks, and the calendars of all of those.
type TransitionInput struct {
	ID          string               `json:"id"`
	Command     itsm.Command         `json:"command"`
	Requester   itsm.Actor           `json:"requester"`
	Title       string               `json:"title"`
	Description string               `json:"description,omitempty"`
	Model       Definition           `json:"model"`
	Service     Definition           `json:"service"`
	Also        []Definition         `json:"also,omitempty"`  // flows and calendars
	Input       json.RawMessage      `json:"input,omitempty"` // checked, and with the schema's defaults
	Planned     *itsm.Period         `json:"planned,omitempty"`
	Override    bool                 `json:"override,omitempty"` // of what the schedule refuses, for the command's comment
	Opened      time.Time            `json:"opened,omitzero"`    // set when the run continues an earlier one
	Continues   *ContinuedTransition `json:"continues,omitempty"`
}

// ContinuedTransition is what a run hands on to the next one.
type ContinuedTransition struct {
	Transition itsm.Transition         `json:"transition"`
	Answers    map[string]itsm.Receipt `json:"answers"`
}

// TransitionResult is how a transition ended.
type TransitionResult struct {
	Outcome string `json:"outcome"`
}

// TransitionFacts is what activities must know of a transition to work
// something out. Everything in it is recorded in the process's history.
type TransitionFacts struct {
	Model     Definition      `json:"model"`
	Service   Definition      `json:"service"`
	Also      []Definition    `json:"also,omitempty"` // those of flows and calendars that the activity needs
	Requester itsm.Actor      `json:"requester"`
	Subject   json.RawMessage `json:"subject"` // what expressions know as subject
	Process   string          `json:"process"`
	At        time.Time       `json:"at"`
}

// AssessRequest asks ActivityAssess for an itsm.Assessment.
type AssessRequest struct {
	TransitionFacts
	Title   string       `json:"title"`
	Planned *itsm.Period `json:"planned,omitempty"`
}

// CheckScheduleRequest asks ActivityCheckSchedule for an itsm.Checked of the
// planned time, at a gate other than the first.
type CheckScheduleRequest struct {
	TransitionFacts
	Gate    itsm.Gate    `json:"gate"`
	Planned *itsm.Period `json:"planned,omitempty"`
	Needs   []string     `json:"needs,omitempty"`
}

// PlanStepRequest asks ActivityPlanStep for an itsm.StepPlan.
type PlanStepRequest struct {
	TransitionFacts
	Step    string          `json:"step"`
	Attempt int             `json:"attempt"`
	Steps   json.RawMessage `json:"steps"` // outputs of earlier steps by their names
}

// OpenApprovalRequest asks ActivityOpenApproval for all with which an approval
// starts that a process asks for. The same key gets the same approval.
type OpenApprovalRequest struct {
	TransitionFacts
	Flow string `json:"flow"`
	Key  string `json:"key"`
}

// CallRequest asks ActivityCall to send a step's HTTP request, which answers
// with an itsm.CallOutcome.
type CallRequest struct {
	TransitionFacts
	Step    string          `json:"step"`
	Attempt int             `json:"attempt"`
	Steps   json.RawMessage `json:"steps"`
}

// RollBackWhenRequest asks ActivityRollBackWhen whether the incidents of the
// service call for a rollback.
type RollBackWhenRequest struct {
	TransitionFacts
	Incidents []json.RawMessage `json:"incidents"`
}

// RollBack is the answer of ActivityRollBackWhen.
type RollBack struct {
	Holds   bool   `json:"holds"`
	Problem string `json:"problem,omitempty"` // why it can't be said
}

// ApprovalClosed tells the process that asked for an approval how it ended.
type ApprovalClosed struct {
	Approval string `json:"approval"`
	Outcome  string `json:"outcome"`
	Stage    string `json:"stage,omitempty"`
	Bound    string `json:"bound,omitempty"` // digest of the parts that were approved
	Why      string `json:"why,omitempty"`   // of a rejection: by whom, and why
}

// ParentCommand is what a process tells an approval that it asked for: the
// amended subject, or, where there is none, that it is not needed any more.
type ParentCommand struct {
	Command   itsm.Command    `json:"command"`
	Amendment *itsm.Amendment `json:"amendment,omitempty"`
}

// ReviseArgs are the arguments of UpdateReschedule, and of UpdateAmend of a
// transition.
type ReviseArgs struct {
	Command  itsm.Command    `json:"command"`
	Input    json.RawMessage `json:"input,omitempty"` // amend: checked, and with the schema's defaults
	Planned  *itsm.Period    `json:"planned,omitempty"`
	Override bool            `json:"override,omitempty"`
}

// ResumeArgs are the arguments of UpdateResume of a transition.
type ResumeArgs struct {
	Command  itsm.Command `json:"command"`
	Override bool         `json:"override,omitempty"`
}

// TaskArgs are the arguments of the updates about tasks.
type TaskArgs struct {
	Command  itsm.Command  `json:"command"`
	Task     string        `json:"task"`               // the step's ID
	Work     itsm.TaskWork `json:"work,omitzero"`      //
	Operator bool          `json:"operator,omitempty"` // the actor may release what another claimed
}

// ByHandArgs are the arguments of UpdateByHand.
type ByHandArgs struct {
	Command itsm.Command    `json:"command"`
	Step    string          `json:"step"`
	Do      itsm.ByHand     `json:"do"`
	Output  json.RawMessage `json:"output,omitempty"` // complete: what later expressions see of it
}

// CallbackArgs are the arguments of UpdateCallback.
type CallbackArgs struct {
	Command itsm.Command        `json:"command"`
	Step    string              `json:"step"`
	Attempt int                 `json:"attempt"`
	Answer  itsm.CallbackAnswer `json:"answer"`
}

// IncidentArgs are the arguments of UpdateIncident.
type IncidentArgs struct {
	Command  itsm.Command    `json:"command"`
	Incident json.RawMessage `json:"incident"` // as expressions know it
}
