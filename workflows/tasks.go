package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// tasks is what a process can do that has people work on tasks.
type tasks interface {
	CheckClaim(c itsm.Command, task string) error
	ClaimTask(c itsm.Command, task string, at time.Time) (int, error)
	CheckRelease(c itsm.Command, task string, operator bool) error
	ReleaseTask(c itsm.Command, task string, operator bool, at time.Time) (int, error)
	CheckWork(c itsm.Command, task string, work itsm.TaskWork) error
	WorkOnTask(c itsm.Command, task string, work itsm.TaskWork, at time.Time) (int, error)
	CheckCompletion(c itsm.Command, task string, work itsm.TaskWork) error
	CompleteTask(c itsm.Command, task string, work itsm.TaskWork, at time.Time) (int, error)
}

// handleTasks lets in what people do on their tasks.
func handleTasks(ctx workflow.Context, p *process, of tasks) error {
	command := func(args TaskArgs) itsm.Command { return args.Command }
	return firstError(
		handle(ctx, p, UpdateClaimTask, command,
			func(args TaskArgs, _ time.Time) error { return of.CheckClaim(args.Command, args.Task) },
			func(args TaskArgs, at time.Time) (int, error) { return of.ClaimTask(args.Command, args.Task, at) }),
		handle(ctx, p, UpdateReleaseTask, command,
			func(args TaskArgs, _ time.Time) error {
				return of.CheckRelease(args.Command, args.Task, args.Operator)
			},
			func(args TaskArgs, at time.Time) (int, error) {
				return of.ReleaseTask(args.Command, args.Task, args.Operator, at)
			}),
		handle(ctx, p, UpdateWorkOnTask, command,
			func(args TaskArgs, _ time.Time) error { return of.CheckWork(args.Command, args.Task, args.Work) },
			func(args TaskArgs, at time.Time) (int, error) {
				return of.WorkOnTask(args.Command, args.Task, args.Work, at)
			}),
		handle(ctx, p, UpdateCompleteTask, command,
			func(args TaskArgs, _ time.Time) error {
				return of.CheckCompletion(args.Command, args.Task, args.Work)
			},
			func(args TaskArgs, at time.Time) (int, error) {
				return of.CompleteTask(args.Command, args.Task, args.Work, at)
			}),
	)
}
