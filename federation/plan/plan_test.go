package plan

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"golang.org/x/tools/txtar"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
	"concordat/schema"
)

var update = flag.Bool("update", false, "write what was found into the archives")

// Each archive is agencies' SDL, a query, variables, a decision and the restricted plan. A decision has a line for
// each ruling: `AGENCY COORDINATE EFFECT [METHOD]`, or `AGENCY TYPE rows`; what it does not name is denied.
func TestRestrictedPlans(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runArchive(t, file) })
	}
}

func runArchive(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{}
	var sdl []compose.File
	for _, f := range a.Files {
		parts[f.Name] = string(f.Data)
		if agency, ok := strings.CutSuffix(f.Name, ".graphqls"); ok {
			sdl = append(sdl, compose.File{Name: f.Name, Agency: policy.AgencyID(agency), Text: string(f.Data)})
		}
	}
	sg, problems := compose.Compose(sdl, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	got := planText(t, sg, parts)
	if got == parts["plan.txt"] {
		return
	}
	if !*update {
		t.Fatalf("plan:\n%s\nwant:\n%s", got, parts["plan.txt"])
	}
	for i := range a.Files {
		if a.Files[i].Name == "plan.txt" {
			a.Files[i].Data = []byte(got)
		}
	}
	if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
		t.Fatal(err)
	}
}

func planText(t *testing.T, sg *compose.Supergraph, parts map[string]string) string {
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, parts["query.graphql"], rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatalf("query: %v", errs)
	}
	variables := map[string]any{}
	if text := parts["variables.json"]; text != "" {
		if err := json.Unmarshal([]byte(text), &variables); err != nil {
			t.Fatal(err)
		}
	}
	conditions := Conditions{}
	d := Read(doc, doc.Operations[0])
	for _, name := range d.Conditions {
		conditions[name], _ = variables[name].(bool)
	}
	p, err := Build(sg, d, conditions)
	if err != nil {
		return "build: " + err.Error() + "\n"
	}
	b, err := p.Bind(d, variables)
	var input *InputError
	if errors.As(err, &input) {
		return fmt.Sprintf("bind: %s at %s\n", input.Message, strings.Join(input.Path, "."))
	}
	if err != nil {
		t.Fatal(err)
	}
	authorized, err := Restrict(b, readDecision(t, parts["decision.txt"]), deid.New())
	var refused *NotPermittedError
	if errors.As(err, &input) {
		return fmt.Sprintf("restrict: %s at %s\n", input.Message, strings.Join(input.Path, "."))
	}
	if errors.As(err, &refused) {
		return fmt.Sprintf("restrict: %s at %s\n", refused.Coordinate, strings.Join(refused.Path, "."))
	}
	if err != nil {
		t.Fatal(err)
	}
	return authorizedText(authorized)
}

var effects = map[string]policy.Effect{"allow": policy.Allow, "transform": policy.Transform, "aggregate": policy.Aggregate, "encrypted": policy.Encrypted,
	"deny": policy.Deny, "invisible": policy.Invisible}

func readDecision(t *testing.T, text string) *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 3 && f[2] == "rows":
			d.Rows[policy.TypeKey{Agency: policy.AgencyID(f[0]), Type: f[1]}] = predicate.Always()
		case len(f) >= 3 && effects[f[2]] != 0:
			r := policy.Ruling{Effect: effects[f[2]], Declassified: f[len(f)-1] == "declassified"}
			if r.Declassified {
				f = f[:len(f)-1]
			}
			if len(f) >= 4 {
				r.Obligation = privacy.Obligation{Method: f[3], Arguments: strings.Join(f[4:], "")}
			}
			d.Fields[policy.FieldKey{Agency: policy.AgencyID(f[0]), Coordinate: privacy.Coordinate(f[1])}] = r
		case len(f) == 2 && f[0] == "minimum":
			fmt.Sscan(f[1], &d.Limits.MinimumGroup)
		default:
			t.Fatalf("decision: %q", line)
		}
	}
	return d
}

