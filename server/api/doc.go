// Package api is what oapi-codegen makes of ../openapi.yaml: the types of the
// API, the routing that package server implements, and a client.
//
// What does not belong here: anything written by hand. To change the API,
// change the document and run go generate.
package api

//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config server.cfg.yaml ../openapi.yaml
//go:generate go tool -modfile=../../tools/go.mod oapi-codegen -config client.cfg.yaml ../openapi.yaml
