// Package audit proves what happened: it replays histories on the workflow
// code of this binary and shows the state after each step.
//
// What does not belong here: running processes (package engine reaches those)
// and changing anything; an auditor only reads.
package audit

import (
	"bytes"
	"fmt"
	"log/slog"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// Replay is what a history gives when it runs through this binary's workflow
// code again.
type Replay struct {
	Workflow      string `json:"workflow"`      // the workflow's type
	Events        int    `json:"events"`        // how many events the history has
	Deterministic bool   `json:"deterministic"` // the code takes the same way that the history took
	Fault         string `json:"fault,omitempty"`
	Steps         []Step `json:"steps"`
}

// Step is the state after one workflow task.
type Step struct {
	Event int64     `json:"event"` // the history event that completed the task
	Time  time.Time `json:"time"`  // when it did
	View  itsm.View `json:"view"`
}

// ParseHistory reads a history from Temporal's own JSON. The error has
// CodeMalformed.
func ParseHistory(json []byte) (*historypb.History, error) {
	history, err := client.HistoryFromJSON(bytes.NewReader(json), client.HistoryJSONOptions{})
	if err != nil {
		return nil, itsm.Errorf(itsm.CodeMalformed, "this is not a workflow history in Temporal's JSON: %v", err)
	}
	if len(history.Events) == 0 || history.Events[0].GetWorkflowExecutionStartedEventAttributes() == nil {
		return nil, itsm.Errorf(itsm.CodeMalformed, "the history does not begin with a start; give it whole")
	}
	return history, nil
}

// ReplayHistory runs a history through the workflow code. For the state after
// each task it replays what came before the next one, again for each, so its
// cost grows with the square of the number of tasks.
func ReplayHistory(history *historypb.History) Replay {
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	r := Replay{Workflow: started.GetWorkflowType().GetName(), Events: len(history.Events)}
	if r.Fault = Verify(history); r.Fault != "" {
		return r
	}
	r.Deterministic = true
	for _, cut := range cuts(history.Events) {
		view, err := replay(history.Events[:cut.length])
		if err != nil {
			r.Deterministic, r.Fault = false, fmt.Sprintf("up to event %d: %v", cut.event, err)
			return r
		}
		r.Steps = append(r.Steps, Step{Event: cut.event, Time: cut.time, View: view})
	}
	return r
}

// Verify replays a history on the workflow code, without looking at the steps
// between. It gives "" where the code takes the way of the history.
func Verify(history *historypb.History) string {
	if _, err := replay(history.Events); err != nil {
		return err.Error()
	}
	return ""
}

// cut is a place at which a history may be cut and still replays: before the
// next workflow task is scheduled, or at its end.
type cut struct {
	length int
	event  int64
	time   time.Time
}

func cuts(events []*historypb.HistoryEvent) []cut {
	var all []cut
	var last *historypb.HistoryEvent // the newest completed task
	for i, event := range events {
		switch event.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			last = event
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			if last != nil {
				all = append(all, cut{i, last.EventId, last.EventTime.AsTime()})
			}
			last = nil
		}
	}
	if last != nil {
		all = append(all, cut{len(events), last.EventId, last.EventTime.AsTime()})
	}
	return all
}

// replay runs events through the workflow code and asks for the state in which
// they leave it.
func replay(events []*historypb.HistoryEvent) (itsm.View, error) {
	keeper := &queryKeeper{}
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		Interceptors: []interceptor.WorkerInterceptor{keeper},
	})
	if err != nil {
		return itsm.View{}, fmt.Errorf("making a replayer: %w", err)
	}
	workflows.Register(replayer)
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	if err := replayer.ReplayWorkflowHistory(quiet, &historypb.History{Events: events}); err != nil {
		return itsm.View{}, err
	}
	if keeper.view == nil {
		return itsm.View{}, nil
	}
	return keeper.view()
}

// queryKeeper keeps the handler with which a workflow shows its state.
type queryKeeper struct {
	interceptor.WorkerInterceptorBase
	view func() (itsm.View, error)
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (k *queryKeeper) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, keeper: k}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	keeper *queryKeeper
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, keeper: i.keeper})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	keeper *queryKeeper
}

// SetQueryHandler implements interceptor.WorkflowOutboundInterceptor.
func (o *outbound) SetQueryHandler(ctx workflow.Context, queryType string, handler any) error {
	if show, ok := handler.(func() (itsm.View, error)); ok && queryType == workflows.QueryView {
		o.keeper.view = show
	}
	return o.Next.SetQueryHandler(ctx, queryType, handler)
}
