package itsm_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/steward-itsm/steward/itsm"
)

var (
	cast     = []string{"alice", "bob", "chen", "maria", "tom", "ines", "raj"}
	verdicts = []itsm.Verdict{itsm.Approve, itsm.Reject, itsm.Abstain}
	needs    = []string{"1", "2", "3", "all", "majority", "60%"}
)

func drawPerson(t *rapid.T, label string) string { return rapid.SampledFrom(cast).Draw(t, label) }

func drawVerdict(t *rapid.T) itsm.Verdict { return rapid.SampledFrom(verdicts).Draw(t, "verdict") }

func drawAfter(t *rapid.T, from, to int, label string) time.Duration {
	return time.Duration(rapid.IntRange(from, to).Draw(t, label)) * time.Hour
}

func drawAbsence(t *rapid.T, person string) itsm.Absence {
	from := drawAfter(t, -2, 12, "absent from")
	return absence(person, drawPerson(t, "stand-in"), from, from+drawAfter(t, 1, 6, "absent for"))
}

func drawStage(t *rapid.T, name string) step {
	s := stage(name, rapid.SampledFrom(needs).Draw(t, "need")).
		excluding(rapid.Bool().Draw(t, "exclude requester"), rapid.Bool().Draw(t, "exclude previous")).
		onTimeout(rapid.SampledFrom([]itsm.OnTimeout{"", "hold", "approve", "reject", "skip"}).Draw(t, "on timeout"))
	for range rapid.IntRange(1, 5).Draw(t, "approvers") {
		c := itsm.Candidate{Person: drawPerson(t, "approver"), Counted: rapid.IntRange(0, 4).Draw(t, "counted") > 0}
		c.Veto = !c.Counted || rapid.IntRange(0, 4).Draw(t, "veto") == 0
		for range rapid.IntRange(0, 2).Draw(t, "absences") {
			c.Absences = append(c.Absences, drawAbsence(t, c.Person))
		}
		s.approvers = append(s.approvers, c)
	}
	s.skip = rapid.IntRange(0, 4).Draw(t, "skip") == 0
	if rapid.Bool().Draw(t, "timed") {
		deadline := drawAfter(t, 2, 6, "deadline")
		s = s.acts(deadline/2, itsm.DueReminder).acts(deadline, itsm.DueDeadline)
	}
	return s
}

func drawTrial(t *rapid.T) *trial {
	steps := []step{}
	for i := range rapid.IntRange(1, 3).Draw(t, "stages") {
		steps = append(steps, drawStage(t, fmt.Sprint("stage ", i)))
	}
	requester := itsm.Person(drawPerson(t, "requester"))
	if rapid.IntRange(0, 4).Draw(t, "by integration") == 0 {
		requester.Kind = itsm.ActorIntegration
	}
	return begin(t, requester, steps...)
}

// command is one thing that can be done to an approval, and whether its check
// allows it.
type command func(*trial) (check, err error)

func drawCommand(t *rapid.T) command {
	person, other := drawPerson(t, "person"), drawPerson(t, "other")
	verdict, note := drawVerdict(t), drawAbsence(t, person)
	subject := json.RawMessage(fmt.Sprintf(`{"amount":%d}`, rapid.IntRange(1, 3).Draw(t, "amount")))
	hours := drawAfter(t, 0, 4, "hours")
	switch rapid.IntRange(0, 19).Draw(t, "command") {
	case 0, 1, 2:
		return func(r *trial) (error, error) {
			check := r.CheckDelegation(by(person), other, r.now)
			_, err := r.Delegate(by(person), other, r.now)
			return check, err
		}
	case 3, 4:
		return func(r *trial) (error, error) {
			r.NoteAbsence(by(person), note, r.now)
			return nil, nil
		}
	case 5:
		return amending(subject)
	case 6:
		return func(r *trial) (error, error) {
			check := r.CheckResume()
			_, err := r.Resume(by(person), r.now)
			return check, err
		}
	case 7:
		return func(r *trial) (error, error) {
			check := r.CheckRequester(by(person))
			_, err := r.Withdraw(by(person), r.now)
			return check, err
		}
	case 8, 9, 10:
		return func(r *trial) (error, error) {
			r.now = r.now.Add(hours)
			r.Pass(r.now)
			return nil, nil
		}
	default:
		return func(r *trial) (error, error) {
			check := r.CheckDecision(by(person), verdict, "", r.now)
			_, err := r.Decide(by(person), verdict, "", r.now)
			return check, err
		}
	}
}

