// Package engine is the only door to Temporal: it starts processes, sends them
// commands, and reads their histories. What a process needs to know when it
// starts is gathered here, checked, and handed to it whole.
//
// What does not belong here: rules of the domain (package itsm), and anything
// that changes the journal, the views or the inbox (the workflows do, through
// their activities).
package engine
