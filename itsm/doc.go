// Package itsm says what the domain means: actors, decisions, stages and
// quorum, calendars, events and errors. It is pure: values in, values out,
// without input or output, without a clock (the time is always an argument)
// and with nothing but the standard library.
//
// What does not belong here: documents and expressions (package definition),
// how a process waits and recovers (package workflows), and anything that
// touches the world (package activities).
package itsm
