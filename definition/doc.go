// Package definition is what process owners write: it parses their documents,
// checks them, compiles their expressions (CEL), follows their references and
// names each version by its digest. All faults of all documents come at once,
// with stable codes, file, line and column.
//
// The shape of each kind is one JSON Schema in schemas/, which editors use
// too. What a shape can't say is in the kind's own Go file.
//
// What does not belong here: what the rules mean (package itsm), where
// documents are kept (package store) and how processes run under them
// (package workflows).
package definition
