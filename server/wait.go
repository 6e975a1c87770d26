package server

import (
	"context"
	"time"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const (
	defaultWait = 30 * time.Second       // as the contract says
	waitStep    = 500 * time.Millisecond // between two looks at the view
	waitReserve = time.Second            // of the request's time, to answer in
)

// WaitForTransition looks at the view again and again, because whichever
// server is asked, the event may be recorded by any worker.
func (o operations) WaitForTransition(ctx context.Context, r api.WaitForTransitionRequestObject) (api.WaitForTransitionResponseObject, error) {
	if err := checkTransition(r.Id); err != nil {
		return nil, err
	}
	enough := time.NewTimer(waitOf(ctx, r.Params.Timeout))
	defer enough.Stop()
	next := time.NewTicker(waitStep)
	defer next.Stop()
	for {
		view, err := o.store.View(ctx, r.Id)
		if err != nil {
			return nil, err
		}
		answer := waited(view, r.Params.For)
		if answer.Reached || answer.Over {
			return api.WaitForTransition200JSONResponse(answer), nil
		}
		select {
		case <-next.C:
		case <-enough.C:
			return api.WaitForTransition200JSONResponse(answer), nil
		case <-o.stopping:
			return api.WaitForTransition200JSONResponse(answer), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// waitOf is how long the caller wants to wait, within what the request has left.
func waitOf(ctx context.Context, seconds *int) time.Duration {
	wait := defaultWait
	if seconds != nil {
		wait = time.Duration(*seconds) * time.Second
	}
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)-waitReserve)
	}
	return wait
}

func waited(view itsm.View, goal itsm.Goal) api.Waited {
	reached, over := goal.ReachedBy(view)
	return api.Waited{
		Process: view.ID, Reached: reached, Over: over,
		Phase: view.Phase, State: view.State, Outcome: view.Outcome, Blocked: view.Blocked,
	}
}
