package itsm

import "strconv"

// Want is something that a transition must be told before it goes on.
type Want struct {
	Kind    WantKind
	Step    string // WantStep, WantStepApproval
	Attempt int    // WantStep
	Plain   bool   // WantStep: nothing must be looked up
	Undo    bool   // WantStep: it takes something back
	Flow    string // the flow of a wanted approval; "" for that of the step
	Key     string // of a wanted approval: the same key is the same approval
	Gate    Gate   // WantCheck
}

// WantKind tells wants apart.
type WantKind int

// What a transition can want.
const (
	WantNothing    WantKind = iota
	WantAssessment          // Assess
	WantApproval            // ApprovalPlanned
	WantCheck               // Checked
	WantStep                // Begin
	WantJudgement           // Judged
)

// Next says what the transition must be told next.
func (t *Transition) Next() Want {
	switch {
	case t.State == StateClosed:
		return Want{}
	case t.Held.By != "":
		return t.nextUndo() // what is taken back is not held up
	case !t.Assessed:
		return Want{Kind: WantAssessment}
	case t.Authorization.Status == AuthorizationWanted:
		return Want{Kind: WantApproval, Flow: t.Rules.Authorize, Key: t.AuthorizationKey()}
	case t.Check != "" && t.Rollback == nil:
		return Want{Kind: WantCheck, Gate: t.Check}
	case t.EarlyLife != nil && t.EarlyLife.Unjudged && t.Rollback == nil:
		return Want{Kind: WantJudgement}
	}
	return t.nextStep()
}

// AuthorizationKey is under which the authorisation is asked for.
func (t *Transition) AuthorizationKey() string {
	return t.ID + "/authorization/" + strconv.Itoa(t.Authorization.Round)
}

// StepKey names one attempt of a step across all processes: "CHG-1/migration.2/1".
func StepKey(process, step string, attempt int) string {
	return process + "/" + step + "/" + strconv.Itoa(attempt)
}

func (t *Transition) nextUndo() Want {
	if t.Rollback == nil {
		return Want{}
	}
	return t.nextStep()
}

func (t *Transition) nextStep() Want {
	if !t.stepsMayBegin() {
		return Want{}
	}
	for _, rule := range t.Steps.next() {
		if rule.ID == ReviewStep && t.Phase != PhaseReview {
			continue // early life comes first
		}
		attempt := 1
		if run := t.Steps.run(rule.ID); run != nil {
			attempt = run.Attempt
		}
		return Want{Kind: WantStep, Step: rule.ID, Attempt: attempt, Plain: rule.Plain, Undo: !isForward(rule.ID), Key: StepKey(t.ID, rule.ID, attempt)}
	}
	return Want{}
}

// stepsMayBegin reports whether the time for steps has come: after the start,
// and for those that prepare it, once the transition is scheduled.
func (t *Transition) stepsMayBegin() bool {
	switch {
	case t.Rollback != nil:
		return t.Steps.Undoing
	case t.Phase == PhaseScheduled:
		return t.prepares()
	default:
		return t.Phase == PhaseImplement || t.Phase == PhaseReview
	}
}

// Effect is something that the process must do in the world, for as long as it
// is listed: it is done once, whoever asks.
type Effect struct {
	Kind     EffectKind
	Key      string
	Step     string
	Attempt  int
	Flow     string // EffectApproval: "" for that of the step
	Order    ParentOrder
	Approval string
}

// EffectKind tells effects apart.
type EffectKind int

// The kinds of effects.
const (
	EffectCall     EffectKind = iota // send a step's request: CallEnded
	EffectApproval                   // start an approval: ApprovalClosed, when it is over
	EffectOrder                      // tell an approval something
)

// Effects lists what is to be done in the world now.
func (t *Transition) Effects() []Effect {
	var effects []Effect
	for _, order := range t.Orders {
		effects = append(effects, Effect{Kind: EffectOrder, Key: order.Key, Order: order, Approval: order.Approval})
	}
	if t.State == StateClosed {
		return effects
	}
	if t.Authorization.Status == AuthorizationAsked {
		effects = append(effects, Effect{Kind: EffectApproval, Key: t.AuthorizationKey(), Flow: t.Rules.Authorize, Approval: t.Authorization.Approval})
	}
	for _, run := range t.Steps.calling() {
		effects = append(effects, Effect{Kind: EffectCall, Key: StepKey(t.ID, run.ID, run.Attempt), Step: run.ID, Attempt: run.Attempt})
	}
	for i := range t.Steps.Runs {
		if run := &t.Steps.Runs[i]; run.Kind == StepApprove && run.Status == StepRunning {
			effects = append(effects, Effect{Kind: EffectApproval, Key: StepKey(t.ID, run.ID, run.Attempt), Step: run.ID, Approval: run.Approval})
		}
	}
	return effects
}
