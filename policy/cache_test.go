package policy_test

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"concordat/policy"
)

// changes alter one fact of the analyst each.
func changes() map[string]func(*policy.Subject) {
	return map[string]func(*policy.Subject){
		"id":           func(s *policy.Subject) { s.ID = "u2" },
		"organisation": func(s *policy.Subject) { s.Organisation = "other" },
		"client":       func(s *policy.Subject) { s.Client = "other" },
		"scopes":       func(s *policy.Subject) { s.Scopes = []string{"query", "ledger:read"} },
		"agreement":    func(s *policy.Subject) { s.Agreement = "a2" },
		"purposes":     func(s *policy.Subject) { s.Purposes = []string{"research", "audit"} },
		"persona":      func(s *policy.Subject) { s.Persona = "other" },
		"anonymous":    func(s *policy.Subject) { s.Anonymous = true },
		"purpose":      func(s *policy.Subject) { s.Purpose = "audit" },
		"token":        func(s *policy.Subject) { s.TokenID, s.Issuer, s.Expires = "t2", "i2", time.Unix(9, 0) }, // never a fact
	}
}

// A profile's key separates two callers exactly by what the rules can reach, however they reach it.
func TestProfileKeyIsWhatRulesCanReach(t *testing.T) {
	const allow = `fields contains {"type": "Admission", "effect": "allow"} if `
	subject := []string{"id", "organisation", "client", "scopes", "agreement", "purposes", "persona", "anonymous"}
	cases := []struct {
		name, text string
		reads      []string
	}{
		{"nothing", `fields contains {"type": "Admission", "effect": "allow"}`, nil},
		{"one", allow + `input.subject.client == "app"`, []string{"client"}},
		{"in brackets", allow + `input["subject"]["client"] == "app"`, []string{"client"}},
		{"part of a list", allow + `input.subject.scopes[_] == "query"`, []string{"scopes"}},
		{"import", "import input.subject as who\n" + allow + `who.id == "u1"`, []string{"id"}},
		{"alias of the parent", allow + `{ who := input.subject; who.id == "u1" }`, subject},
		{"computed name", allow + `{ some k in ["id"]; input.subject[k] == "u1" }`, subject},
		{"whole input", allow + `object.get(input, ["subject", "id"], "") == "u1"`, append([]string{"purpose"}, subject...)},
		{"helper rule", "helper if input.subject.persona == \"x\"\n" + allow + "not helper", []string{"persona"}},
		{"function", "f(x) if x == input.purpose\n" + allow + `f("research")`, []string{"purpose"}},
		{"else", "h if { input.purpose == \"x\" } else if { input.subject.id == \"u1\" }\n" + allow + "h", []string{"purpose", "id"}},
		{"default", "default h := false\nh if input.subject.anonymous\n" + allow + "not h", []string{"anonymous"}},
		{"comprehension", allow + `count([1 | input.subject.id == "u1"]) == 1`, []string{"id"}},
		{"every", allow + `every s in input.subject.scopes { s != "x" }`, []string{"scopes"}},
		{"head", `fields contains {"type": "Admission", "effect": "allow", "reason": input.subject.id}`, []string{"id"}},
		{"key of data", allow + `data.agreements[input.subject.agreement]`, []string{"agreement"}},
		{"library", "import data.concordat.lib\n" + allow + `lib.has_scope("query")`, []string{"scopes"}},
		{"library twice", "import data.concordat.lib\n" + allow + `lib.purpose("research")`, []string{"purpose", "agreement"}},
		{"with", "h if input.purpose == \"x\"\n" + allow + `h with input.purpose as input.subject.id`, []string{"purpose", "id"}},
		{"sub-package", allow + "data.concordat.access.north.sub.h", []string{"client"}},
		{"computed rule", allow + `data.concordat.access.north.sub[input.subject.id]`, []string{"id", "client"}},
		{"a rule that indexing skips", allow + `{ input.purpose == "never"; input.subject.client == "app" }`, []string{"purpose", "client"}},
		{"limits", `limits contains {"minimumGroup": 5} if input.subject.id == "u1"`, []string{"id"}},
	}
	for _, c := range cases {
		e := rules{"north": c.text, "north/sub.rego": "package concordat.access.north.sub\nh if input.subject.client == \"app\""}.load(t)
		base := key(t, e, analyst())
		for name, change := range changes() {
			s := analyst()
			change(&s)
			want := false
			for _, r := range c.reads {
				want = want || r == name
			}
			if got := key(t, e, s) != base; got != want {
				t.Errorf("%s: %s separates: %v, want %v", c.name, name, got, want)
			}
		}
	}
}

