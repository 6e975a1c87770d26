package itsm_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

// major is an incident that tom commands.
func major(t *testing.T) *outage {
	o := reported(t, worst)
	return o.must(o.declaring("tom"))
}

// inReview is a major incident that was resolved.
func inReview(t *testing.T) *outage {
	o := major(t)
	return o.must(o.solving).isIn(itsm.IncidentResolved)
}

func TestPolicyDeclaresAMajorIncident(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.major = true
	o.opened()
	assert.Equal(t, &itsm.Major{By: "the policy", At: monday}, o.detail().Major)
	assert.Equal(t, []string{"alice", "bob", "chen", "maria"}, o.told(itsm.EventMajorDeclared), "owner and support group")
	assert.True(t, o.Facts().Major)
	o.must(o.classifying(classed("low", "low"), "it was a test")).must(o.classifying(worst, "no, it was not"))
	assert.Equal(t, 1, o.count(itsm.EventMajorDeclared))
}

func TestPolicyIsAskedAgainWhenTheClassChanges(t *testing.T) {
	t.Parallel()
	o := reported(t, classed("low", "low"))
	o.major = true
	o.must(o.noting("bob", "hm"))
	assert.Nil(t, o.Major)
	o.must(o.classifying(worst, "it spreads"))
	assert.Equal(t, "the policy", o.Major.By)
	silent := standardIncidents()
	silent.Major = false
	o = newOutage(t, silent, worst, nil)
	o.major = true
	assert.Nil(t, o.opened().Major, "a policy that says nothing is not asked")
}

func TestMajorIncidentIsDeclaredByHandAndGetsACommander(t *testing.T) {
	t.Parallel()
	o := reported(t, worst)
	o.must(o.declaring("")).refuses(itsm.CodeNothingChanged, o.declaring(""), "major incident already")
	declared := *o.Major
	assert.Equal(t, itsm.Major{By: "tom", At: monday}, declared)
	o.at(time.Minute).must(o.declaring("chen"))
	assert.Equal(t, &itsm.Major{By: "tom", At: monday, Commander: "chen"}, o.Major, "who declared it, and when, stays")
	assert.Equal(t, "chen", o.told(itsm.EventMajorDeclared)[4])
	assert.Len(t, o.told(itsm.EventMajorDeclared), 5, "the others know")
	o.refuses(itsm.CodeNothingChanged, o.declaring("chen")).must(o.declaring("tom"))
	assert.Equal(t, "tom", o.Major.Commander)
}

func TestMajorIncidentIsReviewedByItsCommanderOrWhoAnswersForIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, commander, assignee string
		owner, team               []string
		want                      []string
	}{
		{"the commander", "tom", "bob", []string{"maria"}, []string{"alice"}, []string{"tom: review"}},
		{"the owner", "", "bob", []string{"maria"}, []string{"alice"}, []string{"maria: review"}},
		{"the support group", "", "bob", nil, []string{"alice", "chen"}, []string{"alice: review", "chen: review"}},
		{"the assignee", "", "bob", nil, nil, []string{"bob: review"}},
	} {
		o := newOutage(t, standardIncidents(), worst, nil)
		o.owner, o.team = c.owner, c.team
		o.opened()
		o.must(o.assigning("tom", c.assignee)).must(o.declaring(c.commander)).must(o.solving)
		assert.Equal(t, c.want, o.inbox(), c.name)
		assert.Equal(t, "Review of the major incident — Payments are slow", o.Inbox(o.now)[0].Title)
	}
}

func TestReviewThatNobodyCouldMakeHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.owner, o.team = nil, nil
	o.opened()
	o.must(o.declaring("")).must(o.solving)
	assert.Equal(t, itsm.StepSkipped, o.detail().Tasks[0].Status)
	assert.Contains(t, o.detail().Tasks[0].Reason, "give it an owner")
	o.at(5 * day).ended(itsm.OutcomeResolved)
}

func TestReviewBeginsWhenItIsKnownWhoCouldMakeIt(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.Rules.AutoClose, o.major = itsm.Duration{}, true
	o.Open(by("ines"), o.now, nil)
	_, err := o.Declare(by("tom"), "", o.now) // before anything could be looked up
	assert.NoError(t, err)
	_, err = o.solving()
	assert.NoError(t, err)
	assert.Equal(t, itsm.IncidentResolved, o.Phase, "it does not close without its review")
	o.settle()
	assert.Equal(t, []string{"maria: review"}, o.inbox())
}

func TestPolicyMayFindThatWhatIsResolvedWasMajor(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.major = true
	o.Open(by("ines"), o.now, nil)
	_, err := o.solving()
	assert.NoError(t, err)
	o.settle()
	assert.Equal(t, []string{"maria: review"}, o.inbox())
}

