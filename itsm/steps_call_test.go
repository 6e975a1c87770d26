package itsm_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func TestCallIsSentOnceAndEndsByItsAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		outcome itsm.CallOutcome
		want    string
	}{
		"succeeded": {wentWell, "s.1 done, s.2 running"},
		"failed":    {refused, "s.1 failed"},
		"blocked":   {unsending, "s.1 blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := doing(t, aCall(), aTask())
			assert.Equal(t, []string{"CHG-1/s.1/1"}, c.calls())
			c.answered("s.1", test.outcome).stand(test.want)
			assert.Empty(t, c.calls())
			before := c.snapshot()
			c.answered("s.1", wentWell)
			assert.JSONEq(t, string(before), string(c.snapshot()), "a second answer changes nothing")
		})
	}
}

func TestAnswerToAnEarlierAttemptIsNotMinded(t *testing.T) {
	t.Parallel()
	c := doing(t, aCall()).answered("s.1", unsending)
	c.must(c.byHand("s.1", itsm.HandRetry)).stand("s.1 running")
	assert.Equal(t, []string{"CHG-1/s.1/2"}, c.calls(), "another key: it is sent again")
	c.answeredTo("s.1", 1, refused).stand("s.1 running").answeredTo("s.1", 2, wentWell).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestCallbackEndsACallThatWasAccepted(t *testing.T) {
	t.Parallel()
	c := doing(t, named("deploy", aCallBack())).answered("s.1", wentWell).stand("s.1 running")
	assert.Equal(t, "the callback of Do s.1", c.detail().WaitingFor[0].For)
	assert.Equal(t, monday.Add(time.Hour), *c.view().Due)
	assert.Empty(t, c.calls(), "it is not sent again")
	number := 0
	c.must(func() (n int, err error) {
		number, err = c.callingBack("s.1", 1, itsm.CallbackAnswer{Message: "fine", Result: json.RawMessage(`{"hosts":3}`), Digest: "sha256:1"})()
		return number, err
	}).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
	assert.JSONEq(t, `{"deploy":{"status":200,"body":{"ok":true},"callback":{"hosts":3}}}`, string(c.Steps.Outputs()))
	assert.Equal(t, itsm.Integration("callback"), c.events[number-1].Actor)
	assert.Equal(t, "sha256:1", c.run("s.1").Answered)
}

func TestCallbackMayComeBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	c := doing(t, aCallBack(), aTask())
	c.must(c.callingBack("s.1", 1, calledBack)).stand("s.1 done, s.2 running")
	for _, outcome := range []itsm.CallOutcome{wentWell, refused, unsending} {
		c.answered("s.1", outcome).stand("s.1 done, s.2 running")
	}
}

func TestCallbackThatSaysItFailedTakesTheCallBack(t *testing.T) {
	t.Parallel()
	for name, answered := range map[string]bool{"after the answer": true, "before it": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := doing(t, undone(aCallBack(), aCall()))
			if answered {
				c.answered("s.1", wentWell)
			}
			c.must(c.callingBack("s.1", 1, itsm.CallbackAnswer{Failed: true, Message: "disk full", Digest: "sha256:1"}))
			c.stand("s.1 failed, s.1.undo running").answered("s.1.undo", wentWell).ended(itsm.PhaseRolledBack, itsm.OutcomeRolledBack)
			assert.Contains(t, c.Why, "the called system says that it failed: disk full")
		})
	}
}

func TestCallbackThatNeverComesTakesTheCallBack(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aCallBack(), aCall())).at(30*time.Minute).answered("s.1", wentWell)
	c.at(90*time.Minute - time.Second).stand("s.1 running").at(90 * time.Minute).stand("s.1 failed, s.1.undo running")
	c.refuses(itsm.CodeCallbackUsed, c.callingBack("s.1", 1, calledBack), "its callback did not come in time")
}

func TestCallbackHasItsTimeWhateverTheTimeForTheRequest(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", aCallBack()))).plan("s.1", acts(10*time.Minute, itsm.DueDeadline)).requested()
	c.at(5*time.Minute).answered("s.1", wentWell).at(64 * time.Minute).stand("s.1 running")
	assert.Empty(t, c.stepEvents(itsm.EventStepTimedOut))
	c.at(65 * time.Minute).stand("s.1 failed")
}

func TestCallThatIsLongInAnsweringIsToldOf(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", aCall()))).plan("s.1", acts(10*time.Minute, itsm.DueDeadline)).requested()
	c.at(time.Hour).stand("s.1 running")
	assert.Equal(t, []string{"maria"}, c.told(itsm.EventStepTimedOut))
}

func TestCallbackIsTakenOnceAndOnlyByTheCallThatWaits(t *testing.T) {
	t.Parallel()
	c := doing(t, aCallBack(), aCall(), aTask())
	for step, attempt := range map[string]int{"s.1": 2, "s.2": 1, "s.3": 1, "s": 1, "no": 1} {
		c.refuses(itsm.CodeCallbackUnknown, c.callingBack(step, attempt, calledBack))
	}
	c.must(c.callingBack("s.1", 1, calledBack))
	c.refuses(itsm.CodeCallbackUsed, c.callingBack("s.1", 1, calledBack))
	c.refuses(itsm.CodeCallbackUnknown, c.callingBack("s.2", 1, calledBack), "waits for no such callback")
}

func TestCallbackOfAnAttemptThatWasRetriedIsNotTaken(t *testing.T) {
	t.Parallel()
	c := doing(t, named("deploy", aCallBack()), aTask()).answered("s.1", unsending)
	c.refuses(itsm.CodeCallbackUsed, c.callingBack("s.1", 1, calledBack), "the secret is missing")
	c.must(c.byHand("s.1", itsm.HandRetry))
	c.refuses(itsm.CodeCallbackUsed, c.callingBack("s.1", 1, calledBack))
	c.must(c.callingBack("s.1", 2, calledBack)).stand("s.1 done, s.2 running")
}

func TestOutputOfARetriedCallIsOfItsLastAttempt(t *testing.T) {
	t.Parallel()
	c := doing(t, undone(aTask(), named("back", aCallBack())), aTask()).does("bob", "s.1")
	c.must(c.rollingBack).answered("s.1.undo", wentWell).at(time.Hour).stand("s.1 done, s.2 cancelled, s.1.undo blocked")
	c.must(c.byHand("s.1.undo", itsm.HandRetry)).must(c.callingBack("s.1.undo", 2, itsm.CallbackAnswer{Result: json.RawMessage(`1`)}))
	assert.JSONEq(t, `{"back":{"callback":1}}`, string(c.Steps.Outputs()))
}