func key(t *testing.T, e *policy.Engine, s policy.Subject) string {
	t.Helper()
	p, err := e.Profile(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return p.Key
}

// Rule indexing skips the second rule for the first caller, who therefore never reads `client`. A cache keyed by
// what an evaluation touched would then answer the second caller, who differs only there, from the first's entry.
func TestCacheSeparatesCallersByRulesThatIndexingSkipped(t *testing.T) {
	e := rules{"north": `
fields contains {"type": "Admission", "effect": "allow"} if input.purpose == "research"
fields contains {"type": "Admission", "effect": "deny"} if { input.subject.organisation == "institute"; input.subject.client == "banned" }
include.Admission if true
exclude.Admission if { input.subject.organisation == "institute"; input.subject.client == "banned" }
`}.load(t)
	first, second := analyst(), analyst()
	second.Client = "banned"
	for range 2 {
		if got := ruling(t, e, first, "north", "Admission.id"); got.Effect != policy.Allow {
			t.Fatalf("%+v", got)
		}
		if got := ruling(t, e, second, "north", "Admission.id"); got.Effect != policy.Deny {
			t.Fatalf("%+v", got)
		}
		if row(t, e, first, "north", "Admission").IsNever() || !row(t, e, second, "north", "Admission").IsNever() {
			t.Fatal("rows")
		}
	}
}

const varied = `
import data.concordat.lib
import input.subject as who
fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if lib.purpose("research")
fields contains {"classification": "SENSITIVE", "effect": "aggregate"} if { some s in who.scopes; s == "ledger:read" }
fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "redact"} if not who.anonymous
fields contains {"coordinate": "Admission.region", "effect": "invisible"} if input.subject.persona == "other"
fields contains {"coordinate": "Admission.id", "effect": "deny", "reason": who.client} if input.operation.type == "subscription"
limits contains {"minimumGroup": 7} if count(input.subject.purposes) > 1
include.Admission if input.row.region in lib.regions
include.Admission if { who.organisation == "other"; input.row.days > 3 }
exclude.Admission if input.row.patientId == who.id
`

// One engine that keeps everything answers as a new engine would, whoever asked before.
func TestCachedDecisionsAreThoseOfAFreshEngine(t *testing.T) {
	policies := rules{"north": varied, "south": `fields contains {"type": "Admission", "effect": "allow"} if input.subject.id == "u2"`}
	kept := policies.load(t)
	names := []string{"id", "organisation", "client", "scopes", "agreement", "purposes", "persona", "anonymous", "purpose", "token"}
	rapid.Check(t, func(t *rapid.T) {
		s := analyst()
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), 0, 3).Draw(t, "changes") {
			changes()[name](&s)
		}
		agency := rapid.SampledFrom([]policy.AgencyID{"north", "south"}).Draw(t, "agency")
		r := ask(agency, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"Admission.id", "Admission.note", "Admission.region", "Admission.score"}), 1, 3,
			rapid.ID[string]).Draw(t, "fields")...)
		r.Operation = rapid.SampledFrom([]string{"query", "subscription"}).Draw(t, "operation")
		fresh, err := policy.Load(context.Background(), policies.options())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := printed(t, kept, s, r), printed(t, fresh, s, r); got != want {
			t.Fatalf("%+v\nkept:  %s\nfresh: %s", s, got, want)
		}
	})
}

