package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/server/api"
)

func newAbsenceCommand(e *env) *cobra.Command {
	var body api.AbsenceRequest
	var from, to string
	cmd := &cobra.Command{
		Use:   "absence NAME --from TIME --to TIME --delegate NAME",
		Short: "Enter that a person is away, and who decides meanwhile",
		Long: `Enters that a person is out of office. The delegate decides meanwhile, in
processes that run and in those that start. --to is the first instant at which
the person is back. Times without a zone are in that of TZ.`,
		Example: `  steward absence maria --from 2026-12-21 --to 2027-01-04 --delegate tom
  steward absence maria --from 2026-12-21T13:00 --to 2026-12-22T09:00 --delegate tom`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if body.From, err = e.instant("from", from); err != nil {
				return err
			}
			if body.To, err = e.instant("to", to); err != nil {
				return err
			}
			c, err := e.client(cmd)
			if err != nil {
				return err
			}
			noted, err := answer[api.AbsenceNoted](c.EnterAbsenceWithResponse(cmd.Context(), args[0], &api.EnterAbsenceParams{IdempotencyKey: e.key(cmd)}, body))
			if err != nil {
				return err
			}
			return e.render(cmd, noted, func(w io.Writer) { e.absenceTable(w, noted) })
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "first `TIME` away, such as 2026-12-21 or 2026-12-21T13:00")
	cmd.Flags().StringVar(&to, "to", "", "first `TIME` back")
	cmd.Flags().StringVar(&body.Delegate, "delegate", "", "`NAME` of the person who decides meanwhile")
	cmd.Flags().StringVar(&body.Comment, "comment", "", "why; kept with the event")
	for _, flag := range []string{"from", "to", "delegate"} {
		_ = cmd.MarkFlagRequired(flag)
	}
	addKeyFlag(cmd)
	return cmd
}

func (e *env) absenceTable(w io.Writer, noted api.AbsenceNoted) {
	a := noted.Absence
	fmt.Fprintf(w, "%s is away from %s until %s; %s decides\n", printable(a.Person), e.clock(a.From), e.clock(a.To), printable(a.Delegate))
	for _, receipt := range noted.Processes {
		fmt.Fprintf(w, "%s took note (event %d)\n", printable(receipt.Process), receipt.Event)
	}
}
