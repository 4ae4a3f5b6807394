package main

import (
	"slices"
	"strings"
)

// How far a constructor came before it gave up.
const (
	// parse: the metadata was refused.
	parse = "parse"
	// build: the metadata was taken, and a client could not be made of it (a certificate, a connection string).
	build = "build"
	// connect: the backend, or credentials of the operator's own environment, were not there. KEDA took the spec.
	connect = "connect"
	// panicked: the constructor panicked, which stops the reconcile, or on an update the whole operator.
	panicked = "panic"
)

// parsing lists the prefixes that a constructor puts before a refusal of its metadata. A type in laxParsers is
// exempt: there everything without one of its own prefixes is a refusal.
var parsing = []string{
	"error getting scaler metric type",
	"error getting external scaler metric type",
	"failed to get scaler metric type",
	"error parsing ",
	"failed to parse ",
	"unable to get eventhub metadata",
	"failed to initialize Log Analytics scaler",
}

// laxParsers hand on the parser's error bare; the value is what their later errors begin with.
var laxParsers = map[string]string{
	"datadog":                 "never",
	"mssql":                   "error establishing mssql connection",
	"solace-direct-messaging": "never",
	"solace-event-queue":      "never",
}

// unreachable are marks of an absent backend in the texts of the standard library and of the clients KEDA uses.
var unreachable = []string{
	"dial tcp", "dial udp", "connect: ", "network is unreachable", "connection refused", "no such host",
	"server misbehaving", "i/o timeout", "deadline exceeded", "context canceled", "Client.Timeout",
	"server selection error", "no available brokers", "Unavailable desc", "unable to create session",
	"run out of available brokers", "no reachable", "all sentinels specified in configuration are unreachable",
	"could not find default credentials", "no client ID specified", "no tenant ID specified",
	"no token file specified", "failed to connect to", "failed to ping", "error connecting to", "lookup ",
	"error reading service account token", "failed to retrieve credentials", "no EC2 IMDS role found",
	"no hosts available", "unable to connect to initial hosts", "ChainedTokenCredential", "no children to pick from",
}

// buildFirst begin like a refusal of the metadata and come later.
var buildFirst = []string{"error parsing RabbitMQ connection string"}

func stageOf(triggerType string, err error) string {
	text := err.Error()
	// azure-pipelines asks its server for the pool while it parses: the only parser that dials.
	if triggerType == "azure-pipelines" && startsWithAny(text, parsing) && containsAny(text, unreachable) {
		return connect
	}
	if later, lax := laxParsers[triggerType]; lax && !strings.HasPrefix(text, later) {
		return parse
	}
	if startsWithAny(text, parsing) && !startsWithAny(text, buildFirst) {
		return parse
	}
	if containsAny(text, unreachable) {
		return connect
	}
	return build
}

func startsWithAny(text string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(text, p) })
}

func containsAny(text string, marks []string) bool {
	return slices.ContainsFunc(marks, func(m string) bool { return strings.Contains(text, m) })
}
