package execute

import (
	"strings"
	"testing"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/inference"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/schema"
)

const letterSDL = `type Letter @source(table: "letters") @key(fields: "id") { id: ID! @classify(as: NON_SENSITIVE) text: String @classify(as: FREE_TEXT)
	names: [NamedEntity!] @ner(text: "text") replies: [Letter!] @join(on: "id = to") to: ID @classify(as: NON_SENSITIVE) }`

// letters are two agencies' letters, with gaps; the tagger finds words in capitals.
func letters(t *testing.T) (*compose.Supergraph, map[string]source.Source) {
	t.Helper()
	sg, problems := compose.Compose([]compose.File{{Name: "east.graphqls", Agency: "east", Text: letterSDL}, {Name: "west.graphqls", Agency: "west", Text: letterSDL}},
		compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatal(problems)
	}
	of := func(rows ...record) source.Source {
		return memory.New(map[string]*privacy.Table{"Letter": table("Letter", rows, []string{"id", "text", "to"})})
	}
	return sg, map[string]source.Source{
		"east": of(record{"id": "1", "text": "dear BOB and ANNA"}, record{"id": "3", "text": "nobody"}, record{"id": "5", "to": "1"}),
		"west": of(record{"id": "2", "text": "dear EVE", "to": "1"}, record{"id": "4", "text": "dear BOB and ANNA", "to": "1"}),
	}
}

func letterDecision(east, west policy.Ruling, texts ...policy.Ruling) *policy.Decision {
	d := &policy.Decision{Fields: map[policy.FieldKey]policy.Ruling{}, Rows: map[policy.TypeKey]predicate.Predicate{}}
	for i, agency := range []policy.AgencyID{"east", "west"} {
		d.Rows[policy.TypeKey{Agency: agency, Type: "Letter"}] = predicate.Always()
		for name, r := range map[string]policy.Ruling{"id": {Effect: policy.Allow}, "to": {Effect: policy.Allow}, "replies": {Effect: policy.Allow},
			"text": texts[i], "names": []policy.Ruling{east, west}[i]} {
			d.Fields[policy.FieldKey{Agency: agency, Coordinate: privacy.Coordinate("Letter." + name)}] = r
		}
	}
	return d
}

var (
	allowed    = policy.Ruling{Effect: policy.Allow}
	denied     = policy.Ruling{Effect: policy.Deny}
	redacted   = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: "redact"}}
	labelsOnly = policy.Ruling{Effect: policy.Transform, Obligation: privacy.Obligation{Method: policy.Labels}, Declassified: true}
)

// Rows of two agencies lie between each other; each is read, and shown, as its own agency says.
func TestEachRowIsReadAsItsOwnAgencySays(t *testing.T) {
	sg, sources := letters(t)
	const query = `{ letters(orderBy: [{field: id}]) { nodes { id names { text label start } } } }`
	const bob, anna, eve = `{"text":"BOB","label":"CAP","start":5}`, `{"text":"ANNA","label":"CAP","start":13}`, `{"text":"EVE","label":"CAP","start":5}`
	const hidden = `{"text":null,"label":"CAP","start":null}`
	row := func(id, names string) string { return `{"id":"` + id + `","names":` + names + `}` }
	for name, c := range map[string]struct {
		decision *policy.Decision
		rows     []string
		asked    string
	}{
		"both raw": {letterDecision(allowed, allowed, allowed, allowed), []string{row("1", "["+bob+","+anna+"]"), row("2", "["+eve+"]"), row("3", "[]"),
			row("4", "["+bob+","+anna+"]"), row("5", "null")}, "dear BOB and ANNA|nobody|dear EVE"},
		"labels of one": {letterDecision(labelsOnly, allowed, denied, allowed), []string{row("1", "["+hidden+","+hidden+"]"), row("2", "["+eve+"]"), row("3", "[]"),
			row("4", "["+bob+","+anna+"]"), row("5", "null")}, "dear BOB and ANNA|nobody|dear EVE"},
		"one denied": {letterDecision(denied, allowed, allowed, allowed), []string{row("1", "null"), row("2", "["+eve+"]"), row("3", "null"),
			row("4", "["+bob+","+anna+"]"), row("5", "null")}, "dear EVE|dear BOB and ANNA"},
		"one redacted": {letterDecision(allowed, allowed, redacted, allowed), []string{row("1", `[{"text":"[REDACTED]","label":"CAP","start":0}]`), row("2", "["+eve+"]"),
			row("3", `[{"text":"[REDACTED]","label":"CAP","start":0}]`), row("4", "["+bob+","+anna+"]"), row("5", "null")}, "[REDACTED]|dear EVE|dear BOB and ANNA"},
	} {
		t.Run(name, func(t *testing.T) {
			x, tagger := executor(t, sources), &capitals{}
			var err error
			if x.Names, err = NewNames(tagger); err != nil {
				t.Fatal(err)
			}
			a := authorize(t, sg, query, c.decision)
			x.answer(t.Context(), a, partner).is(t, `{"letters":{"nodes":[`+strings.Join(c.rows, ",")+`]}}`)
			if got := strings.Join(tagger.asked, "|"); got != c.asked {
				t.Errorf("the models read %q, want %q", got, c.asked)
			}
		})
	}
}

