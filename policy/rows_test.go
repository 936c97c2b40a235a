package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"pgregory.net/rapid"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// record is one row of Admission; an absent field is NULL.
type record map[string]predicate.Value

func (r record) Value(field string) predicate.Value { return r[field] }

// input is the same row as Rego sees it.
func (r record) input() map[string]any {
	out := map[string]any{}
	for name, v := range r {
		switch v.Kind {
		case predicate.BoolValue:
			out[name] = v.Int == 1
		case predicate.IntValue:
			out[name] = json.Number(strconv.FormatInt(v.Int, 10))
		case predicate.FloatValue:
			out[name] = json.Number(strconv.FormatFloat(v.Float, 'g', -1, 64))
		case predicate.DecimalValue:
			out[name] = json.Number(v.Text)
		case predicate.TextValue:
			out[name] = v.Text
		case predicate.TimeValue:
			out[name] = time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
		}
	}
	return out
}

// A pool is the values of one field, small so that comparisons meet, and the same values as Rego writes them.
type pool struct {
	name    string
	values  []predicate.Value
	written []string
}

func pools() map[privacy.Kind][]pool {
	instant := func(text string) predicate.Value {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			panic(err)
		}
		return predicate.Micros(at.UnixMicro())
	}
	text := func(name string, all ...string) pool {
		p := pool{name: name}
		for _, s := range all {
			p.values, p.written = append(p.values, predicate.String(s)), append(p.written, strconv.Quote(s))
		}
		return p
	}
	return map[privacy.Kind][]pool{
		privacy.String: {text("region", "", "n", "north", "Nor", "北区", "s"), text("diagnosis", "n", "north", "x", "é", "e\u0301", "a%b", `a_b\`, `it's "so"`, "👩‍👧", " ", "X ")},
		privacy.Date:   {text("admittedOn", "2025-01-01", "2025-01-02", "1999-12-31")},
		privacy.Int:    {{"days", []predicate.Value{predicate.Int(0), predicate.Int(-3), predicate.Int(7)}, []string{"0", "-3", "7", "6.5", "7.0", "1e2", "-0.5"}}},
		privacy.BigInt: {{"serial", []predicate.Value{predicate.Int(9007199254740993), predicate.Int(9007199254740992), predicate.Int(-1), predicate.Int(1<<63 - 1)},
			[]string{"9007199254740993", "9007199254740992", "9223372036854775807", "9223372036854775808", "-1", "9007199254740992.5", "-1e30"}}},
		privacy.Float: {{"score", []predicate.Value{predicate.Float(0.1), predicate.Float(-2.5), predicate.Float(3)}, []string{"0.1", "-2.5", "3", "1e3"}}},
		privacy.Decimal: {{"cost", []predicate.Value{predicate.Decimal("0.10"), predicate.Decimal("12345678901234567890.01"), predicate.Decimal("-5")},
			[]string{"0.1", "12345678901234567890.01", "12345678901234567890.02", "-5.0"}}},
		privacy.Bool: {{"urgent", []predicate.Value{predicate.Bool(true), predicate.Bool(false)}, []string{"true", "false"}}},
		privacy.Time: {{"seenAt", []predicate.Value{instant("2025-01-01T00:00:00Z"), instant("2025-01-01T10:30:00Z")},
			[]string{`"2025-01-01T00:00:00Z"`, `"2025-01-01T10:30:00Z"`, `"2024-06-01T00:00:00Z"`}}},
	}
}

func drawField(t *rapid.T) (privacy.Kind, pool) {
	kind := rapid.SampledFrom([]privacy.Kind{privacy.String, privacy.Date, privacy.Int, privacy.BigInt, privacy.Float,
		privacy.Decimal, privacy.Bool, privacy.Time}).Draw(t, "kind")
	return kind, rapid.SampledFrom(pools()[kind]).Draw(t, "pool")
}

func drawRecord(t *rapid.T) record {
	r := record{}
	for _, kind := range []privacy.Kind{privacy.String, privacy.Date, privacy.Int, privacy.BigInt, privacy.Float,
		privacy.Decimal, privacy.Bool, privacy.Time} {
		for _, p := range pools()[kind] {
			if rapid.IntRange(0, 3).Draw(t, "null") > 0 {
				r[p.name] = rapid.SampledFrom(p.values).Draw(t, p.name)
			}
		}
	}
	return r
}

// drawCondition writes one condition of the fragment.
func drawCondition(t *rapid.T) string {
	kind, p := drawField(t)
	field := "input.row." + p.name
	value := rapid.SampledFrom(p.written)
	op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="})
	if kind == privacy.Bool {
		op = rapid.SampledFrom([]string{"==", "!="})
	}
	var c string
	switch rapid.IntRange(0, 10).Draw(t, "form") {
	case 0, 1:
		c = fmt.Sprintf("%s %s %s", field, op.Draw(t, "op"), value.Draw(t, "value"))
	case 2:
		c = fmt.Sprintf("%s %s %s", value.Draw(t, "value"), op.Draw(t, "op"), field)
	case 3:
		list := rapid.SliceOfN(value, 0, 3).Draw(t, "list")
		c = fmt.Sprintf("%s in [%s]", field, strings.Join(list, ", "))
	case 4:
		c = fmt.Sprintf(`object.get(input.row, %q, null) %s null`, p.name, rapid.SampledFrom([]string{"==", "!="}).Draw(t, "eq"))
	case 5:
		c = field
	case 6:
		c = fmt.Sprintf("%s(input.row.region, %s)", rapid.SampledFrom([]string{"startswith", "endswith", "contains"}).Draw(t, "f"),
			rapid.SampledFrom([]string{`""`, `"n"`, `"th"`, `"北"`}).Draw(t, "part"))
	case 7:
		c = fmt.Sprintf("input.row.region %s input.row.diagnosis", rapid.SampledFrom([]string{"==", "!=", "<", ">="}).Draw(t, "op"))
	case 8:
		c = rapid.SampledFrom([]string{"north_side", "in_house(input.row.days)", "data.sets.switch.on", `input.subject.id == "u1"`, `input.subject.id == "u2"`,
			"input.row.region in data.agreements[input.subject.agreement].regions", "input.row.days < input.row.serial"}).Draw(t, "rule")
	case 9:
		return fmt.Sprintf("some v in [%s]\n\t%s == v", value.Draw(t, "v"), field)
	default:
		return fmt.Sprintf("every v in [%s, %s] { %s != v }", value.Draw(t, "v"), value.Draw(t, "w"), field)
	}
	if rapid.Bool().Draw(t, "not") {
		return "not " + c
	}
	return c
}

const helpers = `
north_side if startswith(input.row.region, "no")
north_side if { input.row.days > 5; not input.row.urgent }
in_house(days) if { days >= 0; input.row.region != "s" }
in_house(days) if days == -3
`

func drawRules(t *rapid.T, verb string) string {
	var text strings.Builder
	for range rapid.IntRange(1, 3).Draw(t, verb) {
		conditions := rapid.SliceOfN(rapid.Custom(drawCondition), 1, 3).Draw(t, "conditions")
		for i, c := range conditions {
			conditions[i] = strings.NewReplacer(" v ", fmt.Sprintf(" v%d ", i), "== v", fmt.Sprintf("== v%d", i), "!= v", fmt.Sprintf("!= v%d", i)).Replace(c)
		}
		fmt.Fprintf(&text, "%s.Admission if {\n\t%s\n}\n", verb, strings.Join(conditions, ";\n\t"))
	}
	return text.String()
}

// OPA's own evaluator on each row is the oracle: the predicate lets a row through exactly where an include holds
// and no exclude does.
func TestRowPredicatesAgreeWithOPAOnEveryRow(t *testing.T) {
	ctx := context.Background()
	refused, undefined := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		text := helpers + drawRules(t, "include")
		if rapid.Bool().Draw(t, "exclude") {
			text += drawRules(t, "exclude")
		} else {
			text += "exclude.Admission if input.subject.id == \"u2\"\n"
		}
		policies := rules{"north": text, "north/data.json": `{"sets": {"switch": {"on": true}}}`}
		options := policies.options()
		var fault error
		e := loadRapid(t, options, &fault)
		if e == nil {
			refused++
			t.Skip("not compiled") // strict mode refuses some
		}
		p := rowRapid(t, e)
		if fault != nil {
			t.Fatalf("%s\nwas loaded but not translated: %v", text, fault)
		}
		if p.IsNever() {
			undefined++
		}
		oracle := oracle(t, ctx, worldData(), "package concordat.access.north\n"+text)
		for range 12 {
			r := drawRecord(t)
			want := oracle(r)
			if got := p.Holds(r); got != want {
				t.Fatalf("%s\nrow %v\npredicate %s\nsays %v, OPA %v", text, r.input(), show(p), got, want)
			}
		}
	})
	t.Logf("refused %d, never %d", refused, undefined)
}

