package workflows

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
)

// Incident runs from the moment that something is wrong until it is resolved
// and nobody says otherwise.
//
// It starts its clocks and its ladder, and pages one rung after the other until
// somebody acknowledges it. What people and alerts say moves it; what is due by
// itself are the next rung, warnings and breaches of its clocks, and its closing.
func Incident(ctx workflow.Context, in IncidentInput) (IncidentResult, error) {
	// Only a command ends an incident, never a cancelled workflow.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	i := newIncident(ctx, in)
	if err := i.handleCommands(ctx); err != nil {
		return IncidentResult{}, err
	}
	return i.run(ctx)
}

// incident is one run of the process.
type incident struct {
	*process
	in    IncidentInput
	rules *itsm.Incident // its state

	handed  string    // the incident that got its alerts, in this run
	merged  bool      // and was told so
	cleared time.Time // when it was resolved by somebody, as intake knows
}

// run is the story.
func (i *incident) run(ctx workflow.Context) (IncidentResult, error) {
	workflow.Go(ctx, i.hearAbsorbed)
	if err := i.open(ctx); err != nil {
		return IncidentResult{}, err
	}
	continues, err := i.live(ctx)
	switch {
	case err != nil:
		return IncidentResult{}, err
	case continues:
		return IncidentResult{}, i.continueAsNew(ctx)
	}
	return IncidentResult{Outcome: i.rules.Outcome}, nil
}

// open records that the incident exists, with whatever follows at once: as a
// rule the first page.
func (i *incident) open(ctx workflow.Context) error {
	if i.in.Continues != nil {
		i.opened = true
		return i.inTurn(ctx, func(time.Time) error { return nil }) // takes up what was under way
	}
	return i.start(ctx, i.in.Command, func(at time.Time) { i.rules.Open(i.in.Command, at, i.base.Definitions) })
}

// find looks up what the incident wants to know before it goes on.
func (i *incident) find(ctx workflow.Context) error {
	if into := i.rules.MergedInto; into != "" && i.handed != into {
		// Before it closes: an alert that came in between would open another incident.
		if err := soon(ctx, ActivityHandOver, HandOverRequest{From: i.in.ID, To: into}, nil); err != nil {
			return err
		}
		i.handed = into
	}
	if r := i.rules.Resolution; r != nil && r.By != itsm.System().Name && !i.cleared.Equal(r.At) {
		// Also before: what fires from now on reopens it.
		if err := soon(ctx, ActivityHandOver, HandOverRequest{From: i.in.ID}, nil); err != nil {
			return err
		}
		i.cleared = r.At
	}
	for !i.rules.Wanted.IsZero() {
		var found itsm.IncidentFindings
		err := soon(ctx, ActivityFind, FindRequest{
			Process: i.in.ID, Wanted: i.rules.Wanted, At: workflow.Now(ctx), Facts: i.rules.Facts(),
			Service: i.in.Service, Policy: i.in.Policy, Escalation: i.in.Escalation, Calendars: i.in.Calendars,
			Rung: i.rules.Ladder.Rung, Reporter: i.rules.Reporter, Respond: i.rules.Respond.Clock, Resolve: i.rules.Resolve.Clock,
		}, &found)
		if problem, refused := Refusal(err); refused {
			found, err = itsm.IncidentFindings{Problems: []string{problem.Message}}, nil
		}
		if err != nil {
			return err
		}
		i.rules.Find(found, workflow.Now(ctx))
	}
	return nil
}

// react tells others what has become of the incident.
func (i *incident) react(ctx workflow.Context) {
	for _, transition := range i.rules.Told {
		i.tellTransition(ctx, transition)
	}
	i.rules.Told = nil // a life that ends before they are told finds them in what is recorded
	if i.rules.MergedInto != "" && !i.merged {
		i.merged = true
		i.tellSurvivor(ctx, i.rules.MergedInto)
	}
}

// tellTransition tells a transition in early life of the incident as it is now.
func (i *incident) tellTransition(ctx workflow.Context, transition string) {
	told := IncidentArgs{Command: orderTo(i.in.ID+"/"+strconv.Itoa(i.rules.Newest()), ""), Incident: i.rules.FactsJSON()}
	i.beside(ctx, func(ctx workflow.Context) error {
		return workflow.SignalExternalWorkflow(ctx, transition, "", SignalIncident, told).Get(ctx, nil)
	})
}

// tellSurvivor tells the incident that goes on which was merged into it.
func (i *incident) tellSurvivor(ctx workflow.Context, into string) {
	i.beside(ctx, func(ctx workflow.Context) error {
		return workflow.SignalExternalWorkflow(ctx, into, "", SignalAbsorbed, Absorbed{Incident: i.in.ID, Alerts: i.rules.Alerts()}).Get(ctx, nil)
	})
}