func TestIncidentDoesNotCloseWhileItsReviewIsOpen(t *testing.T) {
	t.Parallel()
	o := inReview(t).at(5 * day).isIn(itsm.IncidentResolved)
	assert.Equal(t, []string{"maria"}, o.told(itsm.EventStepTimedOut), "the owner is told that it is late")
	assert.Empty(t, o.detail().Next, "nothing happens by itself")
	o.at(9 * day).must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{Lessons: "test more"})).ended(itsm.OutcomeResolved)
	assert.Equal(t, &itsm.ReviewCompleted{Result: itsm.TaskDone, Lessons: "test more"}, o.detail().Review)
}

func TestReviewThatIsDoneEarlyDoesNotHastenTheEnd(t *testing.T) {
	t.Parallel()
	o := inReview(t)
	o.must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{Result: itsm.TaskDone})).isIn(itsm.IncidentResolved)
	o.at(5*day - time.Second).isIn(itsm.IncidentResolved)
	o.at(5 * day).ended(itsm.OutcomeResolved)
}

func TestActionsOfAReviewBecomeTasksOfTheirPeople(t *testing.T) {
	t.Parallel()
	o, due := inReview(t), monday.Add(7*day)
	actions := []itsm.Action{{Title: "Alert on the queue", Who: "alice", Due: &due}, {Title: "Write the runbook", Who: "chen"}}
	o.must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{Actions: actions}))
	assert.Equal(t, []string{"alice: action.1", "chen: action.2"}, o.inbox())
	assert.Equal(t, &due, o.Inbox(o.now)[0].Due)
	assert.Equal(t, "Alert on the queue — Payments are slow", o.Inbox(o.now)[0].Title)
	var completed itsm.ReviewCompleted
	o.event(itsm.EventReviewCompleted, &completed)
	assert.Equal(t, actions, completed.Actions)

	o.at(6 * day).isIn(itsm.IncidentResolved)
	o.refuses(itsm.CodeTaskNotYours, o.completing("chen", "action.1", itsm.TaskWork{}), "task INC-1.action.1 is for alice")
	o.at(7*day - time.Second)
	assert.Zero(t, o.count(itsm.EventStepTimedOut))
	o.at(7 * day)
	assert.Equal(t, []string{"maria"}, o.told(itsm.EventStepTimedOut))
	o.must(o.completing("alice", "action.1", itsm.TaskWork{})).isIn(itsm.IncidentResolved)
	o.must(o.completing("chen", "action.2", itsm.TaskWork{})).ended(itsm.OutcomeResolved)
}

func TestWorkOnATaskIsASignOfLife(t *testing.T) {
	t.Parallel()
	o := inReview(t)
	o.must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{Actions: []itsm.Action{{Title: "Move it", Who: "alice"}}}))
	o.must(o.reopening("still slow")).must(o.acknowledging("bob")).at(50 * time.Minute)
	o.must(o.completing("alice", "action.1", itsm.TaskWork{})).at(110*time.Minute - time.Second)
	assert.Zero(t, o.count(itsm.EventLadderResumed))
	assert.Equal(t, 1, o.at(110*time.Minute).count(itsm.EventLadderResumed))
}

func TestActionThatFailsIsOverAndTheOwnerIsTold(t *testing.T) {
	t.Parallel()
	o := inReview(t)
	o.must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{Actions: []itsm.Action{{Title: "Move it", Who: "alice"}}})).at(6 * day)
	failing := func(why string) func() (int, error) {
		return func() (int, error) {
			return o.CompleteTask(because("alice", why), "action.1", itsm.TaskWork{Result: itsm.TaskFailed}, o.now)
		}
	}
	o.refuses(itsm.CodeCommentRequired, failing(""))
	o.must(failing("there is no room")).ended(itsm.OutcomeResolved)
	assert.Equal(t, []string{"maria"}, o.told(itsm.EventStepFailed))
}

