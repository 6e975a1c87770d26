package definition

import (
	"encoding/json"
	"slices"

	"github.com/steward-itsm/steward/itsm"
)

// The names of the kinds that other packages ask for.
const (
	KindPerson       = "Person"
	KindGroup        = "Group"
	KindCalendar     = "Calendar"
	KindSchedule     = "Schedule"
	KindService      = "Service"
	KindApprovalFlow = "ApprovalFlow"
	KindChannel      = "Channel"

	KindTransitionModel  = "TransitionModel"
	KindIncidentPolicy   = "IncidentPolicy"
	KindEscalationPolicy = "EscalationPolicy"
)

// Values of Ref.ManagerOf that are not names.
const (
	ManagerOfRequester = "requester"
	ManagerOfApprovers = "approvers"
)

// Person is someone who asks, decides or works.
type Person struct {
	Email    string   `json:"email,omitempty"`
	Timezone string   `json:"timezone,omitempty"` // IANA name; "" is UTC
	Manager  string   `json:"manager,omitempty"`
	Roles    []string `json:"roles,omitempty"` // admin, process-owner, operator, auditor
}

func (p *Person) visit(v visitor) {
	v.reference("/spec/manager", KindPerson, p.Manager)
}

// Group is people who share a duty.
type Group struct {
	Members []string `json:"members"`
}

func (g *Group) visit(v visitor) {
	for i, member := range g.Members {
		v.reference(at("/spec/members", i), KindPerson, member)
	}
}

// Ref names people in exactly one way.
type Ref struct {
	Person    string `json:"person,omitempty"`
	Group     string `json:"group,omitempty"`
	OnCall    string `json:"onCall,omitempty"`    // a Schedule
	ManagerOf string `json:"managerOf,omitempty"` // ManagerOfRequester, ManagerOfApprovers or a Person
	From      string `json:"from,omitempty"`      // an expression; Expressions.Refs resolves it
	Name      string `json:"name,omitempty"`      // a Person or a Group: what an expression gave. Never written by authors
}

// String gives "group: cab".
func (r Ref) String() string {
	switch {
	case r.Person != "":
		return "person: " + r.Person
	case r.Group != "":
		return "group: " + r.Group
	case r.OnCall != "":
		return "onCall: " + r.OnCall
	case r.ManagerOf != "":
		return "managerOf: " + r.ManagerOf
	case r.From != "":
		return "from: " + r.From
	default:
		return r.Name
	}
}

// visitRefs visits references to people. Only where there are approvers can
// their managers be named.
func visitRefs(v visitor, path string, refs []Ref, in *scope, hasApprovers bool) {
	for i, ref := range refs {
		visitRef(v, at(path, i), ref, in, hasApprovers)
	}
}

func visitRef(v visitor, path string, ref Ref, in *scope, hasApprovers bool) {
	v.reference(path+"/person", KindPerson, ref.Person)
	v.reference(path+"/group", KindGroup, ref.Group)
	v.reference(path+"/onCall", KindSchedule, ref.OnCall)
	v.expression(path+"/from", ref.From, wantRefs, in)
	switch {
	case ref.ManagerOf == ManagerOfApprovers && !hasApprovers:
		v.fault(path+"/managerOf", codeUnfit, "there are no approvers yet whose managers could be meant; name them another way")
	case ref.ManagerOf != ManagerOfRequester && ref.ManagerOf != ManagerOfApprovers:
		v.reference(path+"/managerOf", KindPerson, ref.ManagerOf)
	}
}

// Escalation brings in more people after a while.
type Escalation struct {
	After itsm.Duration `json:"after"`
	To    []Ref         `json:"to"`
}

func visitEscalations(v visitor, path string, escalations []Escalation, in *scope, hasApprovers bool) {
	for i, e := range escalations {
		visitRefs(v, at(path, i)+"/to", e.To, in, hasApprovers)
	}
}

// Review says who must do something, and how long they have.
type Review struct {
	By     Ref            `json:"by"`
	Within *itsm.Duration `json:"within,omitempty"`
	Remind *itsm.Duration `json:"remind,omitempty"` // how often
}

// Authorize says which flow must approve, and when it is needed.
type Authorize struct {
	Flow       string `json:"flow"`
	When       string `json:"when,omitempty"`       // "" is always
	Afterwards bool   `json:"afterwards,omitempty"` // an emergency does not wait for it
}

// UnmarshalJSON reads a flow's name alone, too.
func (a *Authorize) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, &a.Flow) == nil {
		return nil
	}
	type plain Authorize
	return json.Unmarshal(raw, (*plain)(a))
}

// visitAuthorize checks that the flow approves the kind of subject that is at
// hand; a flow without a subject approves anything.
func visitAuthorize(v visitor, a *Authorize, subject string, in *scope) {
	if a == nil {
		return
	}
	path := "/spec/authorize"
	if v.has(path + "/flow") {
		path += "/flow"
	}
	visitFlow(v, path, a.Flow, subject)
	v.expression("/spec/authorize/when", a.When, wantBool, in)
}

func visitFlow(v visitor, path, name, subject string) {
	doc, ok := v.reference(path, KindApprovalFlow, name)
	flow, isFlow := doc.Spec.(*ApprovalFlow)
	if !ok || !isFlow {
		return
	}
	if flow.Input != nil || !slices.Contains([]string{"", subject}, flow.Subject) {
		v.fault(path, codeUnfit, "ApprovalFlow %q approves something else than a %s; name one with neither subject nor input, or for this kind of subject", name, subject)
	}
}