func printed(t *rapid.T, e *policy.Engine, s policy.Subject, r policy.Request) string {
	p, err := e.Profile(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	d, err := e.Decide(context.Background(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[policy.TypeKey]string{}
	for k, p := range d.Rows {
		rows[k] = show(p)
	}
	return fmt.Sprint(p.Key, p.Effects, p.Granted, d.Fields, d.Limits, rows)
}

func TestRulesThatReadTheClockAreDecidedAnew(t *testing.T) {
	for _, text := range []string{
		`input.context.time < "2025-06-01T13:00:00Z"`,
		`time.now_ns() < time.parse_rfc3339_ns("2025-06-01T13:00:00Z")`,
		`data.concordat.lib.today == "2025-06-01"`,
		`{ now := input.context; now.time < "2025-06-01T13:00:00Z" }`,
	} {
		o := rules{"north": "open if " + text + `
fields contains {"type": "Admission", "effect": "allow"} if open
include.Admission if open`}.options()
		now := time.Date(2025, 6, 1, 12, 59, 59, 0, time.UTC)
		o.Now = func() time.Time { return now }
		e, err := policy.Load(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		before := key(t, e, analyst())
		if got := ruling(t, e, analyst(), "north", "Admission.id"); got.Effect != policy.Allow || row(t, e, analyst(), "north", "Admission").IsNever() {
			t.Fatalf("%s: %+v", text, got)
		}
		if again := key(t, e, analyst()); again != before {
			t.Errorf("%s: the same outcome has two keys", text)
		}
		now = now.Add(24 * time.Hour)
		if got := ruling(t, e, analyst(), "north", "Admission.id"); got.Effect != policy.Deny || !row(t, e, analyst(), "north", "Admission").IsNever() {
			t.Errorf("%s: yesterday's answer: %+v", text, got)
		}
		if key(t, e, analyst()) == before {
			t.Errorf("%s: another view has the same key", text)
		}
	}
}

func TestProfileKnowsNoOperation(t *testing.T) {
	e := rules{"north": `
fields contains {"coordinate": "Admission.id", "effect": "allow"} if input.operation.type == "query"
fields contains {"coordinate": "Admission.note", "effect": "invisible"} if not input.operation`}.load(t)
	p, err := e.Profile(context.Background(), analyst())
	if err != nil {
		t.Fatal(err)
	}
	id, note := policy.FieldKey{Agency: "north", Coordinate: "Admission.id"}, policy.FieldKey{Agency: "north", Coordinate: "Admission.note"}
	if p.Granted || p.Effects[id] != policy.Deny || p.Effects[note] != policy.Invisible {
		t.Errorf("%v", p.Effects)
	}
	if got := ruling(t, e, analyst(), "north", "Admission.id"); got.Effect != policy.Allow {
		t.Error(got)
	}
}

func TestGrantedIsAnythingBetterThanDenied(t *testing.T) {
	for effect, want := range map[string]bool{"allow": true, "aggregate": true, "encrypted": true, "deny": false, "invisible": false} {
		e := rules{"north": statement(`"effect": "` + effect + `"`)}.load(t)
		p, err := e.Profile(context.Background(), analyst())
		if err != nil || p.Granted != want {
			t.Errorf("%s: granted %v %v", effect, p.Granted, err)
		}
	}
}

func TestRequestsThatReadAlikeAreNotMixed(t *testing.T) {
	e := rules{"north": `fields contains {"type": "Admission", "effect": "allow"}`}.load(t)
	a := policy.Request{Operation: "query", Fields: []policy.FieldKey{{Agency: "north", Coordinate: "Admission.id"}}}
	b := policy.Request{Operation: "query", Fields: []policy.FieldKey{{Agency: "nort", Coordinate: "hAdmission.id"}}}
	c := policy.Request{Operation: "query", Types: []policy.TypeKey{{Agency: "north", Type: "Admission.id"}}}
	elsewhere := policy.Request{Operation: "query", Fields: []policy.FieldKey{{Agency: "south", Coordinate: "Admission.id"}}}
	for range 2 {
		for _, r := range []policy.Request{a, elsewhere, b, c} {
			d := decide(t, e, analyst(), r)
			want := map[policy.FieldKey]bool{}
			for _, k := range r.Fields {
				want[k] = true
			}
			got := map[policy.FieldKey]bool{}
			for k := range d.Fields {
				got[k] = true
			}
			if !maps.Equal(got, want) {
				t.Errorf("%v answered %v", r, d.Fields)
			}
		}
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	e := rules{"north": varied, "north/data.json": `{"sets": {"shared": {"c": 1, "a": 2, "b": [3]}}}`, "gateway": `
fields contains {"coordinate": c, "effect": "deny"} if { some c, f in data.fields; f.classification == "SENSITIVE"; not c in data.agreements[input.subject.agreement].datasets }
limits contains {"minimumGroup": n} if { some k, n in data.sets.shared; k == input.subject.id }
exclude.Admission if input.row.region in data.sets.shared`}.load(t)
	done := make(chan error)
	for i := range 8 {
		go func() {
			s := analyst()
			s.ID = fmt.Sprint("u", i)
			var err error
			for range 20 {
				if _, e2 := e.Decide(context.Background(), s, ask("north", "Admission.id", "Admission.note")); e2 != nil {
					err = e2
				}
				if _, e2 := e.Profile(context.Background(), s); e2 != nil {
					err = e2
				}
			}
			done <- err
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// Engines follow each other while decisions are asked for: each is of one revision whole, and what the old
// ones kept is given back with them.
func TestEnginesThatFollowEachOtherMixNothingAndLeaveNothing(t *testing.T) {
	const engines = 250
	load := func(n int) *policy.Engine {
		text := fmt.Sprintf(`fields contains {"type": "Admission", "effect": "allow", "reason": "%d"}
limits contains {"minimumGroup": %[1]d}
include.Admission if input.row.days == %[1]d`, n)
		return rules{"north": text}.load(t)
	}
	var now atomic.Pointer[policy.Engine]
	now.Store(load(1))
	var over atomic.Bool
	var askers sync.WaitGroup
	for range 2 {
		askers.Go(func() {
			for i := 0; !over.Load(); i++ {
				s := analyst()
				s.ID = fmt.Sprint(i)
				d := decide(t, now.Load(), s, ask("north", "Admission.id", "Admission.note"))
				reason := d.Field(policy.FieldKey{Agency: "north", Coordinate: "Admission.note"}).Reason
				rows := d.Row(policy.TypeKey{Agency: "north", Type: "Admission"}).Node()
				if want := fmt.Sprint(d.Limits.MinimumGroup); reason != want || fmt.Sprint(rows.Value.Int) != want {
					t.Errorf("limits of %s, fields of %s, rows of %d", want, reason, rows.Value.Int)
				}
			}
		})
	}
	var early uint64
	for n := range engines {
		now.Store(load(n + 2))
		if n == engines/10 {
			early = heapHeld()
		}
	}
	over.Store(true)
	askers.Wait()
	if late := heapHeld(); late > early+8<<20 {
		t.Errorf("%d KiB are held, after a tenth of the engines it was %d", late>>10, early>>10)
	}
}

func heapHeld() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
