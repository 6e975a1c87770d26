package itsm

// ActorKind tells what sort of party acts.
type ActorKind string

// The kinds of actors.
const (
	ActorPerson      ActorKind = "person"
	ActorIntegration ActorKind = "integration"
	ActorSystem      ActorKind = "system"
)

// Actor is the person or integration behind a command, or Steward itself where
// a rule acted (a deadline that passed).
type Actor struct {
	Kind ActorKind `json:"kind"`
	Name string    `json:"name"`
}

// Person is the actor for a named person.
func Person(name string) Actor { return Actor{Kind: ActorPerson, Name: name} }

// Integration is the actor for an integration's token.
func Integration(name string) Actor { return Actor{Kind: ActorIntegration, Name: name} }

// System is the actor of whatever a rule does by itself.
func System() Actor { return Actor{Kind: ActorSystem, Name: "steward"} }

// IsPerson reports whether a is the person with the given name.
func (a Actor) IsPerson(name string) bool { return a.Kind == ActorPerson && a.Name == name }

// String gives "person:alice".
func (a Actor) String() string { return string(a.Kind) + ":" + a.Name }