func authorizedText(a *Authorized) string {
	var w strings.Builder
	for i := range a.Steps() {
		s := &a.Steps()[i]
		fmt.Fprintf(&w, "step %d %s %s", s.ID, strings.Join(s.Path, "."), s.Entity.Name)
		if s.Denied {
			fmt.Fprint(&w, " denied")
		}
		if s.Parent != nil {
			fmt.Fprintf(&w, " after %d on %s", s.Parent.ID, s.Join.Join.To)
		}
		if len(s.Unjoined) > 0 {
			fmt.Fprintf(&w, " not from %v", s.Unjoined)
		}
		if len(s.Withheld) > 0 {
			fmt.Fprintf(&w, " without %v", s.Withheld)
		}
		if s.Shared != nil && s.Shared.Leads(s) {
			for _, a := range s.Shared.along(&s.Shared.Parts[0]) {
				fmt.Fprintf(&w, " with %d", a.Step)
			}
		}
		fmt.Fprintln(&w)
		for j := range s.Parts {
			p := &s.Parts[j]
			q := s.Query(p)
			fmt.Fprintf(&w, "  %s select %v order %v limit %d aggregate %t\n", p.Agency, p.Select, q.Order, q.Limit, q.Aggregate != nil)
			if len(s.Derived) > 0 {
				fmt.Fprintf(&w, "    where %s\n", spell(p.Where))
			}
			if q.Aggregate != nil && len(s.Derived) > 0 {
				fmt.Fprintf(&w, "    group %v measures %v\n", q.Aggregate.Group, spellMeasures(q.Aggregate.Measures))
			}
			if j == 0 {
				fmt.Fprint(&w, relatedText(s, "    "))
			}
			if s.Kind == Group && len(s.called)+len(s.Spreads()) > 0 {
				fmt.Fprintf(&w, "    having %s order %v\n", spell(s.Having), s.GroupOrder)
			}
			for _, field := range s.Spreads() {
				fmt.Fprintf(&w, "    values %v\n", spellKeys(s.Spread(p, field).Aggregate.Group))
			}
			for _, o := range p.Outputs {
				fmt.Fprintf(&w, "    %s %s\n", o.As, [...]string{"refused", "raw", "transformed", "denied"}[o.Release])
			}
			for _, c := range p.Computed {
				fmt.Fprintf(&w, "    %s of %s %s:", c.Field.Name, c.Input.As, [...]string{"refused", "raw", "transformed", "denied"}[c.Input.Release])
				for _, o := range c.Outputs {
					fmt.Fprintf(&w, " %s %s", o.As, [...]string{"refused", "raw", "transformed", "denied"}[o.Release])
				}
				fmt.Fprintln(&w)
			}
		}
	}
	for i := range a.Steps() {
		for _, d := range a.Steps()[i].Derived {
			fmt.Fprintf(&w, "derived %s is %s %s\n", d.Name, cmp.Or(d.Obligation.Method, "the order hash"), d.Obligation.Arguments)
		}
	}
	for _, d := range a.Denials() {
		fmt.Fprintf(&w, "denied %s at %s\n", d.Coordinate, strings.Join(d.Path, "."))
	}
	for _, o := range a.Obligations() {
		fmt.Fprintf(&w, "obliged %s %s\n", o.Coordinate, o.Method)
	}
	fmt.Fprintf(&w, "reads %v\n", a.Coordinates())
	return w.String()
}

// relatedText writes the relations of a step's filter, and how they are used.
func relatedText(s *AuthorizedStep, indent string) string {
	var w strings.Builder
	for i := range s.Relations {
		r := &s.Relations[i]
		if i == 0 && len(s.Derived) == 0 {
			fmt.Fprintf(&w, "%swhere %s\n", indent, spell(s.Parts[0].Where))
		}
		fmt.Fprintf(&w, "%s%s is %s in %s.%s\n", indent, r.Mark, r.From, r.Step.Entity.Name, r.To)
		for j := range r.Step.Parts {
			p := &r.Step.Parts[j]
			fmt.Fprintf(&w, "%s  %s where %s\n", indent, p.Agency, spell(p.Where))
		}
		for _, d := range r.Step.Derived {
			fmt.Fprintf(&w, "%s  derived %s is %s %s\n", indent, d.Name, cmp.Or(d.Obligation.Method, "the order hash"), d.Obligation.Arguments)
		}
		fmt.Fprint(&w, relatedText(r.Step, indent+"  "))
	}
	return w.String()
}

// spell writes a predicate for people.
func spell(p predicate.Predicate) string {
	n := p.Node()
	var kids []string
	for _, k := range n.Kids {
		kids = append(kids, spell(k))
	}
	switch n.Kind {
	case predicate.KindAlways:
		return "always"
	case predicate.KindAnd, predicate.KindOr, predicate.KindNot:
		return map[predicate.Kind]string{predicate.KindAnd: "and", predicate.KindOr: "or", predicate.KindNot: "not"}[n.Kind] +
			"(" + strings.Join(kids, ", ") + ")"
	case predicate.KindCompare:
		return fmt.Sprintf("%s %s %s", n.Field, [...]string{"", "=", "!=", "<", "<=", ">", ">=", "starts with", "ends with", "contains", "like"}[n.Op], constantText(n.Value))
	case predicate.KindIn:
		for _, v := range n.Values {
			kids = append(kids, constantText(v))
		}
		return n.Field + " in [" + strings.Join(kids, ", ") + "]"
	case predicate.KindNull:
		return n.Field + " is null"
	}
	return "never"
}

func constantText(v predicate.Value) string {
	if v.Kind == predicate.TextValue {
		return fmt.Sprintf("%q", v.Text)
	}
	return fmt.Sprint(v.Int, v.Float)
}

func spellKeys(groups []source.Group) string {
	var out []string
	for _, g := range groups {
		out = append(out, fmt.Sprintf("%s grain %d as %s", g.Field, g.Grain, g.As))
	}
	return strings.Join(out, ", ")
}

func spellMeasures(measures []source.Measure) string {
	var out []string
	for _, m := range measures {
		out = append(out, fmt.Sprintf("{%d %s %s}", m.Func, m.Field, m.As))
	}
	return "[" + strings.Join(out, " ") + "]"
}
