// Package server is the HTTP API. Its contract is openapi.yaml, from which the
// routing, the types and a client are generated into package api; requests are
// checked against the same document.
//
// What belongs here: who asks, whether they may, what the request says, and
// how the answer looks. What does not: rules about processes (package itsm,
// run by package workflows), writing a view, and SQL.
package server
