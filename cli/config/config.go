// Package config reads concordat.yaml: one file, validated whole, with every mistake listed as
// `file:line: path: message`.
//
//	c, err := config.Load("concordat.yaml", os.Getenv)
//
// Unknown keys are errors. Secrets are given only as references (`file:` or `env:`); paths are relative to the file.
package config

import (
	"time"

	"concordat/federation"
	"concordat/policy"
	"concordat/policy/authn"
)

// Config is what a gateway needs to run. The zero value is refused; Load and the demo make one.
type Config struct {
	Listen     string             // address of the public listener
	Admin      string             // address of the metrics listener, "" for none
	State      string             // directory of the store and the keys
	Origin     string             // name of the ledger, a C2SP origin line
	Resource   string             // URL that callers reach the gateway under
	Schemas    string             // directory of *.graphqls, one for each agency
	Policies   string             // directory with a folder of *.rego for each agency
	Bundles    *policy.Signatures // nil: unsigned bundles are taken, for development
	Agreements string             // directory of *.yaml
	Agents     *Agents            // nil: no agents, and no secure aggregation
	Sources    string             // file
	Data       string             // directory that the sources' files are relative to
	Trusted    []authn.Trusted
	Limits     federation.Limits
	Deadline   time.Duration // of one request
	MaxRows    int           // of one fetch

	RequestRows int // rows of all fetches of one request
	RequestMiB  int // what they hold
}

// Defaults of what a configuration may leave out.
const (
	DefaultDeadline = 10 * time.Second
	DefaultMaxRows  = 50_000

	DefaultRequestRows = 200_000
	DefaultRequestMiB  = 256
)
