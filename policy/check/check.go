// Package check finds what is wrong or doubtful in a policy before it is live.
//
//	findings, err := check.Run(ctx, policy.Options{...}, check.Options{Personas: personas})
//	if check.Failed(findings) { ... }
//
// What would keep a gateway from loading the policy is an error, and so is a conflict that some subject would meet:
// names that exist nowhere or belong to another agency, rules outside the fragment that becomes a row condition,
// whatever OPA's strict mode refuses. What loads and may still not be meant is a warning: rules that no request can
// meet, scopes that nobody is granted, purposes for which nobody is given anything, fields that nobody decided.
//
// Subjects are the personas given and, for each agreement, each of its parties with each of its purposes and all of its
// scopes. A finding about subjects holds for those; the package does not claim to have tried all there could be.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"concordat/policy"
	"concordat/privacy"
)

// Severities of a Finding.
const (
	Error   = "error"
	Warning = "warning"
)

// Codes of findings beside those of policy.Problem.
const (
	CodeConflict  = "POLICY_CONFLICT"  // rules demand different transforms of one field
	CodeNever     = "POLICY_NEVER"     // a rule that no request can meet
	CodeUndecided = "POLICY_UNDECIDED" // a field that no rule gives to anybody
	CodeScope     = "POLICY_SCOPE"     // a scope that nobody is granted
	CodePurpose   = "POLICY_PURPOSE"   // a purpose of an agreement for which nobody is given anything
	CodeStatement = "POLICY_STATEMENT" // a computed statement that is not valid when it is made
)

// Finding is one thing to mend or to look at.
type Finding struct {
	Severity   string `json:"severity"`
	Code       string `json:"code"`
	File       string `json:"file"`
	Line       int    `json:"line"`
	Coordinate string `json:"coordinate"`
	Message    string `json:"message"`
}

func (f Finding) String() string {
	where := f.File
	if f.Line > 0 {
		where = fmt.Sprintf("%s:%d", f.File, f.Line)
	}
	for _, part := range []string{f.Coordinate, f.Severity} {
		if part != "" && where != "" {
			where += ": "
		}
		where += part
	}
	return fmt.Sprintf("%s: %s (%s)", where, f.Message, f.Code)
}

// Persona is a subject under a name.
type Persona struct {
	Name    string
	Subject policy.Subject
}

