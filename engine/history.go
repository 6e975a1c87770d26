package engine

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/temporalproto"

	"github.com/steward-itsm/steward/itsm"
)

// History gives a process's workflow history in Temporal's own JSON, which
// Temporal's tools read too. A process that ran on under a new history is
// given from the newest one.
//
// The error has CodeNotFound where there is no such process, CodeHistoryGone
// where Temporal has forgotten it, or CodeUnavailable.
func (e *Engine) History(ctx context.Context, id string) ([]byte, error) {
	history := &historypb.History{}
	events := e.temporal.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, e.historyError(ctx, id, err)
		}
		history.Events = append(history.Events, event)
	}
	out, err := temporalproto.CustomJSONMarshalOptions{Indent: "  "}.Marshal(history)
	if err != nil {
		return nil, fmt.Errorf("writing the history of %s: %w", id, err)
	}
	return out, nil
}

func (e *Engine) historyError(ctx context.Context, id string, err error) error {
	var gone *serviceerror.NotFound
	if !errors.As(err, &gone) {
		return unavailable(err, id)
	}
	if _, err := e.store.View(ctx, id); err != nil {
		return err
	}
	return itsm.Errorf(itsm.CodeHistoryGone, "Temporal no longer keeps the history of %s; its events are in the journal", id)
}

// alreadyStarted reports whether a workflow of this ID ran and is over.
func alreadyStarted(err error) bool {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &started)
}
