package execute

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"go.uber.org/goleak"

	"concordat/federation/compose"
	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
	"concordat/schema"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Stays are held by clinic and health, residents by archive and registry: both types are fused.
var sdl = map[policy.AgencyID]string{
	"health": `type Stay @source(name: "health", table: "stays") @key(fields: "id") { ` + stayColumns + `
		resident: Resident @join(on: "person = id") relative: Resident @join(on: "contact = id") }`,
	"clinic": `type Stay @source(name: "clinic", table: "visits") @key(fields: "id") { ` + stayColumns + ` }`,
	"registry": `type Resident @source(name: "registry", table: "people") @key(fields: "id") { ` + residentColumns + `
		stays: [Stay!] @join(on: "id = person") }`,
	"archive": `type Resident @source(name: "archive", table: "former") @key(fields: "id") { ` + residentColumns + ` }`,
}

const (
	stayColumns = `id: ID! @classify(as: NON_SENSITIVE) person: ID @classify(as: DIRECT_IDENTIFIER) contact: ID @classify(as: DIRECT_IDENTIFIER)
		ward: String @classify(as: NON_SENSITIVE) days: Int @classify(as: SENSITIVE) begun: Date @classify(as: QUASI_IDENTIFIER)`
	residentColumns = `id: ID! @classify(as: DIRECT_IDENTIFIER) name: String @classify(as: DIRECT_IDENTIFIER)`
)

// holders lists the agencies of each type in the order of their sources' names.
var holders = map[string][]policy.AgencyID{"Stay": {"clinic", "health"}, "Resident": {"archive", "registry"}}

var columns = map[string][]string{"Stay": {"id", "person", "contact", "ward", "days", "begun"}, "Resident": {"id", "name"}}

func compound(t testing.TB) *compose.Supergraph {
	t.Helper()
	var files []compose.File
	for _, agency := range []policy.AgencyID{"archive", "clinic", "health", "registry"} {
		files = append(files, compose.File{Name: string(agency) + ".graphqls", Agency: agency, Text: sdl[agency]})
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatalf("composition: %v", problems)
	}
	return sg
}

// record is a row of the reference: int64, string or nil by field.
type record map[string]any

// world is all rows, by agency.
type world map[policy.AgencyID][]record

func typeOf(agency policy.AgencyID) string {
	if slices.Contains(holders["Stay"], agency) {
		return "Stay"
	}
	return "Resident"
}

func (w world) sources() map[string]source.Source {
	out := map[string]source.Source{}
	for agency := range sdl {
		name := typeOf(agency)
		out[string(agency)] = memory.New(map[string]*privacy.Table{name: table(name, w[agency], columns[name])})
	}
	return out
}

func table(name string, rows []record, fields []string) *privacy.Table {
	t := &privacy.Table{Rows: len(rows)}
	for _, f := range fields {
		kind := map[string]privacy.Kind{"days": privacy.Int, "begun": privacy.Date}[f]
		if kind == 0 {
			kind = privacy.String
		}
		c := privacy.NewColumn(f, privacy.Coordinate(name+"."+f), kind, len(rows))
		for _, r := range rows {
			switch v := r[f].(type) {
			case int64:
				c.AppendInt(v)
			case string:
				c.AppendText(v)
			default:
				c.AppendNull()
			}
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// permissive allows everything; tests take away from it.
func permissive() *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for name, agencies := range holders {
		for _, agency := range agencies {
			d.Rows[policy.TypeKey{Agency: agency, Type: name}] = predicate.Always()
			for _, f := range append(columns[name], "resident", "relative", "stays") {
				d.Fields[field(agency, f)] = policy.Ruling{Effect: policy.Allow}
			}
		}
	}
	return d
}

func field(agency policy.AgencyID, name string) policy.FieldKey {
	return policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate(typeOf(agency) + "." + name)}
}

func authorize(t testing.TB, sg *compose.Supergraph, query string, d *policy.Decision) *plan.Authorized {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatalf("%s: %v", query, errs)
	}
	asked := plan.Read(doc, doc.Operations[0])
	p, err := plan.Build(sg, asked, plan.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bind(asked, nil)
	if err != nil {
		t.Fatal(err)
	}
	a, err := plan.Restrict(b, d, deid.New())
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return a
}

// bindError is what is wrong with a query's arguments.
func bindError(t testing.TB, query string) error {
	t.Helper()
	sg := compound(t)
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatalf("%s: %v", query, errs)
	}
	asked := plan.Read(doc, doc.Operations[0])
	p, err := plan.Build(sg, asked, plan.Conditions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Bind(asked, nil)
	return err
}

func executor(t testing.TB, sources map[string]source.Source) *Executor {
	t.Helper()
	cursors, err := NewCursors([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return &Executor{Sources: sources, Transforms: deid.New(), Cursors: cursors, MaxRows: 1000}
}

var partner = Caller{Scope: privacy.Scope{Agreement: "a1", Purpose: "care", Root: []byte(strings.Repeat("r", 32))}, Binding: []byte("partner")}

// written is the answer's data and its errors, each as `CODE at.path`, sorted.
type written struct {
	data   string
	errors []string
}

func (x *Executor) answer(ctx context.Context, a *plan.Authorized, c Caller) written {
	res := x.Run(ctx, a, c)
	data := []byte{'{'}
	for i, root := range a.Roots() {
		data = key(data, i, root.Key)
		data = res.Append(data, root, false)
	}
	var errs []string
	for _, e := range res.Errors {
		errs = append(errs, e.Code+" "+strings.Join(e.Path, "."))
	}
	slices.Sort(errs)
	return written{string(append(data, '}')), errs}
}

func (w written) is(t testing.TB, data string, errors ...string) {
	t.Helper()
	if w.data != data {
		t.Errorf("data:\n%s\nwant:\n%s", w.data, data)
	}
	if fmt.Sprint(w.errors) != fmt.Sprint(errors) {
		t.Errorf("errors: %v, want %v", w.errors, errors)
	}
}
