package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func (c *change) claiming(name, step string) func() (int, error) {
	return func() (int, error) { return c.ClaimTask(by(name), step, c.now) }
}

func (c *change) releasing(name, step string, operator bool) func() (int, error) {
	return func() (int, error) { return c.ReleaseTask(by(name), step, operator, c.now) }
}

func (c *change) working(name, step string, work itsm.TaskWork) func() (int, error) {
	return func() (int, error) { return c.WorkOnTask(by(name), step, work, c.now) }
}

func (c *change) ending(name, step string, work itsm.TaskWork) func() (int, error) {
	return func() (int, error) { return c.CompleteTask(by(name), step, work, c.now) }
}

func TestTaskIsForThosePeopleOnly(t *testing.T) {
	t.Parallel()
	c := doing(t, aTask(), aCall())
	assert.Equal(t, []string{"alice: s.1", "bob: s.1"}, c.inbox())
	assert.Equal(t, []string{"alice", "bob"}, c.told(itsm.EventStepOpened))
	c.refuses(itsm.CodeTaskNotYours, c.doing("tom", "s.1"), "CHG-1.s.1 is for alice, bob")
	c.refuses(itsm.CodeTaskNotYours, func() (int, error) {
		return c.ClaimTask(itsm.Command{Actor: itsm.Integration("alice")}, "s.1", c.now)
	})
	c.refuses(itsm.CodeTaskUnknown, c.doing("alice", "s.2"))
	c.refuses(itsm.CodeTaskUnknown, c.doing("alice", "s"))
	c.does("alice", "s.1").refuses(itsm.CodeTaskClosed, c.doing("bob", "s.1"), "it is done")
	c.refuses(itsm.CodeTaskUnknown, c.doing("alice", "s.2"))
}

func TestTaskOfAGroupIsClaimedAndReleased(t *testing.T) {
	t.Parallel()
	c := doing(t, aTask())
	c.refuses(itsm.CodeTaskClaimed, c.releasing("alice", "s.1", false), "nobody has claimed")
	c.must(c.claiming("alice", "s.1"))
	assert.Equal(t, []string{"alice: s.1"}, c.inbox())
	for _, do := range []func() (int, error){c.doing("bob", "s.1"), c.claiming("bob", "s.1"), c.failing("bob", "s.1"), c.working("bob", "s.1", itsm.TaskWork{})} {
		c.refuses(itsm.CodeTaskClaimed, do, "alice has claimed task CHG-1.s.1; ask them to release it")
	}
	c.refuses(itsm.CodeTaskClaimed, c.claiming("alice", "s.1"), "already")
	assert.Equal(t, itsm.CodeTaskClaimed, itsm.ErrorCode(c.CheckClaim(by("alice"), "s.1")), "the check knows it too")
	c.refuses(itsm.CodeTaskNotYours, c.releasing("bob", "s.1", false))
	c.must(c.releasing("maria", "s.1", true))
	assert.Equal(t, []string{"alice: s.1", "bob: s.1"}, c.inbox())
	c.must(c.claiming("bob", "s.1")).must(c.releasing("bob", "s.1", false)).does("alice", "s.1")
	assert.Equal(t, "alice", c.run("s.1").Claimed)
}

func TestTaskIsDoneWhenItsChecklistIs(t *testing.T) {
	t.Parallel()
	rule := aTask()
	rule.Checklist = []string{"tests", "load", "backout"}
	c := doing(t, rule)
	c.refuses(itsm.CodeTaskIncomplete, c.working("bob", "s.1", itsm.TaskWork{Check: []string{"tests", "lunch"}}), `no item "lunch"`)
	c.must(c.working("alice", "s.1", itsm.TaskWork{Check: []string{"tests"}}))
	c.must(c.working("bob", "s.1", itsm.TaskWork{Check: []string{"tests", "load"}}))
	c.refuses(itsm.CodeTaskIncomplete, c.doing("bob", "s.1"), "items to tick off: backout")
	c.must(c.ending("bob", "s.1", itsm.TaskWork{Check: []string{"backout"}}))
	for i, name := range []string{"alice", "bob", "bob"} {
		assert.Equal(t, name, c.run("s.1").Checklist[i].By, "the first who ticked it off")
	}
}