func TestReviewTakesOnlyWhatCanBeDone(t *testing.T) {
	t.Parallel()
	o := inReview(t)
	review := func(work itsm.TaskWork) func() (int, error) { return o.completing("tom", itsm.ReviewStep, work) }
	act := func(title, who string) itsm.TaskWork {
		return itsm.TaskWork{Actions: []itsm.Action{{Title: "Fine", Who: "bob"}, {Title: title, Who: who}}}
	}
	o.refuses(itsm.CodeTaskResult, review(itsm.TaskWork{Result: itsm.TaskFailed}), "ends as one of done")
	o.refuses(itsm.CodeTaskResult, review(itsm.TaskWork{Result: itsm.OutcomeSuccessful}))
	o.refuses(itsm.CodeInvalid, review(act("", "bob")), "what is to be done")
	o.refuses(itsm.CodeInvalid, review(act("Write it", "")), `name the person who does "Write it"`)
	o.refuses(itsm.CodeInvalid, review(itsm.TaskWork{Actions: make([]itsm.Action, 51)}), "50 actions")
	o.refuses(itsm.CodeTaskNotYours, o.completing("bob", itsm.ReviewStep, itsm.TaskWork{}), "is for tom")
	o.refuses(itsm.CodeTaskUnknown, o.completing("tom", "action.1", itsm.TaskWork{}))
	o.must(review(itsm.TaskWork{Actions: []itsm.Action{{Title: "Fine", Who: "bob"}}}))
	o.refuses(itsm.CodeInvalid, o.completing("bob", "action.1", act("More", "tom")), "only the review of a major incident has actions")
	o.refuses(itsm.CodeTaskClosed, review(itsm.TaskWork{}))
}

func TestReviewCanBeClaimedWorkedOnAndReleased(t *testing.T) {
	t.Parallel()
	o := newOutage(t, standardIncidents(), worst, nil)
	o.owner = []string{"maria", "tom"}
	o.opened()
	o.must(o.declaring("")).must(o.solving)
	claim := func(name string) func() (int, error) {
		return func() (int, error) { return o.ClaimTask(by(name), itsm.ReviewStep, o.now) }
	}
	release := func(name string, operator bool) func() (int, error) {
		return func() (int, error) { return o.ReleaseTask(by(name), itsm.ReviewStep, operator, o.now) }
	}
	work := func(name string, work itsm.TaskWork) func() (int, error) {
		return func() (int, error) { return o.WorkOnTask(by(name), itsm.ReviewStep, work, o.now) }
	}
	o.must(claim("tom")).refuses(itsm.CodeTaskClaimed, claim("maria"), "tom has claimed")
	assert.Equal(t, []string{"tom: review"}, o.inbox())
	o.refuses(itsm.CodeTaskNotYours, release("maria", false)).must(release("maria", true)).must(claim("maria"))
	o.refuses(itsm.CodeTaskIncomplete, work("maria", itsm.TaskWork{Check: []string{"no such item"}}))
	o.refuses(itsm.CodeInvalid, work("maria", itsm.TaskWork{Actions: []itsm.Action{{Title: "Early", Who: "bob"}}}), "when the review is completed")
	o.must(work("maria", itsm.TaskWork{Evidence: []itsm.Evidence{{Link: "https://wiki.acme.test/timeline"}}}))
	assert.Equal(t, "maria", o.detail().Tasks[0].Evidence[0].By)
	assert.Equal(t, itsm.CodeTaskClaimed, itsm.ErrorCode(o.CheckClaim(by("tom"), itsm.ReviewStep)))
	assert.Equal(t, itsm.CodeTaskNotYours, itsm.ErrorCode(o.CheckRelease(by("tom"), itsm.ReviewStep, false)))
	assert.NoError(t, o.CheckWork(by("maria"), itsm.ReviewStep, itsm.TaskWork{}))
}

func TestReviewIsCutShortByReopeningAndBeginsAgain(t *testing.T) {
	t.Parallel()
	o := inReview(t).at(time.Hour)
	o.must(o.reopening("still slow"))
	assert.Equal(t, []string{"tom"}, o.told(itsm.EventStepCancelled))
	assert.Empty(t, o.inbox())
	o.refuses(itsm.CodeTaskClosed, o.completing("tom", itsm.ReviewStep, itsm.TaskWork{}), "the incident was reopened")
	o.at(2 * time.Hour).must(o.solving)
	assert.Equal(t, []string{"tom: review"}, o.inbox())
	assert.Equal(t, 2, o.detail().Tasks[0].Attempt)
	assert.Len(t, o.detail().Tasks, 1)
	o.must(o.completing("tom", itsm.ReviewStep, itsm.TaskWork{})).must(o.reopening("oh no")).must(o.solving)
	assert.Empty(t, o.inbox(), "one that was made is not made again")
}

func TestMergingEndsTheReview(t *testing.T) {
	t.Parallel()
	o := inReview(t)
	o.must(o.merging("INC-2")).ended(itsm.OutcomeMerged)
	assert.Equal(t, itsm.StepCancelled, o.detail().Tasks[0].Status)
}

func TestIncidentThatIsNotMajorHasNoReview(t *testing.T) {
	t.Parallel()
	o := reported(t, worst)
	o.must(o.solving)
	assert.Empty(t, o.detail().Tasks)
	o.refuses(itsm.CodeTaskUnknown, o.completing("maria", itsm.ReviewStep, itsm.TaskWork{}))
}