func worldData() map[string]any {
	return map[string]any{"agreements": map[string]any{"a1": map[string]any{"regions": []any{"n", "s"}}},
		"sets": map[string]any{"switch": map[string]any{"on": true}, "names": []any{"n"}}}
}

func oracle(t fataler, ctx context.Context, data map[string]any, module string) func(record) bool {
	query, err := rego.New(rego.Query(`include := {x | some x in [true]; data.concordat.access.north.include.Admission}
		exclude := {x | some x in [true]; data.concordat.access.north.exclude.Admission}`),
		rego.Module("north.rego", module), rego.SetRegoVersion(ast.RegoV1),
		rego.Data(data)).PrepareForEval(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return func(r record) bool {
		results, err := query.Eval(ctx, rego.EvalInput(map[string]any{"subject": map[string]any{"id": "u1", "agreement": "a1"}, "row": r.input()}))
		if err != nil || len(results) != 1 {
			t.Fatal(err, results)
		}
		b := results[0].Bindings
		return len(b["include"].([]any)) == 1 && len(b["exclude"].([]any)) == 0
	}
}

type fataler interface{ Fatal(args ...any) }

// With the checks at load off, translation alone must refuse a condition or mean what OPA means.
func TestTranslationAloneNeverSaysMoreThanOPA(t *testing.T) {
	ctx := context.Background()
	columns := map[string]privacy.Kind{}
	for _, f := range catalog().Fields {
		if f.Type == "Admission" && !f.Join {
			columns[f.Name] = f.Kind
		}
	}
	refused, held := 0, 0
	for _, condition := range outside() {
		for _, rule := range []string{"include.Admission if {\n%s\n}\n", "turned if {\n%s\n}\ninclude.Admission if not turned\n"} {
			text := "package concordat.access.north\n" + more + fmt.Sprintf(rule, condition)
			p, err := policy.TranslateUnchecked(ctx, text, worldData(), analyst(), columns)
			if err != nil {
				refused++
				continue
			}
			holds := oracle(t, ctx, worldData(), text+"exclude.Admission if false\n")
			rapid.Check(t, func(t *rapid.T) {
				r := drawRecord(t)
				if p.Holds(r) && !holds(r) {
					t.Fatalf("%s lets %v through, OPA does not: %s", condition, r.input(), show(p))
				}
			})
			held++
		}
	}
	if refused == 0 || held == 0 {
		t.Errorf("refused %d, held %d", refused, held)
	}
	t.Logf("refused %d, held %d", refused, held)
}