// beside does something beside the story, which waits for it before it ends.
// Whoever is over by then need not be told.
func (i *incident) beside(ctx workflow.Context, do func(ctx workflow.Context) error) {
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	i.errands++
	workflow.Go(ctx, func(ctx workflow.Context) {
		defer func() { i.errands-- }()
		if err := do(ctx); err != nil {
			workflow.GetLogger(ctx).Info("telling another process of an incident", "process", i.in.ID, "error", err)
		}
	})
}

// hearAbsorbed notes which incidents were merged into this one.
func (i *incident) hearAbsorbed(ctx workflow.Context) {
	absorbed := workflow.GetSignalChannel(ctx, SignalAbsorbed)
	for {
		var other Absorbed
		absorbed.Receive(ctx, &other)
		i.errands++
		c := orderTo("absorbed/"+other.Incident, "")
		_, err := i.command(ctx, c, func(at time.Time) (int, error) { return i.rules.Absorb(c, other.Incident, at, other.Alerts...) })
		i.errands--
		if err != nil {
			workflow.GetLogger(ctx).Info("noting a merged incident", "process", i.in.ID, "merged", other.Incident, "error", err)
		}
	}
}

// continueAsNew begins a new history with the state of this one.
func (i *incident) continueAsNew(ctx workflow.Context) error {
	next := i.in
	next.Opened = i.base.Opened
	next.Continues = &ContinuedIncident{Incident: *i.rules, Answers: lasting(i.answers)}
	return workflow.NewContinueAsNewError(ctx, IncidentWorkflow, next)
}

// lasting leaves out the answers to what nobody asks twice for long: a change of
// an alert has a number that tells whether it was overtaken.
func lasting(answers map[string]itsm.Receipt) map[string]itsm.Receipt {
	kept := map[string]itsm.Receipt{}
	for _, key := range workflow.DeterministicKeys(answers) {
		if !strings.HasPrefix(key, "alert/") && !strings.HasPrefix(key, "told/") {
			kept[key] = answers[key]
		}
	}
	return kept
}

// newIncident sets a run up: from its input, or from what an earlier run of the
// same process handed on.
func newIncident(ctx workflow.Context, in IncidentInput) *incident {
	rules := itsm.NewIncident(itsm.IncidentStart{
		ID: in.ID, Reporter: in.Reporter, Title: in.Title, Description: in.Description, Service: in.Service.Name,
		Class: in.Class, Alert: in.Alert, Rules: incidentRules(in.Policy, in.Escalation),
	})
	i := &incident{in: in, rules: rules}
	answers := map[string]itsm.Receipt{}
	if in.Continues == nil {
		i.in.Opened = workflow.Now(ctx)
	} else {
		carried := rules.Rules
		*i.rules, answers = in.Continues.Incident, in.Continues.Answers
		i.rules.Attach(carried)
	}
	i.process = &process{
		id: in.ID, base: i.baseView(), state: i.rules, prepare: i.find, react: i.react, recorded: snapshotOf(i.rules),
		turn: workflow.NewMutex(ctx), answers: answers,
	}
	return i
}

// baseView is the part of the view that never changes.
func (i *incident) baseView() itsm.View {
	v := itsm.View{Opened: i.in.Opened, Service: i.in.Service.Name}
	v.Definitions = []itsm.DefinitionRef{i.in.Service.DefinitionRef}
	for _, d := range []*Definition{i.in.Policy, i.in.Escalation} {
		if d != nil {
			v.Definitions = append(v.Definitions, d.DefinitionRef)
		}
	}
	for _, d := range i.in.Calendars {
		v.Definitions = append(v.Definitions, d.DefinitionRef)
	}
	return v
}

// incidentRules reads the policies' texts. Those that this worker can't read,
// because a newer one wrote them, must not fail the process: the panic makes the
// task wait for a worker that can.
func incidentRules(policy, escalation *Definition) itsm.IncidentRules {
	return definition.IncidentRulesOf(specOf[definition.IncidentPolicy](policy), specOf[definition.EscalationPolicy](escalation))
}

func specOf[T any](d *Definition) *T {
	if d == nil {
		return nil
	}
	doc, err := definition.FromCanonical(d.Document)
	spec, ok := doc.Spec.(*T)
	if err != nil || !ok {
		panic(fmt.Sprintf("reading %s %s: %v", d.Kind, d.Name, err)) //nolint:forbidigo // an error would fail the process
	}
	return spec
}