// A page's cut, its direction and lists below parents keep each name with its row.
func TestNamesStayWithTheirRows(t *testing.T) {
	sg, sources := letters(t)
	x := executor(t, sources)
	var err error
	if x.Names, err = NewNames(&capitals{}); err != nil {
		t.Fatal(err)
	}
	d := letterDecision(allowed, allowed, allowed, allowed)
	const eve, both = `{"text":"EVE"}`, `{"text":"BOB"},{"text":"ANNA"}`
	for query, want := range map[string]string{
		`{ letters(orderBy: [{field: id, direction: DESC}], first: 2) { nodes { id names { text } } } }`: `{"letters":{"nodes":[{"id":"5","names":null},{"id":"4","names":[` + both + `]}]}}`,
		`{ letters(orderBy: [{field: id}], last: 4) { nodes { names { text } } } }`:                      `{"letters":{"nodes":[{"names":[` + eve + `]},{"names":[]},{"names":[` + both + `]},{"names":null}]}}`,
		`{ letter(id: "1") { names { text } replies(orderBy: [{field: id}], first: 2) { nodes { id n: names { t: text __typename } } } } }`: `{"letter":{"names":[` + both + `],"replies":{"nodes":[{"id":"2","n":[{"t":"EVE","__typename":"NamedEntity"}]},` +
			`{"id":"4","n":[{"t":"BOB","__typename":"NamedEntity"},{"t":"ANNA","__typename":"NamedEntity"}]}]}}}`,
		`{ letters(where: {id: {eq: "9"}}) { nodes { names { text } } } }`: `{"letters":{"nodes":[]}}`,
	} {
		x.answer(t.Context(), authorize(t, sg, query, d), partner).is(t, want)
	}
}

func TestModelsThatFailCostTheFieldAndNameThemselvesNowhere(t *testing.T) {
	sg, sources := letters(t)
	x := executor(t, sources)
	var err error
	if x.Names, err = NewNames(&capitals{fail: inference.ErrOverloaded}); err != nil {
		t.Fatal(err)
	}
	a := authorize(t, sg, `{ letters(orderBy: [{field: id}], first: 1) { nodes { id names { text } replies { nodes { id } } } } }`, letterDecision(allowed, allowed, allowed, allowed))
	x.answer(t.Context(), a, partner).is(t, `{"letters":{"nodes":[{"id":"1","names":null,"replies":{"nodes":[{"id":"2"},{"id":"4"},{"id":"5"}]}}]}}`,
		"INFERENCE_OVERLOADED letters.nodes")
	if res := x.Run(t.Context(), a, partner); res.Models != "" {
		t.Errorf("models that said nothing are named: %q", res.Models)
	}
}