// amending changes the subject, of which an even amount is another bound part.
func amending(subject json.RawMessage) command {
	return func(r *trial) (error, error) {
		c := itsm.Command{Actor: r.Requester}
		check := r.CheckAmendment(c, subject)
		bound := fmt.Sprint(subject[len(subject)-2]%2 == 0)
		_, err := r.Amend(c, itsm.Amendment{Subject: subject, Bound: bound}, r.now)
		if err == nil {
			r.bound = bound
		}
		return check, err
	}
}

// twin is the same approval as the next run of its workflow gets it.
func (r *trial) twin() *trial {
	twin, a := *r, itsm.Approval{}
	require.NoError(r.t, json.Unmarshal([]byte(r.snapshot()), &a))
	a.Rules, twin.Approval = r.Rules, &a
	twin.events, twin.notices = slices.Clone(r.events), slices.Clone(r.notices)
	return &twin
}

// obey carries a command out on the approval and on its twin.
func (r *trial) obey(do command) {
	before, twin := r.snapshot(), r.twin()
	wasClosed := r.State == itsm.StateClosed
	check, err := do(r)
	require.Equal(r.t, check, err, "what a check allows is done, and what it refuses is not")
	if err != nil {
		require.Equal(r.t, before, r.snapshot(), "what is refused changes nothing")
	}
	r.settle()
	if wasClosed {
		require.Equal(r.t, before, r.snapshot(), "a closed approval changed")
	}
	_, _ = do(twin)
	twin.settle()
	require.Equal(r.t, r.snapshot(), twin.snapshot(), "another run would have decided otherwise")
	require.Equal(r.t, r.events, twin.events)
	require.Equal(r.t, r.notices, twin.notices)
}

func TestLawsHoldWhateverPeopleDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := drawTrial(t)
		for range rapid.IntRange(1, 25).Draw(t, "commands") {
			r.obey(drawCommand(t))
			r.checkNumbers()
			r.checkVotes()
			r.checkInbox()
			r.checkOutcome()
		}
	})
}

// checkNumbers: events are numbered from 1, without gap or double.
func (r *trial) checkNumbers() {
	for i, e := range r.events {
		require.Equal(r.t, i+1, e.Number)
	}
	require.Len(r.t, r.events, r.LastEvent)
}

// checkVotes: nobody is counted twice, nobody decides who may not, and a stage
// is open as long as it is uncertain and no longer.
func (r *trial) checkVotes() {
	for _, s := range r.Stages {
		voters, seated := map[string]bool{}, map[string]bool{}
		for _, seat := range s.Seats {
			require.False(r.t, seated[seat.Person], "%s has two seats", seat.Person)
			seated[seat.Person] = true
			if seat.Decision == nil {
				continue
			}
			name := seat.Decision.By
			require.False(r.t, voters[name], "%s is counted twice", name)
			voters[name] = true
			require.False(r.t, r.Requester.IsPerson(name) && (seat.Person != name || r.Rules.Stages[s.Rule].ExcludeRequester),
				"%s decided their own request", name)
		}
		if s.Result == "" {
			require.Empty(r.t, s.Tally().Result(s.Need), "the stage is certain, and still open")
		}
	}
	r.checkPrevious()
}

// checkPrevious: where the flow wants other eyes, none are the same.
func (r *trial) checkPrevious() {
	decided := map[string]bool{}
	for _, s := range r.Stages {
		for _, seat := range s.Seats {
			if seat.Decision == nil {
				continue
			}
			key := fmt.Sprint(s.Round, seat.Decision.By)
			require.False(r.t, decided[key] && r.Rules.Stages[s.Rule].ExcludePrevious, "%s decided an earlier stage", key)
		}
		for _, seat := range s.Seats {
			if seat.Decision != nil {
				decided[fmt.Sprint(s.Round, seat.Decision.By)] = true
			}
		}
	}
}

