package activities

import (
	"context"
	"log/slog"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// Activities are all activities, with what they need.
type Activities struct {
	Store  *store.Store
	Sender *notify.Sender // nil where nobody is to be told anything
	Log    *slog.Logger
}

// Record writes one step of a process: journal, view and inbox in one
// transaction, each event once however often it is asked to. Where an earlier
// try has recorded something else, that stands.
func (a *Activities) Record(ctx context.Context, request workflows.RecordRequest) (workflows.Recorded, error) {
	earlier, err := a.Store.Record(ctx, request.Record)
	if err != nil {
		if itsm.ErrorCode(err) == itsm.CodeRecordConflict {
			a.Log.Error("a step does not fit the journal; an operator must look",
				"process", request.Record.Process, "error", err)
		}
		return workflows.Recorded{}, err
	}
	events := request.Record.Events
	if earlier != nil {
		events = earlier.Events
	}
	reachable, err := a.reachable(ctx, events)
	return workflows.Recorded{Reachable: reachable, Earlier: earlier}, err
}
