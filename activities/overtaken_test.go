package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/steward-itsm/steward/itsm"
)

func TestNobodyIsAskedForWhatIsOver(t *testing.T) {
	t.Parallel()
	waits := itsm.View{State: itsm.StateOpen, Detail: json.RawMessage(`{"stage":"finance","round":2,"waitingFor":["tom"]}`)}
	closed := waits
	closed.State = itsm.StateClosed
	cases := map[string]struct {
		view   itsm.View
		kind   itsm.EventType
		data   string
		person string
		want   bool
	}{
		"it waits for them":       {waits, itsm.EventStageOpened, `{"stage":"finance","round":2}`, "tom", false},
		"they have decided":       {waits, itsm.EventStageReminded, `{"stage":"finance","round":2}`, "ines", true},
		"the stage is over":       {waits, itsm.EventStageReminded, `{"stage":"manager","round":2}`, "tom", true},
		"the round is over":       {waits, itsm.EventStageOpened, `{"stage":"finance","round":1}`, "tom", true},
		"it is closed":            {closed, itsm.EventStageEscalated, `{"stage":"finance","round":2}`, "tom", true},
		"they need have no vote":  {waits, itsm.EventStageEscalated, `{"stage":"finance","round":2}`, "maria", false},
		"a vote was handed over":  {waits, itsm.EventSeatDelegated, `{"stage":"finance","to":"tom"}`, "tom", false},
		"and is used":             {waits, itsm.EventSeatDelegated, `{"stage":"finance","to":"ines"}`, "ines", true},
		"what can't be read asks": {waits, itsm.EventStageOpened, `[]`, "ines", false},
	}
	for name, c := range cases {
		event := itsm.Event{Type: c.kind, Data: json.RawMessage(c.data)}
		assert.Equal(t, c.want, overtaken(c.view, event, c.kind, c.person), name)
	}
}

func TestNobodyIsAskedForAStepThatIsOver(t *testing.T) {
	t.Parallel()
	waits := itsm.View{Kind: itsm.KindTransition, State: itsm.StateOpen, Detail: json.RawMessage(`{"waitingFor": [
		{"for": "its planned start", "since": "2026-12-01T12:00:00Z"},
		{"for": "task: Do it", "step": "go.1", "who": ["tom"], "since": "2026-12-01T12:00:00Z"}]}`)}
	closed := waits
	closed.State = itsm.StateClosed
	for name, c := range map[string]struct {
		view   itsm.View
		told   itsm.EventType
		step   string
		person string
		want   bool
	}{
		"it waits for them":         {waits, itsm.EventStepOpened, "go.1", "tom", false},
		"another has claimed it":    {waits, itsm.EventStepReminded, "go.1", "ines", true},
		"the step is over":          {waits, itsm.EventStepOpened, "go.2", "tom", true},
		"it is escalated to others": {waits, itsm.EventStepEscalated, "go.1", "ines", false},
		"it is not blocked anymore": {waits, itsm.EventStepBlocked, "go.2", "maria", true},
		"it is closed":              {closed, itsm.EventStepEscalated, "go.1", "ines", true},
	} {
		event := itsm.Event{Type: c.told, Data: json.RawMessage(`{"step": "` + c.step + `"}`)}
		assert.Equal(t, c.want, overtaken(c.view, event, c.told, c.person), name)
	}
	unreadable := itsm.View{Kind: itsm.KindTransition, State: itsm.StateOpen, Detail: json.RawMessage(`[]`)}
	assert.False(t, overtaken(unreadable, itsm.Event{Data: json.RawMessage(`{}`)}, itsm.EventStepOpened, "tom"), "better told too much")
}

func TestNobodyIsPagedForWhatIsTakenOn(t *testing.T) {
	t.Parallel()
	shown := func(state itsm.State, detail string) itsm.View {
		return itsm.View{Kind: itsm.KindIncident, State: state, Detail: json.RawMessage(detail)}
	}
	waits := shown(itsm.StateOpen, `{"phase": "new", "clocks": {}, "ladder": {}}`)
	taken := shown(itsm.StateOpen, `{"phase": "in-progress", "assignee": "bob", "acknowledged": {"by": "bob", "at": "2026-12-01T12:00:00Z"}}`)
	resolved := shown(itsm.StateOpen, `{"phase": "resolved", "assignee": "bob", "resolution": {"by": "bob"}, "tasks": [
		{"id": "review", "status": "running", "people": ["maria", "tom"], "claimed": "maria"}, {"id": "action.1", "status": "done"}]}`)
	closed := shown(itsm.StateClosed, `{"phase": "closed"}`)
	const review, action = `{"step": "review"}`, `{"step": "action.1"}`
	for name, c := range map[string]struct {
		view   itsm.View
		told   itsm.EventType
		data   string
		person string
		want   bool
	}{
		"it waits for somebody":               {waits, itsm.EventPageSent, `{}`, "alice", false},
		"another has acknowledged it":         {taken, itsm.EventPageSent, `{}`, "alice", true},
		"it is resolved":                      {resolved, itsm.EventPageSent, `{}`, "alice", true},
		"it is closed":                        {closed, itsm.EventPageSent, `{}`, "alice", true},
		"nobody has acknowledged it":          {waits, itsm.EventLadderExhausted, `{}`, "maria", false},
		"somebody has, at last":               {taken, itsm.EventLadderExhausted, `{}`, "maria", true},
		"it is theirs":                        {taken, itsm.EventIncidentAssigned, `{}`, "bob", false},
		"it was given to another":             {taken, itsm.EventIncidentAssigned, `{}`, "alice", true},
		"it was theirs, and is resolved":      {resolved, itsm.EventIncidentAssigned, `{}`, "bob", true},
		"their review waits":                  {resolved, itsm.EventStepOpened, review, "maria", false},
		"another has claimed it":              {resolved, itsm.EventStepReminded, review, "tom", true},
		"it is late, which others are told":   {resolved, itsm.EventStepTimedOut, review, "olga", false},
		"the task is done":                    {resolved, itsm.EventStepReminded, action, "tom", true},
		"a task that can't be read asks":      {resolved, itsm.EventStepOpened, `[]`, "tom", false},
		"an incident that can't be read asks": {shown(itsm.StateOpen, `[]`), itsm.EventPageSent, `{}`, "tom", false},
	} {
		event := itsm.Event{Type: c.told, Data: json.RawMessage(c.data)}
		assert.Equal(t, c.want, overtaken(c.view, event, c.told, c.person), name)
	}
	for _, told := range []itsm.EventType{itsm.EventPageSent, itsm.EventLadderExhausted, itsm.EventIncidentAssigned} {
		assert.Contains(t, asking, told)
	}
}