// checkInbox: it lists whoever may decide and has not, and nobody else.
func (r *trial) checkInbox() {
	listed := r.inbox()
	require.Equal(r.t, listed, r.stored, "the inbox changed, and nothing was recorded")
	for _, name := range cast {
		may := false
		for _, verdict := range verdicts[:2] {
			if r.CheckDecision(by(name), verdict, "", r.now) != nil {
				continue
			}
			clone := r.twin().vote(verdict, name)
			may = may || clone.events[len(r.events)].Type == itsm.EventDecisionMade
		}
		require.Equal(r.t, may, slices.Contains(listed, name), "%s of %v", name, listed)
	}
	require.Len(r.t, slices.Compact(slices.Sorted(slices.Values(listed))), len(listed), "asked twice: %v", listed)
	require.Equal(r.t, r.State == itsm.StateOpen, len(listed) > 0, "an open approval waits for somebody")
}

// checkOutcome: no yes without the quorum, unless the flow lets time say it.
func (r *trial) checkOutcome() {
	if r.State != itsm.StateClosed {
		require.Empty(r.t, r.Outcome)
		return
	}
	won, asked := 0, 0
	for _, s := range r.Stages {
		if s.Round != r.Round || s.Result == itsm.ResultSkipped {
			continue
		}
		asked++
		tally, timedOut := s.Tally(), r.timedOut(s)
		switch s.Result {
		case itsm.ResultWon:
			won++
			require.Empty(r.t, tally.VetoBy)
			require.True(r.t, tally.Approved >= s.Need || timedOut == itsm.TimeoutApprove, "won without the quorum")
		case itsm.ResultLost:
			require.Equal(r.t, itsm.ResultLost, tally.Result(s.Need))
			require.Equal(r.t, itsm.OutcomeRejected, r.Outcome)
		case itsm.ResultTimedOut:
			require.Contains(r.t, []itsm.OnTimeout{itsm.TimeoutReject, itsm.TimeoutSkip}, timedOut)
		}
	}
	if r.Outcome == itsm.OutcomeApproved {
		require.True(r.t, won > 0 || asked == 0, "approved, and nobody said yes")
	}
}

// timedOut gives what the deadline of a stage did, or "" where it did not pass.
func (r *trial) timedOut(s itsm.Stage) itsm.OnTimeout {
	for _, e := range slices.Backward(r.events) {
		data := itsm.StageTimedOut{}
		if e.Type == itsm.EventStageTimedOut && json.Unmarshal(e.Data, &data) == nil && data.Stage == s.Name && data.Round == s.Round {
			return data.Action
		}
	}
	return ""
}

func TestOrderOfVotesNeverMatters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := cast[:rapid.IntRange(1, len(cast)).Draw(t, "approvers")]
		board := stage("board", rapid.SampledFrom(needs).Draw(t, "need"), approvers(names...)...)
		votes := map[string]itsm.Verdict{}
		for _, name := range names {
			votes[name] = drawVerdict(t)
		}
		outcome := func(order []string) string {
			r := begin(t, itsm.Person("olga"), board)
			for _, name := range order {
				_, _ = r.Decide(by(name), votes[name], "", r.now) // refused once it is certain
				r.settle()
			}
			return r.Outcome
		}
		require.Equal(t, outcome(names), outcome(rapid.Permutation(names).Draw(t, "order")))
	})
}

func TestCountDependsOnNothingButTheVotes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		seats := []itsm.Seat{}
		for _, name := range cast {
			s := itsm.Seat{Candidate: itsm.Candidate{Person: name, Counted: rapid.Bool().Draw(t, "counted"), Veto: rapid.Bool().Draw(t, "veto")}}
			if rapid.Bool().Draw(t, "voted") {
				s.Decision = &itsm.Decision{Verdict: drawVerdict(t), By: name}
			}
			seats = append(seats, s)
		}
		need := rapid.IntRange(1, len(cast)).Draw(t, "need")
		one, other := itsm.Stage{Seats: seats}, itsm.Stage{Seats: rapid.Permutation(seats).Draw(t, "order")}
		require.Equal(t, one.Tally().Result(need), other.Tally().Result(need))
		tally := one.Tally()
		require.LessOrEqual(t, tally.Approved+tally.Rejected+tally.Abstained, tally.Approvers)
	})
}
