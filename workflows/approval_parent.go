package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// tellParent tells the process that asked for the approval how it ended, as
// soon as that is recorded: people may still have to be told for a day.
func (a *approval) tellParent(ctx workflow.Context) {
	if a.reported || !a.rules.IsClosed() {
		return
	}
	a.reported = true
	a.errands++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { a.errands-- }()
		ctx, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		err := workflow.SignalExternalWorkflow(ctx, a.in.Parent, "", SignalApprovalClosed, ApprovalClosed(a.rules.End())).Get(ctx, nil)
		if err != nil { // it is over, and does not wait any more
			workflow.GetLogger(ctx).Info("the process that asked for an approval is gone", "process", a.in.Parent, "approval", a.in.ID, "error", err)
		}
	})
}

// heedParent does what the process that asked for the approval says.
func (a *approval) heedParent(ctx workflow.Context) {
	orders := workflow.GetSignalChannel(ctx, SignalParent)
	for {
		var order ParentCommand
		orders.Receive(ctx, &order)
		a.errands++
		_, err := a.command(ctx, order.Command, func(at time.Time) (int, error) { return a.obey(order, at) })
		a.errands--
		if err != nil { // it is decided already, or is like this already; the parent hears how it ended
			workflow.GetLogger(ctx).Info("an order came too late", "approval", a.in.ID, "error", err)
		}
	}
}

func (a *approval) obey(order ParentCommand, at time.Time) (int, error) {
	if order.Amendment == nil {
		return a.rules.CallOff(order.Command, at)
	}
	return a.rules.Follow(order.Command, *order.Amendment, at)
}

// orderTo is the command behind an order.
func orderTo(key, why string) itsm.Command {
	return itsm.Command{Actor: itsm.System(), Key: key, Comment: why}
}