func TestTaskThatNeedsEvidenceIsNotDoneWithout(t *testing.T) {
	t.Parallel()
	rule := named("test", aTask())
	rule.Evidence = true
	c := doing(t, rule)
	c.refuses(itsm.CodeTaskIncomplete, c.doing("bob", "s.1"), "needs evidence")
	c.must(c.working("alice", "s.1", itsm.TaskWork{Evidence: []itsm.Evidence{{Text: "all green"}}})).does("bob", "s.1")
	want := itsm.Evidence{Text: "all green", By: "alice", At: monday}
	assert.Equal(t, []itsm.Evidence{want}, c.run("s.1").Evidence)
	assert.Contains(t, string(c.Steps.Outputs()), "all green", "later steps know it")
}

func TestTaskTakesOnlySoMuchEvidence(t *testing.T) {
	t.Parallel()
	c := doing(t, aTask())
	c.must(c.working("bob", "s.1", itsm.TaskWork{Evidence: make([]itsm.Evidence, 49)}))
	c.refuses(itsm.CodeEvidenceInvalid, c.working("bob", "s.1", itsm.TaskWork{Evidence: make([]itsm.Evidence, 2)}), "50")
	c.must(c.ending("bob", "s.1", itsm.TaskWork{Evidence: make([]itsm.Evidence, 1)})).ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestTaskThatFailedSaysWhyAndNeedsNoChecklist(t *testing.T) {
	t.Parallel()
	rule := aTask()
	rule.Checklist, rule.Evidence = []string{"tests"}, true
	c := doing(t, rule)
	c.refuses(itsm.CodeCommentRequired, c.ending("bob", "s.1", itsm.TaskWork{Result: itsm.TaskFailed}))
	c.refuses(itsm.CodeTaskResult, c.ending("bob", "s.1", itsm.TaskWork{Result: "splendid"}), "done, failed")
	c.must(c.failing("bob", "s.1")).ended(itsm.PhaseFailed, itsm.OutcomeFailed)
	assert.Equal(t, itsm.Person("bob"), c.event(itsm.EventStepFailed, &itsm.StepEvent{}).Actor)
}

func TestTaskRemindsEscalatesAndGoesOnPastItsDeadline(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", aTask())))
	c.plan("s.1", acts(time.Hour, itsm.DueReminder)).plan("s.1", acts(2*time.Hour, itsm.DueEscalation, "tom")).
		plan("s.1", acts(3*time.Hour, itsm.DueDeadline)).plan("s.1", acts(4*time.Hour, itsm.DueReminder)).requested()
	assert.Equal(t, monday.Add(3*time.Hour), *c.view().Due)
	c.at(time.Hour)
	assert.Equal(t, []string{"alice", "bob"}, c.told(itsm.EventStepReminded))
	c.at(2 * time.Hour)
	assert.Equal(t, []string{"tom"}, c.told(itsm.EventStepEscalated))
	c.must(c.claiming("bob", "s.1")).at(3 * time.Hour)
	assert.Equal(t, []string{"maria"}, c.told(itsm.EventStepTimedOut))
	c.at(4 * time.Hour).stand("s.1 running")
	assert.Equal(t, []string{"alice", "bob", "bob"}, c.told(itsm.EventStepReminded), "who claimed it alone")
	c.does("bob", "s.1").ended(itsm.PhaseClosed, itsm.OutcomeSuccessful)
}

func TestPeopleAreRemindedOnceAfterAnOutage(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", aTask())))
	c.plan("s.1", acts(time.Hour, itsm.DueReminder)).plan("s.1", acts(2*time.Hour, itsm.DueReminder)).
		plan("s.1", acts(3*time.Hour, itsm.DueReminder)).requested().late(5 * time.Hour)
	assert.Equal(t, []string{"s.1"}, c.stepEvents(itsm.EventStepReminded))
}

func TestTaskThatIsOverActsNoMore(t *testing.T) {
	t.Parallel()
	c := newChange(t, standard(inStage("s", aTask(), aTask())))
	c.plan("s.1", acts(time.Hour, itsm.DueReminder)).requested().does("bob", "s.1").at(day)
	assert.Empty(t, c.told(itsm.EventStepReminded))
}
