// Package activities holds what touches the world: it looks people and
// calendars up, writes what happened into the store, and tells people. All are
// methods of one struct with its dependencies, and may run more than once.
//
// What does not belong here: the order in which things happen (package
// workflows, whose contract this package serves) and rules that need nothing
// but values (package itsm).
package activities
