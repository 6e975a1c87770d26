package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// Engine starts and moves processes. It holds no state of its own; any number
// may work side by side.
type Engine struct {
	temporal client.Client
	store    *store.Store
	queue    string
	alerts   *intake
	now      func() time.Time
}

// New makes an Engine that starts processes on a task queue.
func New(temporal client.Client, s *store.Store, taskQueue string) *Engine {
	return &Engine{temporal: temporal, store: s, queue: taskQueue, alerts: newIntake(), now: func() time.Time { return time.Now().UTC() }}
}

// Call is who sends a command, under which idempotency key, and why.
type Call struct {
	Actor   itsm.Actor
	Key     string // the caller's; a retry carries the same
	Comment string
	Manages bool // the actor's role lets them act where otherwise only the requester may
}

// command makes the command of a call. Its key is unique across actors, and
// its fingerprint tells a retry from another request under the same key.
func (c Call) command(name, process string, args any) itsm.Command {
	body, err := json.Marshal([]any{name, process, args, c.Comment})
	if err != nil { // the arguments are plain structs; this can't happen
		body = []byte(name)
	}
	sum := sha256.Sum256(body)
	return itsm.Command{
		Actor: c.Actor, Key: c.Actor.String() + "/" + c.Key,
		Fingerprint: hex.EncodeToString(sum[:8]), Comment: strings.TrimSpace(c.Comment), Manages: c.Manages,
	}
}

// Ping tells whether Temporal answers. The error has CodeUnavailable.
func (e *Engine) Ping(ctx context.Context) error {
	if _, err := e.temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return itsm.Errorf(itsm.CodeUnavailable, "Temporal does not answer: %v", err)
	}
	return nil
}

// update sends a command to a running process and gives its answer.
//
// The error has CodeNotFound, CodeProcessClosed, CodeKeyReused,
// CodeUnavailable, or is what the process refused the command with.
func (e *Engine) update(ctx context.Context, id, update string, command itsm.Command, args any) (itsm.Receipt, error) {
	receipt, err := e.send(ctx, id, update, command, args)
	if _, refused := workflows.Refusal(err); refused {
		receipt, err = e.askAgain(ctx, id, update, command, args, err)
	}
	return e.answer(ctx, id, command, receipt, err)
}

// send sends a command once.
func (e *Engine) send(ctx context.Context, id, update string, command itsm.Command, args any) (itsm.Receipt, error) {
	handle, err := e.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: command.Key, WorkflowID: id, UpdateName: update,
		Args: []any{args}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	var receipt itsm.Receipt
	if err == nil {
		err = handle.Get(ctx, &receipt)
	}
	return receipt, err
}

// answer turns what Temporal said of a command into what its sender is told.
func (e *Engine) answer(ctx context.Context, id string, command itsm.Command, receipt itsm.Receipt, err error) (itsm.Receipt, error) {
	var gone *serviceerror.NotFound
	switch {
	case err == nil:
		return checkFingerprint(receipt, command)
	case errors.As(err, &gone):
		return e.answerFromJournal(ctx, id, command)
	}
	if refusal, ok := workflows.Refusal(err); ok {
		return itsm.Receipt{}, refusal
	}
	return itsm.Receipt{}, unavailable(err, id)
}

// checkFingerprint refuses an answer that was given to another request under
// the same key.
func checkFingerprint(receipt itsm.Receipt, command itsm.Command) (itsm.Receipt, error) {
	if receipt.Fingerprint != command.Fingerprint {
		return itsm.Receipt{}, itsm.Errorf(itsm.CodeKeyReused,
			"this idempotency key was used for another request; use a new key for a new request")
	}
	return receipt, nil
}

// answerFromJournal answers for a process whose workflow is over or forgotten:
// a retry of a recorded command gets its answer, anything else is refused.
func (e *Engine) answerFromJournal(ctx context.Context, id string, command itsm.Command) (itsm.Receipt, error) {
	view, err := e.store.View(ctx, id)
	if err != nil {
		return itsm.Receipt{}, e.beingStarted(ctx, id, err)
	}
	event, found, err := e.store.EventByKey(ctx, id, command.Key)
	if err != nil {
		return itsm.Receipt{}, fmt.Errorf("looking for an earlier answer of %s: %w", id, err)
	}
	if found && event.Answer != nil {
		return checkFingerprint(*event.Answer, command)
	}
	if view.State != itsm.StateClosed {
		return itsm.Receipt{}, itsm.Errorf(itsm.CodeUnavailable, "%s is known but its workflow does not answer; an operator must look", id)
	}
	return itsm.Receipt{}, closed(view)
}

// closed refuses what may not be done to a process that is over, with
// itsm.CodeProcessClosed.
func closed(view itsm.View) error {
	var detail itsm.IncidentDetail
	if view.Outcome == itsm.OutcomeMerged && json.Unmarshal(view.Detail, &detail) == nil {
		return itsm.Errorf(itsm.CodeProcessClosed, "%s was merged into %s; go on there", view.ID, detail.MergedInto)
	}
	return itsm.Errorf(itsm.CodeProcessClosed, "%s is closed: it was %s, and that doesn't change", view.ID, view.Outcome)
}

// beingStarted tells a process that there is not from one that is about to be:
// what asks for an approval names it before it has begun.
func (e *Engine) beingStarted(ctx context.Context, id string, missing error) error {
	if itsm.ErrorCode(missing) != itsm.CodeNotFound {
		return missing
	}
	if reserved, err := e.store.IsReserved(ctx, id); err != nil || !reserved {
		return missing
	}
	return itsm.Errorf(itsm.CodeUnavailable, "%s is being started; try again in a moment with the same idempotency key", id)
}

// answeredBefore answers a command that can't be sent now: a retry of one that
// was answered earlier is told the same, anything else is refused.
func (e *Engine) answeredBefore(ctx context.Context, id string, command itsm.Command, refusal error) (itsm.Receipt, error) {
	event, found, err := e.store.EventByKey(ctx, id, command.Key)
	if err != nil || !found || event.Answer == nil {
		return itsm.Receipt{}, refusal
	}
	return checkFingerprint(*event.Answer, command)
}

// unavailable says that the answer is not known yet and how to get it.
func unavailable(err error, id string) error {
	var timeout *temporal.TimeoutError
	var unreachable *serviceerror.Unavailable
	var slow *client.WorkflowUpdateServiceTimeoutOrCanceledError
	switch {
	case errors.As(err, &timeout), errors.As(err, &unreachable), errors.As(err, &slow),
		errors.Is(err, context.DeadlineExceeded), isTransient(err):
		return itsm.Errorf(itsm.CodeUnavailable, "%s has not answered in time; try again with the same idempotency key", id)
	}
	return fmt.Errorf("asking %s: %w", id, err)
}

// isTransient reports whether Temporal refused for load or for a moment's state.
func isTransient(err error) bool {
	var deadline *serviceerror.DeadlineExceeded
	var exhausted *serviceerror.ResourceExhausted
	var notReady *serviceerror.WorkflowNotReady
	var canceled *serviceerror.Canceled
	return errors.As(err, &deadline) || errors.As(err, &exhausted) || errors.As(err, &notReady) || errors.As(err, &canceled)
}
