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
// transaction, each event once however often it is asked to.
func (a *Activities) Record(ctx context.Context, request workflows.RecordRequest) (workflows.Recorded, error) {
	if err := a.Store.Record(ctx, request.Record); err != nil {
		if itsm.ErrorCode(err) == itsm.CodeRecordConflict {
			a.Log.Error("the journal holds something else; an operator must look",
				"process", request.Record.Process, "error", err)
		}
		return workflows.Recorded{}, err
	}
	reachable, err := a.reachable(ctx, request.Notices)
	return workflows.Recorded{Reachable: reachable}, err
}
