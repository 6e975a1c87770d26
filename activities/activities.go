package activities

import (
	"context"
	"log/slog"
	"net/http"

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

	// What calls to other systems need.
	Secrets   func(name string) (string, bool) // the settings' secrets; nil: none
	PublicURL string                           // under which those systems reach the API, for callbacks
	Transport http.RoundTripper                // nil: http.DefaultTransport, which heeds HTTP_PROXY
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
	if earlier != nil {
		return a.recorded(ctx, earlier)
	}
	reachable, err := a.reachable(ctx, request.Record.Events)
	return workflows.Recorded{Reachable: reachable}, err
}

// LookBack gives what the journal has after the newest event that a process
// knows.
func (a *Activities) LookBack(ctx context.Context, request workflows.LookBackRequest) (workflows.Recorded, error) {
	earlier, err := a.Store.Since(ctx, request.Process, request.After)
	if err != nil || earlier == nil {
		return workflows.Recorded{}, err
	}
	return a.recorded(ctx, earlier)
}

// recorded is the answer with what stands in the journal already.
func (a *Activities) recorded(ctx context.Context, earlier *itsm.Earlier) (workflows.Recorded, error) {
	reachable, err := a.reachable(ctx, earlier.Events)
	return workflows.Recorded{Reachable: reachable, Earlier: earlier}, err
}
