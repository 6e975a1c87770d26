package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// monday is when every process of these tests begins: 09:00 UTC.
var monday = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// world stands in for the directory, the journal and everybody who is told. It
// plans stages as each test says, and keeps what it was asked to record.
type world struct {
	t   *testing.T
	env *testsuite.TestWorkflowEnvironment

	plans func(workflows.PlanRequest) (itsm.StagePlan, error)

	mutex     sync.Mutex
	ledger                       // of the process that is tested
	main      string             // its ID
	others    map[string]*ledger // of those that it started
	told      []workflows.NotifyRequest
	reachable bool
	away      int                       // how many more times the database does not answer
	stuck     bool                      // it does not answer within a workflow task at all
	slow      time.Duration             // how long telling people takes
	refuse    func(r itsm.Record) error // what the schedule of change says to a claim; nil: nothing
}

// ledger is what is recorded of one process.
type ledger struct {
	journal  []itsm.Event
	view     itsm.View
	inbox    []itsm.InboxItem
	snapshot json.RawMessage
	steps    []step
	claim    *itsm.Claim
}

// of gives the ledger of a process; the first that records is the one tested.
func (w *world) of(process string) *ledger {
	if w.main == "" {
		w.main = process
	}
	if process == w.main {
		return &w.ledger
	}
	if w.others[process] == nil {
		w.others[process] = &ledger{}
	}
	return w.others[process]
}

