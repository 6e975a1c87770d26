package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

// ClaimTask says that the caller does a task which a group may do. The error is
// that of update, or has CodeTaskUnknown.
func (e *Engine) ClaimTask(ctx context.Context, call Call, task string) (itsm.Receipt, error) {
	return e.onTask(ctx, call, workflows.UpdateClaimTask, task, workflows.TaskArgs{})
}

// ReleaseTask gives a claimed task back to its group. An operator may release
// what another has claimed. The error is that of ClaimTask.
func (e *Engine) ReleaseTask(ctx context.Context, call Call, task string, operator bool) (itsm.Receipt, error) {
	return e.onTask(ctx, call, workflows.UpdateReleaseTask, task, workflows.TaskArgs{Operator: operator})
}

// WorkOnTask ticks off what is done and adds evidence. The error is that of
// ClaimTask, or has CodeEvidenceInvalid, CodeFileUnknown or CodePersonUnknown.
func (e *Engine) WorkOnTask(ctx context.Context, call Call, task string, work itsm.TaskWork) (itsm.Receipt, error) {
	return e.workOn(ctx, call, workflows.UpdateWorkOnTask, task, work)
}

// CompleteTask ends a task, as done where the work names no other result. The
// error is that of WorkOnTask.
func (e *Engine) CompleteTask(ctx context.Context, call Call, task string, work itsm.TaskWork) (itsm.Receipt, error) {
	return e.workOn(ctx, call, workflows.UpdateCompleteTask, task, work)
}

func (e *Engine) workOn(ctx context.Context, call Call, update, task string, work itsm.TaskWork) (itsm.Receipt, error) {
	checked, err := itsm.CheckEvidence(work.Evidence)
	if err != nil {
		return itsm.Receipt{}, err
	}
	if checked, err = e.findFiles(ctx, checked); err != nil {
		return itsm.Receipt{}, err
	}
	work.Evidence = checked
	if err := e.checkActions(ctx, work.Actions); err != nil {
		return itsm.Receipt{}, err
	}
	return e.onTask(ctx, call, update, task, workflows.TaskArgs{Work: work})
}

// checkActions finds the people who are to do what a review found. The error has
// itsm.CodePersonUnknown.
func (e *Engine) checkActions(ctx context.Context, actions []itsm.Action) error {
	for i, action := range actions {
		if action.Who == "" {
			continue // the process says what is missing
		}
		if err := e.checkPerson(ctx, fmt.Sprintf("/actions/%d/who", i), action.Who); err != nil {
			return err
		}
	}
	return nil
}

// findFiles adds name and size of the files that are evidence.
func (e *Engine) findFiles(ctx context.Context, evidence []itsm.Evidence) ([]itsm.Evidence, error) {
	var digests []string
	for _, one := range evidence {
		if one.Digest != "" {
			digests = append(digests, one.Digest)
		}
	}
	if len(digests) == 0 {
		return evidence, nil
	}
	files, err := e.store.FileSizes(ctx, digests...)
	if err != nil {
		return nil, fmt.Errorf("looking for uploaded files: %w", err)
	}
	for i := range evidence {
		if evidence[i].Digest == "" {
			continue
		}
		file, ok := files[evidence[i].Digest]
		if !ok {
			return nil, itsm.FieldErrorf(itsm.CodeFileUnknown, fmt.Sprintf("/evidence/%d/file", i), "no file %s was uploaded; upload it first", evidence[i].Digest)
		}
		evidence[i].File, evidence[i].Size = file.Name, file.Size
	}
	return evidence, nil
}

func (e *Engine) onTask(ctx context.Context, call Call, update, task string, args workflows.TaskArgs) (itsm.Receipt, error) {
	process, step, err := itsm.ParseTaskID(task)
	if err != nil {
		return itsm.Receipt{}, err
	}
	command := call.command(update, process, []any{step, args.Work})
	args.Command, args.Task = command, step
	return e.update(ctx, process, update, command, args)
}

// ByHand has an operator retry, skip or complete a blocked step. output is what
// later expressions see of a step completed by hand. The error is that of
// update.
func (e *Engine) ByHand(ctx context.Context, call Call, id, step string, do itsm.ByHand, output json.RawMessage) (itsm.Receipt, error) {
	command := call.command(workflows.UpdateByHand, id, []any{step, do, output})
	return e.update(ctx, id, workflows.UpdateByHand, command, workflows.ByHandArgs{Command: command, Step: step, Do: do, Output: output})
}

// Callback takes the answer of a system that a step called. The token is the
// last part of the URL that came with the request. The same answer again gets
// the same receipt. The error is that of update, or has CodeCallbackUnknown.
func (e *Engine) Callback(ctx context.Context, token string, answer itsm.CallbackAnswer) (itsm.Receipt, error) {
	key, err := e.store.CallbackKey(ctx)
	if err != nil {
		return itsm.Receipt{}, fmt.Errorf("reading the key of callbacks: %w", err)
	}
	address, err := itsm.ParseCallbackToken(key, token)
	if err != nil {
		return itsm.Receipt{}, err
	}
	call := Call{Actor: itsm.Integration("callback"), Key: strings.Join([]string{address.String(), answer.Digest}, "/")}
	command := call.command(workflows.UpdateCallback, address.Process, answer)
	return e.update(ctx, address.Process, workflows.UpdateCallback, command, workflows.CallbackArgs{
		Command: command, Step: address.Step, Attempt: address.Attempt, Answer: answer,
	})
}