// Failed reports whether a finding is an error.
func Failed(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// Run checks what Options would load, for the personas given and those that the agreements imply. The error is one of
// the evaluation, never one of the policy's.
func Run(ctx context.Context, o policy.Options, personas []Persona) ([]Finding, error) {
	x, err := policy.Inspect(ctx, o)
	var refused *policy.LoadError
	switch {
	case errors.As(err, &refused):
		return Refusals(refused), nil
	case err != nil:
		return nil, err
	}
	c := &checker{inspector: x, options: o, personas: append(slices.Clone(personas), Implied(o.Agreements)...),
		spoke: map[policy.Rule]bool{}, decided: map[policy.FieldKey]bool{}, knows: map[policy.FieldKey][]string{}, given: map[aim]bool{}}
	if err := c.ask(ctx); err != nil {
		return nil, err
	}
	if err := c.never(ctx); err != nil {
		return nil, err
	}
	c.undecided(len(personas))
	c.scopes()
	c.purposes()
	return sorted(c.findings), nil
}

// Refusals are the findings of a policy that cannot be loaded.
func Refusals(refused *policy.LoadError) []Finding {
	var out []Finding
	for _, p := range refused.Problems {
		out = append(out, Finding{Severity: Error, Code: p.Code, File: p.File, Line: p.Line, Coordinate: p.Coordinate, Message: p.Message})
	}
	return out
}

// Implied are the subjects that agreements speak of.
func Implied(agreements map[string]any) []Persona {
	var out []Persona
	for id, content := range agreements {
		doc, _ := content.(map[string]any)
		for _, party := range texts(doc["parties"]) {
			for _, purpose := range texts(doc["purposes"]) {
				out = append(out, Persona{Name: fmt.Sprintf("%s under %s for %s", party, id, purpose),
					Subject: policy.Subject{ID: "implied", Organisation: party, Client: "implied", Agreement: id, Purpose: purpose,
						Purposes: texts(doc["purposes"]), Scopes: texts(doc["scopes"])}})
			}
		}
	}
	slices.SortFunc(out, func(a, b Persona) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func texts(value any) []string {
	list, _ := value.([]any)
	var out []string
	for _, v := range list {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sorted(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity, b.Severity), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Coordinate, b.Coordinate), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(findings)
}

// checker gathers findings over the subjects.
type checker struct {
	inspector *policy.Inspector
	options   policy.Options
	personas  []Persona
	spoke     map[policy.Rule]bool         // rules that said something to somebody
	decided   map[policy.FieldKey]bool     // fields that some rule decides for somebody
	knows     map[policy.FieldKey][]string // for each undecided field, whose schema shows its name
	given     map[aim]bool                 // for what somebody is given something
	findings  []Finding
}

// aim is a purpose under an agreement.
type aim struct{ agreement, purpose string }

func (c *checker) add(severity, code string, r policy.Rule, coordinate, format string, args ...any) {
	c.findings = append(c.findings, Finding{Severity: severity, Code: code, File: r.File, Line: r.Line, Coordinate: coordinate,
		Message: fmt.Sprintf(format, args...)})
}

// ask puts every subject to every bundle and to every row rule.
func (c *checker) ask(ctx context.Context) error {
	byAgency := map[policy.AgencyID][]policy.Field{}
	for _, f := range c.options.Catalog.Fields {
		byAgency[f.Agency] = append(byAgency[f.Agency], f)
	}
	conflicts := map[string][]string{}
	for _, p := range c.personas {
		if err := c.gateway(ctx, p); err != nil {
			return err
		}
		for id, fields := range byAgency {
			if err := c.agency(ctx, p, id, fields, conflicts); err != nil {
				return err
			}
		}
	}
	for message, names := range conflicts {
		rule, text := split(message)
		c.add(Error, CodeConflict, rule, text[0], "%s; denied to %s", text[1], some(names))
	}
	return nil
}

func (c *checker) gateway(ctx context.Context, p Persona) error {
	said, err := c.inspector.Spoken(ctx, policy.Gateway, p.Subject, "query")
	if err != nil {
		return err
	}
	c.heard(said)
	return nil
}

func (c *checker) heard(said []policy.Spoken) {
	for _, s := range said {
		c.spoke[s.Rule] = true
		if s.Wrong != "" {
			code := CodeStatement
			if s.Unknown {
				code = policy.CodeUnknown
			}
			c.add(Error, code, s.Rule, string(s.Coordinate)+s.On+s.Classification, "%s", s.Wrong)
		}
	}
}

func (c *checker) agency(ctx context.Context, p Persona, id policy.AgencyID, fields []policy.Field, conflicts map[string][]string) error {
	said, err := c.inspector.Spoken(ctx, id, p.Subject, "query")
	if err != nil {
		return err
	}
	c.heard(said)
	named := index(said)
	request := policy.Request{Operation: "query"}
	types := map[string]bool{}
	for _, f := range fields {
		request.Fields = append(request.Fields, policy.FieldKey{Agency: id, Coordinate: f.Coordinate})
		types[f.Type] = true
	}
	decision, err := c.inspector.Engine().Decide(ctx, p.Subject, request)
	if err != nil {
		return err
	}
	for i, f := range fields {
		k, ruling := request.Fields[i], decision.Field(request.Fields[i])
		if named.speaks(f) {
			c.decided[k] = true
		}
		if ruling.Effect != policy.Invisible {
			c.knows[k] = append(c.knows[k], p.Name)
		}
		if ruling.Effect < policy.Deny {
			c.given[aim{p.Subject.Agreement, p.Subject.Purpose}] = true
		}
		if ruling.Conflict {
			key := conflictKey(said, f)
			conflicts[key] = append(conflicts[key], p.Name)
		}
	}
	return c.rows(ctx, p, id, types)
}

func (c *checker) rows(ctx context.Context, p Persona, id policy.AgencyID, types map[string]bool) error {
	for _, r := range c.inspector.Rules() {
		if r.Type == "" || r.Agency != id && r.Agency != policy.Gateway || !types[r.Type] || c.spoke[r] {
			continue
		}
		said, err := c.inspector.Rows(ctx, p.Subject, "query", policy.TypeKey{Agency: id, Type: r.Type})
		if err != nil {
			c.add(Error, policy.CodeFragment, r, r.Type, "for %s: %s", p.Name, err)
			continue
		}
		for _, s := range said {
			c.spoke[s.Rule] = c.spoke[s.Rule] || !s.Rows.IsNever()
		}
	}
	return nil
}

// statements by what they name.
type statements struct {
	coordinates map[privacy.Coordinate]bool
	types       map[string]bool
	classes     map[string]bool
}

func index(said []policy.Spoken) statements {
	s := statements{map[privacy.Coordinate]bool{}, map[string]bool{}, map[string]bool{}}
	for _, one := range said {
		if one.Kind == "fields" {
			s.coordinates[one.Coordinate], s.types[one.On], s.classes[one.Classification] = true, true, true
		}
	}
	return s
}

func (s statements) speaks(f policy.Field) bool {
	return s.coordinates[f.Coordinate] || s.types[f.Type] || s.classes[f.Classification]
}
