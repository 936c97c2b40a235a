package plan

import (
	"strings"
	"testing"
	"time"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
	"concordat/privacy/deid"
)

// The product of transforms and uses, written a second time: who changes a cell changes both on purpose. A row lists
// what may be done with a field that is seen so; all else is refused.
func TestProductOfTransformsAndUses(t *testing.T) {
	names := map[use]string{useEqual: "equal", useRange: "range", usePrefix: "prefix", usePattern: "pattern", useNull: "null",
		useKey: "key", useOrder: "order", useGroup: "group", useExtreme: "extreme", useSum: "sum"}
	const coarse = "equal range prefix null order group extreme"
	want := map[string]string{
		"constant": "", "mask": "", "null": "", "redact": "",
		"month": coarse, "year": coarse, "prefix": coarse, "round": coarse,
		"pseudonym": "equal null key group",
	}
	set := deid.New()
	for _, m := range set.Methods() {
		allowed, ok := want[m.Name]
		if !ok {
			if set.Algebra(m.Name) != (privacy.Algebra{}) {
				t.Errorf("%s is not in this table", m.Name)
			}
			continue
		}
		delete(want, m.Name)
		for u, name := range names {
			if got := permits(set.Algebra(m.Name), u); got != strings.Contains(" "+allowed+" ", " "+name+" ") {
				t.Errorf("%s over %s: %v", name, m.Name, got)
			}
		}
	}
	for name := range want {
		t.Errorf("no transform %s", name)
	}
}

// An operand is a value that the field can show, or a whole date at the edge of a bucket.
func TestOperandsAreShownValuesOrEdges(t *testing.T) {
	const refused = "refused"
	text := predicate.String
	for _, c := range []struct {
		kind         privacy.Kind
		method, args string
		op           predicate.Op
		operand      predicate.Value
		want         string
	}{
		{privacy.Date, "year", "", predicate.Eq, text("1950"), "1950"},
		{privacy.Date, "year", "", predicate.Eq, text("1950-01"), refused},
		{privacy.Date, "year", "", predicate.Eq, text("1950-01-01"), refused},
		{privacy.Date, "year", "", predicate.Lt, text("1950-01-01"), "1950"},
		{privacy.Date, "year", "", predicate.Lt, text("1950-01-02"), refused},
		{privacy.Date, "year", "", predicate.Lte, text("1950-01-01"), refused},
		{privacy.Date, "year", "", predicate.Lte, text("1949-12-31"), "1949"},
		{privacy.Date, "year", "", predicate.Gt, text("1949-12-31"), "1949"},
		{privacy.Date, "year", "", predicate.Gt, text("1949-12-30"), refused},
		{privacy.Date, "year", "", predicate.Gte, text("1950-01-01"), "1950"},
		{privacy.Date, "year", "", predicate.Gte, text("1950-07-01"), refused},
		{privacy.Date, "month", "", predicate.Gte, text("1950-07-01"), "1950-07"},
		{privacy.Date, "month", "", predicate.Lte, text("2024-02-29"), "2024-02"},
		{privacy.Date, "month", "", predicate.Lte, text("2024-02-28"), refused},
		{privacy.Date, "month", "", predicate.Eq, text("1950"), refused},
		{privacy.Date, "month", "", predicate.Lt, text("0001-01-01"), "0001-01"},
		{privacy.Date, "month", "", predicate.Lte, text("9999-12-31"), refused},
		{privacy.Date, "month", "", predicate.Lt, text("x"), refused},
		{privacy.String, "prefix", `{"length":3}`, predicate.Eq, text("991"), "991"},
		{privacy.String, "prefix", `{"length":3}`, predicate.HasPrefix, text("9"), "9"},
		{privacy.String, "prefix", `{"length":3}`, predicate.HasPrefix, text("9913"), refused},
		{privacy.String, "pseudonym", "", predicate.Eq, text("anything"), "anything"},
	} {
		if got := operandText(t, c.kind, privacy.Obligation{Method: c.method, Arguments: c.args}, c.op, c.operand); got != c.want {
			t.Errorf("%s %d %s: %s, want %s", c.method, c.op, c.operand.Text, got, c.want)
		}
	}
	ten := privacy.Obligation{Method: "round", Arguments: `{"to":10}`}
	for operand, want := range map[int64]bool{0: true, 10: true, -20: true, 5: false, 11: false} {
		o := operandsOf(t, privacy.Int, ten)
		if v, ok := o.value(predicate.Gte, predicate.Int(operand)); ok != want || ok && v.Int != operand {
			t.Errorf("round to 10, %d: %v", operand, ok)
		}
	}
	start := predicate.Micros(-631152000000000) // 1950-01-01T00:00:00Z
	o := operandsOf(t, privacy.Time, privacy.Obligation{Method: "year"})
	if v, ok := o.value(predicate.Gte, start); !ok || v != start {
		t.Error("the instant that a year is shown as is refused")
	}
	if _, ok := o.value(predicate.Gte, predicate.Micros(start.Int+1)); ok {
		t.Error("an instant inside a year is compared")
	}
}

func operandText(t *testing.T, kind privacy.Kind, ob privacy.Obligation, op predicate.Op, v predicate.Value) string {
	t.Helper()
	o := operandsOf(t, kind, ob)
	got, ok := o.value(op, v)
	if !ok {
		return "refused"
	}
	return got.Text
}

