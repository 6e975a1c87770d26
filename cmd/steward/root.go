package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const (
	defaultURL = "http://127.0.0.1:8087"

	// defaultTimeout is longer than a server takes by itself before it says
	// that it has no answer yet, which tells more than a timeout here.
	defaultTimeout = 35 * time.Second
)

// run does what a command line says, and gives the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, getenv func(string) string) int {
	return newEnv(in, out, errOut, getenv).run(ctx, args)
}

func (e *env) run(ctx context.Context, args []string) int {
	e.args = args
	root := newRootCommand(e)
	root.SetArgs(append([]string{}, args...)) // never nil, which would mean os.Args
	return e.finish(root.ExecuteContext(ctx))
}

func newRootCommand(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "steward",
		Short: "IT service management as durable processes",
		Long: `Steward runs IT service management as durable processes: approvals, changes,
incidents and improvements, each under rules that a process owner wrote.

Most commands are questions and commands to a Steward server. Where it is and
who asks comes from the flags --url and --token, or from STEWARD_URL and
STEWARD_TOKEN. Times are shown in the zone of TZ.`,
		Example: `  steward dev                       # everything in one process, to try it
  steward apply -f examples/acme    # people, flows and all else
  steward start approval --flow purchase --as raj --subject '{"item": "Oscilloscope", "amount": 7400}'
  steward inbox --as maria
  steward approve APR-1 --as maria
  steward get APR-1`,
		SilenceErrors: true, // finish tells them
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return e.begin(cmd)
		},
	}
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.errOut)
	addGlobalFlags(root)
	addCommands(root, e)
	return root
}

func addGlobalFlags(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.String("url", "", "`URL` of the server; else STEWARD_URL, else "+defaultURL)
	flags.String("token", "", "`TOKEN` that says who you are; better in STEWARD_TOKEN, where others on this machine can't see it")
	flags.String("as", "", "`NAME` of the person to act as; only a `steward dev` server allows it")
	flags.StringP("output", "o", "table", "table for people, json or yaml for programs")
	flags.Duration("timeout", defaultTimeout, "longest wait for one answer of the server")
	complete(root, "output", formats...)
}

func addCommands(root *cobra.Command, e *env) {
	const use, incident, read, run = "use", "incident", "read", "run"
	root.AddGroup(
		&cobra.Group{ID: use, Title: "To change something:"},
		&cobra.Group{ID: incident, Title: "To work on incidents:"},
		&cobra.Group{ID: read, Title: "To see something:"},
		&cobra.Group{ID: run, Title: "To run Steward:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, cmd := range commands {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add(use, newApplyCommand(e), newStartCommand(e), newApproveCommand(e), newRejectCommand(e), newAbstainCommand(e),
		newDelegateCommand(e), newAmendCommand(e), newWithdrawCommand(e), newRescheduleCommand(e), newCancelCommand(e), newRollbackCommand(e),
		newTaskCommand(e), newStepCommand(e), newResumeCommand(e), newAbsenceCommand(e), newWebhookCommand(e), newTokenCommand(e))
	add(incident, newAlertCommand(e), newAckCommand(e), newAssignCommand(e), newNoteCommand(e), newHoldCommand(e), newClassifyCommand(e), newEscalateCommand(e),
		newMajorCommand(e), newMergeCommand(e), newAttachCommand(e), newResolveCommand(e), newReopenCommand(e), newMaintenanceCommand(e))
	add(read, newInboxCommand(e), newGetCommand(e), newGateCommand(e), newCalendarCommand(e), newOnCallCommand(e), newClocksCommand(e), newEventsCommand(e), newHistoryCommand(e), newReplayCommand(e),
		newWhoamiCommand(e), newSchemaCommand(e))
	add(run, newDevCommand(e), newServerCommand(e), newWorkerCommand(e), newMigrateCommand(e), newBenchCommand(e))
	root.AddCommand(newVersionCommand(e), newExitCodesTopic())
}

// newExitCodesTopic is a page of help, not a command: it can't be run.
func newExitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `Exit codes, for scripts:

  0  done
  1  refused: the server understood and said no; standard error has the code,
     the reason and what to do. The same command will be refused again.
  2  usage: the command line is wrong; nothing was sent.
  3  unreachable or unavailable: no answer, or one that says "later". A command
     that changes something may or may not have been recorded; standard error
     has the line that sends it again under the same key, so that it counts
     once whatever happened.`,
	}
}

// begin checks what cobra checks too late to be told apart from what the
// command itself finds.
func (e *env) begin(cmd *cobra.Command) error {
	if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
		return err
	}
	if format, known := cmd.Flag("output").Value.String(), formatsOf(cmd); !slices.Contains(known, format) {
		return usagef("--output is %q; write one of %s", format, strings.Join(known, ", "))
	}
	e.started = true
	return nil
}

// group makes a command that only holds others. Naming none of them is an
// error, so that a script does not take help for success.
func group(cmd *cobra.Command, children ...*cobra.Command) *cobra.Command {
	cmd.AddCommand(children...)
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var names []string
		for _, child := range cmd.Commands() {
			names = append(names, child.Name())
		}
		return usagef("say which: %s %s", cmd.CommandPath(), strings.Join(names, "|"))
	}
	return cmd
}

// complete offers the values of a flag to the shell.
func complete(cmd *cobra.Command, flag string, values ...string) {
	// It fails only for a flag that is not there, which the tests would show.
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}
