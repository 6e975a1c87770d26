package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/steward-itsm/steward/itsm"
)

// state is what a kind of process knows, with its rules. It is pure: it is told
// the time, and what it wants done it says in events.
type state interface {
	// Line is the one line under which the process is listed.
	Line() string
	// IsClosed reports whether it is over.
	IsClosed() bool
	// NextDue gives the next instant at which the process acts by itself.
	NextDue() (time.Time, bool)
	// Pass does what is due at an instant.
	Pass(at time.Time)
	// Drain gives the events since the last call, and who is to be told of them.
	Drain() ([]itsm.Event, []itsm.Notice)
	// Receipt answers the command that the numbered event records.
	Receipt(c itsm.Command, event int) itsm.Receipt
	// NoteSent records what became of notices.
	NoteSent(c itsm.Command, sent []itsm.Sent, at time.Time) int
	// View shows the process, upon what never changes of it.
	View(base itsm.View, at time.Time) itsm.View
	// Inbox lists what waits for whom.
	Inbox(at time.Time) []itsm.InboxItem
	// Newest gives the number of the newest event.
	Newest() int
	// Restore replaces the whole state by one that was written as JSON.
	Restore(snapshot json.RawMessage) error
}

// process is what all kinds of processes have in common: it does one thing at a
// time, has what it does recorded before it answers, answers a command once
// under its key, tells people, and goes on from what an earlier life recorded.
type process struct {
	id      string
	base    itsm.View // what never changes
	state   state
	prepare func(ctx workflow.Context) error // looks up what must be known before a step is recorded
	turn    workflow.Mutex                   // one command, or one moment, at a time
	answers map[string]itsm.Receipt          // by key
	alarm   alarm
	opened  bool // the start is recorded; no command comes before
	errands int  // notifications, calls and other things under way beside the story

	react    func(ctx workflow.Context) // does in the world what the state now asks for; may be nil
	recorded json.RawMessage            // the state as it was last recorded, where a command may be taken back
}

// placing is a state that holds a place in the schedule of change. What a
// command changes of it may be refused when it is recorded.
type placing interface {
	// Claim gives what changes of the place, once.
	Claim() *itsm.Claim
}

// live lets moments and commands pass until the process is closed and everybody
// who should know has been told, or until its history is so long that the next
// run should go on with it. The start must have been recorded.
func (p *process) live(ctx workflow.Context) (continues bool, err error) {
	for !p.state.IsClosed() {
		if p.shouldContinueAsNew(ctx) {
			return true, nil
		}
		if err := p.waitForMoment(ctx); err != nil {
			return false, err
		}
		if err := p.passMoment(ctx); err != nil {
			return false, err
		}
	}
	return false, workflow.Await(ctx, func() bool { return p.errands == 0 && workflow.AllHandlersFinished(ctx) })
}

// start records the first event, unless an earlier run or life did.
func (p *process) start(ctx workflow.Context, c itsm.Command, open func(at time.Time)) error {
	defer func() { p.opened = true }()
	return p.inTurn(ctx, func(at time.Time) error {
		open(at)
		_, err := p.settle(ctx, answering{c, 1}) // a start that an earlier life recorded is as good
		return p.takeBack(err)
	})
}

// waitForMoment returns when something is due, a command closed the process, or
// the history has grown so long that a new one should begin.
func (p *process) waitForMoment(ctx workflow.Context) error {
	p.alarm.set(ctx, p.state.NextDue)
	return workflow.Await(ctx, func() bool {
		return p.state.IsClosed() || p.alarm.needsCare(ctx, p.state.NextDue) || p.shouldContinueAsNew(ctx)
	})
}

// passMoment does what is due when its turn comes.
func (p *process) passMoment(ctx workflow.Context) error {
	return p.inTurn(ctx, func(at time.Time) error { return p.catchUp(ctx, at) })
}