func operandsOf(t *testing.T, kind privacy.Kind, ob privacy.Obligation) operands {
	t.Helper()
	u := uses{restriction: &restriction{transforms: deid.New()}, step: &AuthorizedStep{Step: &Step{}}}
	o, err := u.operands(sight{field: &compose.Field{Name: "f", Kind: kind}, seen: seenTransformed, obligation: ob})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Two buckets beside each other: a whole date is an edge exactly where the raw condition and the one that is asked
// agree on every day around it.
func TestEdgesMeanTheSameAsOnRawDates(t *testing.T) {
	var days []string
	for day := time.Date(1949, 11, 1, 0, 0, 0, 0, time.UTC); day.Year() < 1952; day = day.AddDate(0, 0, 1) {
		days = append(days, day.Format(time.DateOnly))
	}
	for _, method := range []string{"year", "month"} {
		o := operandsOf(t, privacy.Date, privacy.Obligation{Method: method})
		shown := make([]string, len(days))
		for i, day := range days {
			v, _ := o.bucket(predicate.String(day))
			shown[i] = v.Text
		}
		for i := 40; i < len(days)-40; i += 1 + i%5 {
			operand := days[i]
			for _, op := range []predicate.Op{predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte} {
				edge, ok := o.value(op, predicate.String(operand))
				agree := true
				for j, day := range days {
					agree = agree && satisfies(op, day, operand) == satisfies(op, shown[j], shown[i])
				}
				if ok && !agree {
					t.Errorf("%s %d %s is answered as %s, which means something else", method, op, operand, edge.Text)
				}
				if !ok && agree {
					t.Errorf("%s %d %s is refused at an edge", method, op, operand)
				}
			}
		}
	}
}

func satisfies(op predicate.Op, a, b string) bool {
	return predicate.Compare("f", op, predicate.String(b)).Holds(oneField(a))
}

type oneField string

func (f oneField) Value(string) predicate.Value { return predicate.String(string(f)) }

// A cursor is of one order: of the same list under another policy, none.
func TestCursorsAreBoundToWhatOrdersTheList(t *testing.T) {
	bindings := map[string]bool{}
	for _, derived := range [][]Derivation{nil, {{Name: "hash:id"}}, {{Name: "shown:id", Obligation: privacy.Obligation{Method: "year"}}},
		{{Name: "shown:id", Obligation: privacy.Obligation{Method: "month"}}}} {
		written := []byte("list")
		u := uses{step: &AuthorizedStep{Arguments: Arguments{Binding: written}, Derived: derived}}
		u.bindCursor()
		if bindings[string(u.step.Binding)] || string(written) != "list" {
			t.Errorf("%v shares a binding", derived)
		}
		bindings[string(u.step.Binding)] = true
	}
}

// A key over a field that is seen transformed is made of whole buckets, or refused.
func TestKeysOfTransformedFieldsAreMadeOfWholeBuckets(t *testing.T) {
	year, month := privacy.Obligation{Method: "year"}, privacy.Obligation{Method: "month"}
	three := privacy.Obligation{Method: "prefix", Arguments: `{"length":3}`}
	for name, c := range map[string]struct {
		o    privacy.Obligation
		g    source.Group
		k    groupKey
		want bool
	}{
		"years of years":             {year, source.Group{Grain: source.Year}, groupKey{}, true},
		"months of years":            {year, source.Group{Grain: source.Month}, groupKey{}, false},
		"quarters of months":         {month, source.Group{Grain: source.Quarter}, groupKey{}, true},
		"weeks of months":            {month, source.Group{Grain: source.Week}, groupKey{}, false},
		"years of another time zone": {year, source.Group{Grain: source.Year, Zone: "Asia/Kathmandu"}, groupKey{}, false},
		"a shorter prefix":           {three, source.Group{Prefix: 2}, groupKey{}, true},
		"the same prefix":            {three, source.Group{Prefix: 3}, groupKey{}, true},
		"a longer prefix":            {three, source.Group{Prefix: 4}, groupKey{}, false},
		"a prefix of a pseudonym":    {privacy.Obligation{Method: "pseudonym"}, source.Group{Prefix: 1}, groupKey{}, false},
		"a prefix of nothing known":  {privacy.Obligation{Method: "prefix", Arguments: `{`}, source.Group{Prefix: 1}, groupKey{}, false},
		"names of a level":           {three, source.Group{}, groupKey{names: map[string]string{"a": "b"}}, false},
		"a prefix of a year":         {year, source.Group{Prefix: 4}, groupKey{}, false},
	} {
		if got := coarser(c.o, c.g, c.k); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Edges of a histogram of what is seen rounded lie between buckets.
func TestEdgesOfATransformedFieldLieBetweenBuckets(t *testing.T) {
	ten := privacy.Obligation{Method: "round", Arguments: `{"to":10}`}
	f := &compose.Field{Name: "n", Coordinate: "T.n", Kind: privacy.Int}
	for edge, want := range map[float64]bool{0: true, 20: true, 15: false, 10.5: false, 1e18: false} {
		step := &AuthorizedStep{Step: &Step{Entity: &compose.Entity{}}, Arguments: Arguments{Edges: map[string][]float64{"histogram@h": {edge}}}}
		u := uses{restriction: &restriction{transforms: deid.New(), out: &Authorized{}}, step: step}
		err := u.bins(sight{field: f, seen: seenTransformed, obligation: ten}, Measure{Func: "histogram@h", Field: "n"})
		if (err == nil) != want {
			t.Errorf("edge %v: %v", edge, err)
		}
	}
	u := uses{restriction: &restriction{transforms: deid.New(), out: &Authorized{}}, step: &AuthorizedStep{Step: &Step{Entity: &compose.Entity{}}}}
	if err := u.bins(sight{field: f, seen: seenTransformed, obligation: privacy.Obligation{Method: "pseudonym"}}, Measure{Func: "histogram@h", Field: "n"}); err == nil {
		t.Error("a histogram of pseudonyms")
	}
}