func newWorld(t *testing.T) *world {
	t.Helper()
	suite := testsuite.WorkflowTestSuite{}
	suite.SetLogger(quiet{})
	w := &world{t: t, env: suite.NewTestWorkflowEnvironment(), others: map[string]*ledger{}}
	w.env.SetStartTime(monday)
	w.env.SetTestTimeout(time.Minute)
	workflows.Register(w.env)
	for name, f := range map[string]any{
		workflows.ActivityPlanStage: w.planStage,
		workflows.ActivityRecord:    w.record,
		workflows.ActivityNotify:    w.notify,
		workflows.ActivityLookBack:  w.lookBack,
	} {
		w.env.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
	return w
}

func (w *world) planStage(_ context.Context, request workflows.PlanRequest) (itsm.StagePlan, error) {
	plan, err := w.plans(request)
	return plan, workflows.Refuse(err)
}

// record keeps the laws of the store: no gap, no double, and what is recorded
// first stands.
func (w *world) record(ctx context.Context, request workflows.RecordRequest) (workflows.Recorded, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.stuck && activity.GetInfo(ctx).IsLocalActivity {
		return workflows.Recorded{}, errors.New("the database is away")
	}
	if w.away > 0 {
		w.away--
		return workflows.Recorded{}, errors.New("the database is away")
	}
	r := request.Record
	l := w.of(r.Process)
	first := r.Events[0].Number
	require.LessOrEqual(w.t, first, len(l.journal)+1, "there is no gap")
	if first <= len(l.journal) {
		there := l.journal[first-1:]
		if asJSON(w.t, there) == asJSON(w.t, r.Events) {
			return workflows.Recorded{}, nil
		}
		return workflows.Recorded{Reachable: w.reachable, Earlier: &itsm.Earlier{Events: there, Snapshot: l.snapshot}}, nil
	}
	if r.Claim != nil && w.refuse != nil {
		if err := w.refuse(r); err != nil {
			return workflows.Recorded{}, workflows.Refuse(err)
		}
	}
	if r.Claim != nil {
		l.claim = r.Claim
	}
	l.journal = append(l.journal, r.Events...)
	l.view, l.inbox, l.snapshot = r.View, r.Inbox, r.Snapshot
	l.steps = append(l.steps, step{len(l.journal), r.Snapshot})
	return workflows.Recorded{Reachable: w.reachable && len(noticesOf(r.Events)) > 0}, nil
}

func (w *world) lookBack(_ context.Context, request workflows.LookBackRequest) (workflows.Recorded, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	l := w.of(request.Process)
	if request.After >= len(l.journal) {
		return workflows.Recorded{}, nil
	}
	return workflows.Recorded{
		Reachable: w.reachable, Earlier: &itsm.Earlier{Events: l.journal[request.After:], Snapshot: l.snapshot},
	}, nil
}

// recordedBy makes the journal what it was in another world after a step, as a
// crash leaves it that took the step from the workflow.
func (w *world) recordedBy(other *world, n int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.journal = slices.Clone(other.journal[:other.steps[n].events])
	w.snapshot = other.steps[n].snapshot
}

// step is the state of a process after one of its recorded steps.
type step struct {
	events   int
	snapshot json.RawMessage
}

// crashedAfter makes a world whose database is like this one's after a step,
// while Temporal knows nothing of the process.
func (w *world) crashedAfter(t *testing.T, n int) *world {
	t.Helper()
	next := newWorld(t)
	next.plans = w.plans
	next.journal = slices.Clone(w.journal[:w.steps[n].events])
	next.snapshot = w.steps[n].snapshot
	return next
}

func noticesOf(events []itsm.Event) []itsm.Notice {
	var notices []itsm.Notice
	for _, event := range events {
		notices = append(notices, event.Tell...)
	}
	return notices
}

func (w *world) notify(ctx context.Context, request workflows.NotifyRequest) (workflows.Notified, error) {
	if w.slow > 0 && activity.GetInfo(ctx).Attempt == 1 {
		return workflows.Notified{}, temporal.NewApplicationErrorWithOptions("not yet", "notify.retry", temporal.ApplicationErrorOptions{NextRetryDelay: w.slow})
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.told = append(w.told, request)
	var sent []itsm.Sent
	for _, notice := range noticesOf(request.Events) {
		sent = append(sent, itsm.Sent{About: notice.Event, Type: notice.Type, Outcomes: json.RawMessage(`[{"result":"sent"}]`)})
	}
	return workflows.Notified{Sent: sent}, nil
}

// types lists what happened, in order.
func (w *world) types() []itsm.EventType {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	var types []itsm.EventType
	for _, event := range w.journal {
		types = append(types, event.Type)
	}
	return types
}

// at does something some time after the start, in virtual time.
func (w *world) at(after time.Duration, do func()) { w.env.RegisterDelayedCallback(do, after) }

// run carries the approval out to its end.
func (w *world) run(input workflows.ApprovalInput) workflows.ApprovalResult {
	w.t.Helper()
	w.env.ExecuteWorkflow(workflows.ApprovalWorkflow, input)
	require.True(w.t, w.env.IsWorkflowCompleted())
	require.NoError(w.t, w.env.GetWorkflowError())
	var result workflows.ApprovalResult
	require.NoError(w.t, w.env.GetWorkflowResult(&result))
	return result
}

// answer is what became of one command.
type answer struct {
	Receipt  itsm.Receipt
	Accepted bool
	Rejected error // by the validator: nothing of it is in the history
	Failed   error // by the handler, when its turn came
	Done     bool
}

// send sends a command now; the answer fills while the workflow goes on.
func (w *world) send(update, key string, args any) *answer {
	a := &answer{}
	w.env.UpdateWorkflow(update, key, &testsuite.TestUpdateCallback{
		OnAccept: func() { a.Accepted = true },
		OnReject: func(err error) { a.Rejected, a.Done = err, true },
		OnComplete: func(result any, err error) {
			a.Failed, a.Done = err, true
			if receipt, ok := result.(itsm.Receipt); ok {
				a.Receipt = receipt
			}
		},
	}, args)
	return a
}

// decide sends a verdict of a person now.
func (w *world) decide(person string, verdict itsm.Verdict, key string) *answer {
	return w.send(workflows.UpdateDecide, key, workflows.DecideArgs{Command: by(person, key), Verdict: verdict})
}

func by(person, key string) itsm.Command {
	return itsm.Command{Actor: itsm.Person(person), Key: key, Fingerprint: "f-" + key, Comment: "because"}
}

// approvalOf gives the input of an approval that raj asks for, under a flow
// with the given stages as YAML.
func approvalOf(t *testing.T, stages string) workflows.ApprovalInput {
	t.Helper()
	docs, problems := definition.Parse(definition.Source{Name: "flow.yaml", Text: []byte(
		"apiVersion: steward/v1\nkind: ApprovalFlow\nmetadata: {name: f, title: Flow, owner: maria}\nspec:\n  stages:\n" + stages)})
	require.Empty(t, problems)
	flow := docs[0]
	return workflows.ApprovalInput{
		ID: "APR-1", Command: by("raj", "start"), Requester: itsm.Person("raj"), Summary: "Buy it", Subject: json.RawMessage(`{}`),
		Flow: workflows.Definition{
			DefinitionRef: itsm.DefinitionRef{Kind: flow.Kind, Name: flow.Name, Digest: flow.Digest}, Document: flow.Canonical,
		},
	}
}

// asking plans every stage with the same approvers and the timetable that due makes.
func asking(stages int, due func(opened time.Time) []itsm.Due, approvers ...string) func(workflows.PlanRequest) (itsm.StagePlan, error) {
	return func(request workflows.PlanRequest) (itsm.StagePlan, error) {
		plan := itsm.StagePlan{Stage: request.From, Owner: []string{"maria"}}
		if request.From >= stages {
			return plan, nil
		}
		for _, person := range approvers {
			plan.Approvers = append(plan.Approvers, itsm.Candidate{Person: person, Counted: true})
		}
		if due != nil {
			plan.Timetable = due(request.At)
		}
		return plan, nil
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// quiet keeps Temporal's test environment from writing to the output.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