// command carries out one command in its turn, after the start, and answers
// when what it did is recorded. The same key gets the same answer.
func (p *process) command(ctx workflow.Context, c itsm.Command, do func(time.Time) (int, error)) (itsm.Receipt, error) {
	if err := workflow.Await(ctx, func() bool { return p.opened }); err != nil {
		return itsm.Receipt{}, err
	}
	err := p.inTurn(ctx, func(at time.Time) error {
		for overtaken := true; overtaken; {
			if err := p.catchUp(ctx, at); err != nil {
				return err
			}
			if _, answered := p.answers[c.Key]; answered {
				return nil
			}
			number, err := do(at)
			if err != nil {
				found, failed := p.lookBack(ctx)
				if failed != nil || !found {
					return firstError(failed, p.refuse(err))
				}
				continue // to judge it by what is recorded
			}
			if overtaken, err = p.settle(ctx, answering{c, number}); err != nil {
				return p.takeBack(err)
			}
		}
		return nil
	})
	return p.answers[c.Key], err
}

// takeBack refuses a command whose consequences may not be: the state is again
// as it was last recorded.
func (p *process) takeBack(err error) error {
	if err == nil {
		return nil
	}
	if _, refused := Refusal(p.refuse(err)); refused && p.recorded != nil {
		p.restore(p.recorded)
		return p.refuse(err)
	}
	return err
}

// inTurn does one thing at a time, at the instant at which its turn comes.
func (p *process) inTurn(ctx workflow.Context, do func(at time.Time) error) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := p.turn.Lock(ctx); err != nil {
		return err
	}
	defer p.turn.Unlock()
	err := do(workflow.Now(ctx))
	if p.react != nil { // also where a command was refused: what was due before it is recorded
		p.react(ctx)
	}
	return err
}

// catchUp does whatever is due. A command that arrives together with a deadline
// comes after it.
func (p *process) catchUp(ctx workflow.Context, at time.Time) error {
	for {
		p.state.Pass(at)
		overtaken, err := p.settle(ctx, answering{})
		if err != nil || !overtaken {
			return err
		}
	}
}

// answering is the command that is being carried out, and the event that
// records it; the zero value where nobody waits for an answer.
type answering struct {
	command itsm.Command
	event   int
}

// settle records all that happened, with the answer to the command that caused
// it, if one did. When it returns without error, all of it is in the journal;
// or, where it was overtaken, what an earlier life recorded, from which the
// caller goes on.
func (p *process) settle(ctx workflow.Context, to answering) (overtaken bool, err error) {
	if err := p.prepare(ctx); err != nil {
		return false, err
	}
	receipt := p.state.Receipt(to.command, to.event)
	events, notices := p.state.Drain()
	earlier, err := p.record(ctx, complete(events, notices, receipt), to.command)
	if err != nil {
		return false, err
	}
	if earlier != nil {
		p.takeUp(earlier)
		return true, nil
	}
	if to.command.Key != "" {
		p.answers[to.command.Key] = receipt
	}
	return false, nil
}

// complete puts on the events who is to be told of them, and on the one that
// records a command what its sender is told.
func complete(events []itsm.Event, notices []itsm.Notice, receipt itsm.Receipt) []itsm.Event {
	for i := range events {
		if events[i].Number == receipt.Event {
			events[i].Answer = &receipt
		}
		for _, notice := range notices {
			if notice.Event == events[i].Number {
				events[i].Tell = append(events[i].Tell, notice)
			}
		}
	}
	return events
}

// takeUp goes on from what an earlier life recorded. A state that can't be read
// must not fail the process: the panic makes the task wait for a worker that
// can read it.
func (p *process) takeUp(earlier *itsm.Earlier) {
	p.restore(earlier.Snapshot)
	for _, event := range earlier.Events {
		if event.Number == 1 {
			p.base.Opened = event.Time
		}
		if event.Answer != nil {
			p.answers[event.Key] = *event.Answer
		}
	}
}

func (p *process) restore(snapshot json.RawMessage) {
	if err := p.state.Restore(snapshot); err != nil {
		panic(fmt.Sprintf("reading the recorded state of %s: %v", p.id, err)) //nolint:forbidigo // an error would fail the process
	}
	if p.recorded != nil {
		p.recorded = snapshot
	}
}

