package definition

import (
	"encoding/json"
	"slices"
)

// Service is an entry of the catalogue.
type Service struct {
	Goal         string             `json:"goal,omitempty"`
	Owner        string             `json:"owner"` // a Person or a Group
	SupportGroup string             `json:"supportGroup"`
	Tier         int                `json:"tier,omitempty"` // 1 is the most important
	Hours        string             `json:"hours,omitempty"`
	DependsOn    []string           `json:"dependsOn,omitempty"`
	Escalation   string             `json:"escalation,omitempty"`
	Incidents    string             `json:"incidents,omitempty"`
	Objectives   map[string]float64 `json:"objectives,omitempty"`
	Cost         *Cost              `json:"cost,omitempty"`
}

// Cost is what a service costs to run.
type Cost struct {
	PerMonth float64 `json:"perMonth"` // in the currency's main unit
	Currency string  `json:"currency"` // ISO 4217
}

func (s *Service) visit(v visitor) {
	v.person("/spec/owner", s.Owner)
	v.reference("/spec/supportGroup", KindGroup, s.SupportGroup)
	visitClock(v, "/spec/hours", s.Hours)
	v.reference("/spec/escalation", "EscalationPolicy", s.Escalation)
	v.reference("/spec/incidents", "IncidentPolicy", s.Incidents)
	for i, name := range s.DependsOn {
		v.reference(at("/spec/dependsOn", i), KindService, name)
	}
}

// NeedsOf lists the services that one depends on, directly or not, sorted.
// lookUp gives the services of some names, nil for those that there are not.
func NeedsOf(service Document, lookUp func(names []string) ([]*Document, error)) ([]string, error) {
	known := map[string]bool{service.Name: true}
	var needs []string
	for next := dependencies(&service); len(next) > 0; {
		var fresh []string
		for _, name := range next {
			if !known[name] {
				known[name] = true
				fresh = append(fresh, name)
			}
		}
		needs = append(needs, fresh...)
		docs, err := lookUp(fresh)
		if err != nil {
			return nil, err
		}
		next = nil
		for _, doc := range docs {
			next = append(next, dependencies(doc)...)
		}
	}
	slices.Sort(needs)
	return needs, nil
}

func dependencies(doc *Document) []string {
	if doc == nil {
		return nil
	}
	if service, ok := doc.Spec.(*Service); ok {
		return service.DependsOn
	}
	return nil
}

func visitClock(v visitor, path, clock string) {
	if clock != clockAlways {
		v.reference(path, KindCalendar, clock)
	}
}

// serviceFacts are what expressions see of a service: its spec, its name and
// its title.
func serviceFacts(doc *Document) json.RawMessage {
	service, ok := doc.Spec.(*Service)
	if !ok {
		return nil
	}
	facts, err := json.Marshal(struct {
		Name  string `json:"name"`
		Title string `json:"title,omitempty"`
		*Service
	}{doc.Name, doc.Title, service})
	if err != nil {
		return nil // a struct of texts and finite numbers always marshals
	}
	return facts
}

// Channel is where notifications go.
type Channel struct {
	Webhook string `json:"webhook,omitempty"`
	Email   string `json:"email,omitempty"`
	Log     bool   `json:"log,omitempty"`
	For     []Ref  `json:"for,omitempty"` // none is everyone
}

func (c *Channel) visit(v visitor) {
	visitRefs(v, "/spec/for", c.For, newScope(), false)
	for i, ref := range c.For {
		path := at("/spec/for", i)
		if ref.From != "" {
			v.fault(path+"/from", codeUnfit, "a channel belongs to no process from which an expression could tell; name people another way")
		}
		if ref.ManagerOf == ManagerOfRequester {
			v.fault(path+"/managerOf", codeUnfit, "a channel belongs to no process that somebody asked for; name people another way")
		}
	}
}
