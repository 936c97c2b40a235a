// Package scenario runs a policy's YAML scenarios: what a persona sees, said by an officer who writes no Rego.
//
//	# hospital_a/scenarios.yaml
//	- name: the partner sees Norvale only, and no notes
//	  persona: partner
//	  purpose: care-coordination        # one of the persona's; its first where left out
//	  time: 2025-06-01T09:00:00Z        # when it is asked; noon of 2025-01-01 where left out
//	  query: "{ admissions { nodes { ward note } } }"
//	  answer: {denied: [Admission.note]}             # or: invalid, refused
//	  fields: {Admission.note: deny, Admission.patientId: transform pseudonym}
//	  rows:
//	    - {type: Admission, row: {region: Norvale, ward: Emergency}, seen: true, values: {ward: Emergency}}
//	    - {type: Admission, row: {region: Sudholm}, seen: false}
//	  minimumGroup: 5
//
//	report, err := scenario.Run(ctx, files, scenario.Options{Policy: options, Personas: personas, ...})
//
// A field or row is of the agency in whose bundle the file lies; `agency: NAME` says otherwise. The report also counts
// for each rule the scenarios in which it spoke. A scenario tests what policy decides and what transforms make of
// values; it asks no source.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"time"

	"concordat/policy"
	"concordat/privacy"
)

// ErrFile means that a file is not a list of scenarios; the message says where.
var ErrFile = errors.New("not a scenario")

// File is a scenario file of one agency's bundle.
type File struct {
	Name   string
	Agency policy.AgencyID
	Text   []byte
}

// Answer is what becomes of a document under a decision.
type Answer struct {
	Invalid bool     // for this subject the schema has no such field
	Refused bool     // FILTER_NOT_PERMITTED
	Denied  []string // coordinates that are denied, sorted
}

// Options of a run. Policy.Now is ignored: a scenario says its time.
type Options struct {
	Policy   policy.Options
	Personas map[string]policy.Subject
	// Transforms make values; nil: scenarios with values fail.
	Transforms privacy.Transforms
	// Ask plans a document in a subject's view and cuts it down; nil: scenarios with queries fail.
	Ask func(document string, view *policy.Profile, decide func(policy.Request) (*policy.Decision, error)) (Answer, error)
}

// Result is one scenario; it passed where nothing failed.
type Result struct {
	File     string
	Line     int
	Name     string
	Failures []string
}

// Report is every result, and in how many scenarios each rule spoke.
type Report struct {
	Results []Result
	Rules   []policy.Rule
	Spoke   map[policy.Rule]int
}

// runner holds what one run needs.
type runner struct {
	Options
	inspector *policy.Inspector
	now       time.Time
	spoke     map[policy.Rule]int
}

// Run runs every scenario. The error is a *policy.LoadError, one that wraps ErrFile, or the context's.
func Run(ctx context.Context, files []File, o Options) (*Report, error) {
	r := &runner{Options: o, spoke: map[policy.Rule]int{}}
	r.Policy.Now = func() time.Time { return r.now }
	var all []*scenario
	for _, f := range files {
		list, err := parse(f)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	var err error
	if r.inspector, err = policy.Inspect(ctx, r.Policy); err != nil {
		return nil, err
	}
	report := &Report{Rules: r.inspector.Rules(), Spoke: r.spoke}
	for _, s := range all {
		failures, err := r.run(ctx, s)
		if err != nil {
			return nil, err
		}
		report.Results = append(report.Results, Result{File: s.file, Line: s.line, Name: s.Name, Failures: failures})
	}
	return report, nil
}

// Passed reports whether every scenario passed.
func (r *Report) Passed() bool {
	for _, one := range r.Results {
		if len(one.Failures) > 0 {
			return false
		}
	}
	return true
}

// check is the work on one scenario.
type check struct {
	*runner
	*scenario
	subject  policy.Subject
	decision *policy.Decision
	failures []string
}

func (c *check) fail(format string, args ...any) {
	c.failures = append(c.failures, fmt.Sprintf(format, args...))
}

func (r *runner) run(ctx context.Context, s *scenario) ([]string, error) {
	c := &check{runner: r, scenario: s}
	if !c.who() {
		return c.failures, nil
	}
	r.now = s.at
	request := c.everything()
	var err error
	if c.decision, err = r.inspector.Engine().Decide(ctx, c.subject, request); err != nil {
		return nil, err
	}
	if err := c.listen(ctx, request); err != nil {
		return nil, err
	}
	c.fields()
	for _, row := range s.Rows {
		c.row(row)
	}
	if s.MinimumGroup != nil && *s.MinimumGroup != c.decision.Limits.MinimumGroup {
		c.fail("the minimum group is %d, not %d", c.decision.Limits.MinimumGroup, *s.MinimumGroup)
	}
	if s.Query != "" {
		err = c.ask(ctx)
	}
	return c.failures, err
}

// who is the scenario's subject; false where there is none.
func (c *check) who() bool {
	c.subject = c.Subject.subject()
	if c.Persona != "" {
		known, ok := c.Personas[c.Persona]
		if !ok {
			c.fail("there is no persona %s", c.Persona)
			return false
		}
		c.subject = known
	}
	if c.Purpose != "" {
		c.subject.Purpose = c.Purpose
	}
	return true
}

// everything that the policy of the scenario's agencies decides.
func (c *check) everything() policy.Request {
	agencies := map[policy.AgencyID]bool{c.agency: true}
	for _, row := range c.Rows {
		agencies[c.of(row.Agency)] = true
	}
	r := policy.Request{Operation: "query"}
	types := map[policy.TypeKey]bool{}
	for _, f := range c.Policy.Catalog.Fields {
		if !agencies[f.Agency] {
			continue
		}
		r.Fields = append(r.Fields, policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate})
		if k := (policy.TypeKey{Agency: f.Agency, Type: f.Type}); !types[k] {
			types[k] = true
			r.Types = append(r.Types, k)
		}
	}
	return r
}

func (c *check) of(agency string) policy.AgencyID {
	if agency != "" {
		return policy.AgencyID(agency)
	}
	return c.agency
}

// listen counts the rules that speak in this scenario.
func (c *check) listen(ctx context.Context, request policy.Request) error {
	heard := map[policy.Rule]bool{}
	for _, id := range []policy.AgencyID{c.agency, policy.Gateway} {
		said, err := c.inspector.Spoken(ctx, id, c.subject, "query")
		if err != nil {
			return err
		}
		for _, s := range said {
			heard[s.Rule] = true
		}
	}
	for _, k := range request.Types {
		said, err := c.inspector.Rows(ctx, c.subject, "query", k)
		if err != nil {
			return err
		}
		for _, s := range said {
			heard[s.Rule] = heard[s.Rule] || !s.Rows.IsNever()
		}
	}
	for rule, spoke := range heard {
		if spoke {
			c.spoke[rule]++
		}
	}
	return nil
}
