// Package workflows says how processes run: one file a process, reading from
// top to bottom as the business tells it. contract.go has the names, inputs
// and results that the world outside needs.
//
// What does not belong here: rules (package itsm), and anything that reads a
// clock, the directory, the time zone database or the network (package
// activities); workflow code sees those only as recorded results.
package workflows