// lookBack takes up what an earlier life recorded and this one does not know.
// A life can end so suddenly that nothing is left in the history to have its
// step done again; what it recorded stands all the same.
func (p *process) lookBack(ctx workflow.Context) (found bool, err error) {
	var recorded Recorded
	if err := soon(ctx, ActivityLookBack, LookBackRequest{Process: p.id, After: p.state.Newest()}, &recorded); err != nil {
		return false, err
	}
	if recorded.Earlier == nil {
		return false, nil
	}
	p.takeUp(recorded.Earlier)
	if recorded.Reachable {
		p.tell(ctx, recorded.Earlier.Events)
	}
	return true, nil
}

// refuse says with a refusal how far the process knew its journal, so that one
// that was judged by too little can be told.
func (p *process) refuse(err error) error { return refusal(err, p.state.Newest()) }

// shouldContinueAsNew says that the history is long and nothing is under way.
func (p *process) shouldContinueAsNew(ctx workflow.Context) bool {
	return workflow.GetInfo(ctx).GetContinueAsNewSuggested() && workflow.AllHandlersFinished(ctx) && p.errands == 0
}

// tell has people told of what happened, without holding up the process. What
// came of it is recorded. Pages go by themselves: they wait for no other notice
// that can't be delivered.
func (p *process) tell(ctx workflow.Context, events []itsm.Event) {
	var pages, others []itsm.Event
	for _, event := range events {
		event.Answer = nil // nobody else's business
		switch {
		case len(event.Tell) == 0:
		case event.Type == itsm.EventPageSent:
			pages = append(pages, event)
		default:
			others = append(others, event)
		}
	}
	for _, some := range [][]itsm.Event{pages, others} {
		if len(some) == 0 {
			continue
		}
		request := NotifyRequest{Process: p.id, Summary: p.state.Line(), Events: some}
		p.errands++
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer func() { p.errands-- }()
			p.deliver(ctx, request)
		})
	}
}

// givingUp is how long a notification is tried. After it, the outcome says so.
const givingUp = 24 * time.Hour

// deliver sends the notices of one step and records what became of each, once:
// the first event that is told of makes the key.
func (p *process) deliver(ctx workflow.Context, request NotifyRequest) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var notified Notified
	heartbeat, pause := 30*time.Second, 5*time.Minute
	if isPage(request.Events) {
		heartbeat, pause = 10*time.Second, 30*time.Second // what was killed or away over it is noticed soon
	}
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		ScheduleToCloseTimeout: givingUp + time.Hour, // the activity gives up first, and says what it reached
		StartToCloseTimeout:    time.Minute,
		HeartbeatTimeout:       heartbeat,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: pause,
		},
	}), ActivityNotify, request).Get(ctx, &notified)
	if err != nil {
		notified.Sent = failed(request.Events, err)
	}
	told := itsm.Command{Actor: itsm.System(), Key: "told/" + strconv.Itoa(request.Events[0].Number)}
	_, err = p.command(ctx, told, func(at time.Time) (int, error) { return p.state.NoteSent(told, notified.Sent, at), nil })
	if err != nil {
		workflow.GetLogger(ctx).Error("recording what came of a notification", "process", p.id, "error", err)
	}
}

func isPage(events []itsm.Event) bool {
	return slices.ContainsFunc(events, func(e itsm.Event) bool { return e.Type == itsm.EventPageSent })
}

// failed says of each notice that it could not be sent.
func failed(events []itsm.Event, err error) []itsm.Sent {
	outcomes, _ := json.Marshal([]map[string]string{{"result": "failed", "detail": err.Error()}}) // text always becomes JSON
	var sent []itsm.Sent
	for _, event := range events {
		for _, notice := range event.Tell {
			sent = append(sent, itsm.Sent{About: notice.Event, Type: notice.Type, Outcomes: outcomes})
		}
	}
	return sent
}
