package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// askAgain looks whether a process refused a command although, or because, its
// journal is ahead of it, as a crash in the wrong instant can leave it. Then the
// process takes up what is recorded, and is asked once more.
func (e *Engine) askAgain(ctx context.Context, id, update string, command itsm.Command, args any, refusal error) (itsm.Receipt, error) {
	known := workflows.RefusedAt(refusal)
	if known == 0 {
		return itsm.Receipt{}, refusal // in its turn: it has looked back already
	}
	view, err := e.store.View(ctx, id)
	if err != nil || view.LastEvent <= known {
		return itsm.Receipt{}, refusal
	}
	if err := e.takeUp(ctx, store.Head{Process: id, Number: view.LastEvent}); err != nil {
		return itsm.Receipt{}, err
	}
	return e.send(ctx, id, update, command, args)
}

// takeUp tells a process how far its journal goes, and waits until it has taken
// all of that up.
func (e *Engine) takeUp(ctx context.Context, head store.Head) error {
	handle, err := e.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: "takeUp/" + strconv.Itoa(head.Number), WorkflowID: head.Process, UpdateName: workflows.UpdateTakeUp,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	return err
}

const (
	latestEvents = 2000 // more than can be under way at once anywhere
	lookers      = 8
)

// TakeUpLatest has every process take up what the journal has of it, among
// those that did something last. It is for the start after a crash: a process
// whose last step was recorded in the instant of the crash may know nothing of
// it, and has nothing left that would wake it. It gives how many were behind.
func (e *Engine) TakeUpLatest(ctx context.Context) (behind int, err error) {
	heads, err := e.store.Latest(ctx, latestEvents)
	if err != nil {
		return 0, err
	}
	found := make([]bool, len(heads))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(lookers)
	for i, head := range heads {
		group.Go(func() (err error) {
			found[i], err = e.takeUpIfBehind(ctx, head)
			return err
		})
	}
	err = group.Wait()
	for _, was := range found {
		if was {
			behind++
		}
	}
	return behind, err
}

// takeUpIfBehind asks a process how far it is, which costs its history nothing,
// and has it take up the journal where that is ahead.
func (e *Engine) takeUpIfBehind(ctx context.Context, head store.Head) (bool, error) {
	behind, err := e.behind(ctx, head)
	if err != nil {
		return false, fmt.Errorf("asking %s how far it is: %w", head.Process, err)
	}
	if !behind {
		return false, nil
	}
	return true, e.takeUp(ctx, head)
}

func (e *Engine) behind(ctx context.Context, head store.Head) (bool, error) {
	if head.State == itsm.StateClosed { // to ask a closed workflow would replay it; whether it runs is enough
		workflow, err := e.temporal.DescribeWorkflowExecution(ctx, head.Process, "")
		running := workflow.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		if err != nil || !running {
			return false, forgotten(err)
		}
	}
	answer, err := e.temporal.QueryWorkflow(ctx, head.Process, "", workflows.QueryView)
	var view itsm.View
	if err == nil {
		err = answer.Get(&view)
	}
	return view.LastEvent < head.Number, err
}

// forgotten makes nothing of a workflow that Temporal no longer keeps.
func forgotten(err error) error {
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}
