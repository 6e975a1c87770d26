package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
	"github.com/steward-itsm/steward/itsm"
)

func newBenchCommand(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "bench",
		Short: "Measure Steward against what Temporal itself costs",
	}, newBenchApprovalsCommand(e), newBenchTransitionsCommand(e), newBenchIncidentsCommand(e))
}

func newBenchApprovalsCommand(e *env) *cobra.Command {
	o := benchOptions{}
	cmd := &cobra.Command{
		Use:   "approvals",
		Short: "Approvals through the whole of Steward, over a bare workflow that waits for one update",
		Long: `Runs the same number of single-stage approvals through the HTTP API and as a
bare workflow of Temporal's SDK that waits for one update under a timer, on the
same server, in turns, in one run. It prints both rates and their ratio, and
what does not depend on the machine: history events, bytes, SQL statements.

It brings its own Temporal and SQLite in a temporary folder, unless
--temporal-address and --database-url name others. Those get what it writes.`,
		Example: "  steward bench approvals -n 1000 --concurrency 16\n  steward bench approvals -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.n < 1 || o.concurrency < 1 || o.rounds < 1 {
				return itsm.Errorf(itsm.CodeInvalid, "-n, --concurrency and --rounds are numbers from 1")
			}
			run := func(ctx context.Context, b *bench) (benchReport, error) { return b.run(ctx) }
			return showMeasured(e, cmd, o, run, benchTable)
		},
	}
	cmd.Flags().IntVarP(&o.n, "number", "n", 1000, "approvals on each side, over all rounds")
	cmd.Flags().IntVar(&o.concurrency, "concurrency", 16, "clients at the same time")
	cmd.Flags().IntVar(&o.rounds, "rounds", 5, "how often the two sides take turns")
	addConfigFlags(cmd, "database-url", "temporal-address", "temporal-namespace")
	return cmd
}

type benchOptions struct{ n, concurrency, rounds int }

// showMeasured runs a benchmark and shows its report.
func showMeasured[R any](e *env, cmd *cobra.Command, o benchOptions, run func(context.Context, *bench) (R, error), table func(io.Writer, R)) error {
	cfg, err := loadConfig(cmd)
	if err != nil {
		return err
	}
	var report R
	err = withBench(cmd.Context(), e, cfg, o, func(ctx context.Context, b *bench) error {
		report, err = run(ctx, b)
		return err
	})
	if err != nil {
		return err
	}
	return e.render(cmd, report, func(w io.Writer) { table(w, report) })
}

// withBench sets a whole Steward up, measures, and takes it down again.
func withBench(ctx context.Context, e *env, cfg config.Config, o benchOptions, measure func(context.Context, *bench) error) (err error) {
	log := quieter(newLogger(e.errOut, cfg.Log))
	if cfg.Data, err = os.MkdirTemp("", "steward-bench-"); err != nil {
		return fmt.Errorf("making a folder for the data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Data)) }()
	if cfg.Temporal.Address == "" {
		temporal, err := startTemporal(ctx, &cfg, log)
		if err != nil {
			return err
		}
		defer func() { _ = temporal.Stop() }() // the folder goes anyway
	}
	cfg.Temporal.TaskQueue = benchQueue
	cfg.Notify = config.Notify{} // measured apart
	n, err := openNode(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	if _, err := n.store.Migrate(ctx); err != nil {
		return err
	}
	if err := n.startWorker(); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listening: %w", err)
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- n.serve(serving, listener, true) }()
	defer func() { stop(); err = errors.Join(err, <-served) }()
	b := &bench{node: n, options: o, url: "http://" + listener.Addr().String()}
	return measure(ctx, b)
}

// benchTable shows the report to people.
func benchTable(w io.Writer, r benchReport) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	row("\tSTEWARD\tBARE WORKFLOW")
	row("approvals a second (median of rounds)\t%.1f\t%.1f", r.Steward.PerSecond, r.Bare.PerSecond)
	row("decision, p50\t%.1f ms\t%.1f ms", r.Steward.P50, r.Bare.P50)
	row("decision, p99\t%.1f ms\t%.1f ms", r.Steward.P99, r.Bare.P99)
	row("history events\t%d\t%d", r.Steward.Events, r.Bare.Events)
	row("history bytes\t%d\t%d", r.Steward.Bytes, r.Bare.Bytes)
	row("SQL statements\t%.1f\t-", r.StatementsPerApproval)
	_ = t.Flush()
	_, _ = fmt.Fprintf(w, "\nratio %.2f (median of rounds; lowest %.2f, highest %.2f), %d approvals, %d clients\n"+
		"each further stage adds %d history events; each notification %d\n",
		r.Ratio, r.LowestRatio, r.HighestRatio, r.Approvals, r.Concurrency, r.EventsPerFurtherStage, r.EventsPerNotification)
}
