// Package store keeps what Steward must not forget in SQL: the journal, the
// views, the inbox and the schedule of change as the workflows recorded them,
// the definitions, files, alerts, maintenances, the numbers of processes,
// absences and tokens. There is one implementation for PostgreSQL and SQLite;
// what differs between them is in dialect.go and in the migrations. PostgreSQL
// must be 13 or newer.
//
// What does not belong here: rules about processes (package itsm) and any
// change to a process that a workflow did not record. The store guards what it
// was told, in Go and again in SQL: the journal only grows, numbers have no gap
// and no double, a closed process keeps its outcome.
package store
