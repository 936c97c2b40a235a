package diff

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"concordat/policy/predicate"
	"concordat/privacy"
)

func kinds() map[string]privacy.Kind {
	return map[string]privacy.Kind{"text": privacy.String, "other": privacy.String, "int": privacy.Int, "big": privacy.BigInt,
		"float": privacy.Float, "decimal": privacy.Decimal, "date": privacy.Date, "time": privacy.Time, "bool": privacy.Bool, "json": privacy.JSON}
}

// pools hold values close to each other, so that classes are narrow and often empty.
func pools() map[string][]predicate.Value {
	text := func(list ...string) (out []predicate.Value) {
		for _, t := range list {
			out = append(out, predicate.String(t))
		}
		return out
	}
	words := text("", "a", "ab", "abab", "b", "ba", "a\x00", "é", "e\u0301", "中", "%", "_", "\U0001F600")
	ints := []predicate.Value{predicate.Int(0), predicate.Int(1), predicate.Int(2), predicate.Int(4), predicate.Int(math.MaxInt64), predicate.Int(math.MinInt64), predicate.Int(9007199254740993)}
	return map[string][]predicate.Value{"text": words, "other": words, "int": ints, "big": ints,
		"float":   {predicate.Float(0), predicate.Float(math.Nextafter(0, 1)), predicate.Float(1.5), predicate.Float(-math.MaxFloat64), predicate.Float(math.MaxFloat64)},
		"decimal": {predicate.Decimal("0"), predicate.Decimal("0.1"), predicate.Decimal("0.10"), predicate.Decimal("0.2"), predicate.Decimal("12345678901234567890.5")},
		"date":    text("0001-01-01", "2024-02-28", "2024-02-29", "2024-03-01", "9999-12-31"),
		"time":    {predicate.Micros(0), predicate.Micros(1), predicate.Micros(3)},
		"bool":    {predicate.Bool(false), predicate.Bool(true)}, "json": text("{}")}
}

func conditions(names ...string) *rapid.Generator[predicate.Predicate] {
	return rapid.Custom(func(t *rapid.T) predicate.Predicate {
		field := rapid.SampledFrom(names).Draw(t, "field")
		value := rapid.SampledFrom(pools()[field])
		ops := []predicate.Op{predicate.Eq, predicate.Ne, predicate.Lt, predicate.Lte, predicate.Gt, predicate.Gte}
		switch kinds()[field] {
		case privacy.JSON:
			return predicate.Null(field)
		case privacy.Bool:
			ops = ops[:2]
		case privacy.String:
			ops = append(ops, predicate.HasPrefix, predicate.HasSuffix, predicate.Contains)
		}
		switch rapid.IntRange(0, 5).Draw(t, "shape") {
		case 0:
			return predicate.Null(field)
		case 1:
			return predicate.In(field, rapid.SliceOfN(value, 1, 3).Draw(t, "values")...)
		}
		return predicate.Compare(field, rapid.SampledFrom(ops).Draw(t, "op"), value.Draw(t, "value"))
	})
}

func predicates(leaf *rapid.Generator[predicate.Predicate], depth int) *rapid.Generator[predicate.Predicate] {
	if depth == 0 {
		return leaf
	}
	inner := predicates(leaf, depth-1)
	return rapid.Custom(func(t *rapid.T) predicate.Predicate {
		switch rapid.IntRange(0, 4).Draw(t, "node") {
		case 0:
			return predicate.Not(inner.Draw(t, "not"))
		case 1, 2:
			return predicate.And(rapid.SliceOfN(inner, 1, 3).Draw(t, "and")...)
		case 3:
			return predicate.Or(rapid.SliceOfN(inner, 1, 3).Draw(t, "or")...)
		}
		return leaf.Draw(t, "leaf")
	})
}

// sample is a row made without regard to the search: pool values, changed a little, or NULL.
func sample(t *rapid.T, names []string) Row {
	row := Row{}
	for _, name := range names {
		v := rapid.SampledFrom(append(pools()[name], predicate.Value{})).Draw(t, name)
		switch step := rapid.IntRange(-1, 1).Draw(t, "step"); {
		case (v.Kind == predicate.IntValue || v.Kind == predicate.TimeValue) && v.Int < math.MaxInt64 && v.Int > math.MinInt64:
			v.Int += int64(step)
		case v.Kind == predicate.FloatValue && step != 0:
			v = predicate.Float(math.Nextafter(v.Float, math.Inf(step)))
		case kinds()[name] == privacy.String && v.Kind == predicate.TextValue && step != 0:
			v.Text += rapid.SampledFrom(pools()["text"]).Draw(t, "more").Text
		}
		row[name] = v
	}
	return row
}

// The oracle is the predicates' own evaluator: a row that is found shows the difference, and where none is said no row
// anywhere near the literals does.
func TestNoRowShowsADifferenceWhereNoneIsSaid(t *testing.T) {
	for name, names := range map[string][]string{"one text": {"text"}, "numbers": {"int", "big", "float", "decimal"},
		"all": {"text", "int", "float", "decimal", "date", "time", "bool", "json"}} {
		t.Run(name, func(t *testing.T) {
			undecided, all := 0, 0
			rapid.Check(t, func(t *rapid.T) {
				gen := predicates(conditions(names...), 2)
				in, out := gen.Draw(t, "in"), gen.Draw(t, "out")
				row, outcome := Witness(in, out, kinds())
				all++
				switch outcome {
				case Found:
					if !in.Holds(row) || out.Holds(row) {
						t.Fatalf("no witness: %v", row)
					}
				case Undecided:
					undecided++
				case None:
					for range 50 {
						if row := sample(t, names); in.Holds(row) && !out.Holds(row) {
							t.Fatalf("none is said, but %v", row)
						}
					}
				}
			})
			if undecided > 0 {
				t.Errorf("%d of %d undecided", undecided, all)
			}
		})
	}
}

func TestFieldsThatAreComparedWithEachOther(t *testing.T) {
	for _, pair := range [][2]string{{"int", "big"}, {"text", "other"}} {
		rapid.Check(t, func(t *rapid.T) {
			links := rapid.Custom(func(t *rapid.T) predicate.Predicate {
				op := rapid.SampledFrom([]predicate.Op{predicate.Eq, predicate.Ne, predicate.Lt, predicate.Gte}).Draw(t, "op")
				if rapid.Bool().Draw(t, "link") {
					return predicate.Fields(pair[0], op, pair[1])
				}
				return predicate.Compare(rapid.SampledFrom(pair[:]).Draw(t, "side"), op, rapid.SampledFrom(pools()[pair[0]]).Draw(t, "value"))
			})
			gen := predicates(links, 2)
			in, out := gen.Draw(t, "in"), gen.Draw(t, "out")
			row, outcome := Witness(in, out, kinds())
			if outcome == Undecided || outcome == Found && (!in.Holds(row) || out.Holds(row)) {
				t.Fatal(outcome, row)
			}
			for range 50 {
				if row := sample(t, pair[:]); outcome == None && in.Holds(row) && !out.Holds(row) {
					t.Fatalf("none is said, but %v", row)
				}
			}
		})
	}
}

func TestNarrowWitnesses(t *testing.T) {
	text, number := func(op predicate.Op, v string) predicate.Predicate {
		return predicate.Compare("text", op, predicate.String(v))
	},
		func(op predicate.Op, v int64) predicate.Predicate {
			return predicate.Compare("int", op, predicate.Int(v))
		}
	cases := []struct {
		name    string
		in, out predicate.Predicate
		want    Outcome
		row     string
	}{
		{"one below", number(predicate.Gte, 17), number(predicate.Gt, 17), Found, `{"int":17}`},
		{"equal intervals", number(predicate.Gt, 17), number(predicate.Gte, 18), None, ``},
		{"absent", predicate.Not(number(predicate.Eq, 5)), number(predicate.Ne, 5), Found, `{"int":null}`},
		{"empty text", predicate.Not(predicate.Null("text")), text(predicate.Ne, ""), Found, `{"text":""}`},
		{"two parts at once", predicate.And(text(predicate.Contains, "xy"), text(predicate.HasSuffix, "yx"), text(predicate.Lt, "m")), text(predicate.HasPrefix, "a"), Found, ``},
		{"a prefix is an interval", text(predicate.HasPrefix, "ab"), predicate.And(text(predicate.Gte, "ab"), text(predicate.Lt, "ac")), None, ``},
		{"and the other way", predicate.And(text(predicate.Gte, "ab"), text(predicate.Lt, "ac")), text(predicate.HasPrefix, "ab"), None, ``},
		{"overlap", predicate.And(text(predicate.HasPrefix, "aba"), text(predicate.HasSuffix, "bab")), text(predicate.Contains, "bab"), None, ``},
		{"nothing between", predicate.And(text(predicate.Gt, "a"), text(predicate.Lt, "a\x00")), predicate.Never(), None, ``},
		{"full range", number(predicate.Lte, math.MaxInt64), predicate.Not(predicate.Null("int")), None, ``},
		{"like is undecided", text(predicate.Like, "%a%"), text(predicate.Contains, "a"), Undecided, ``},
		{"a relation is undecided", predicate.Exists("r", predicate.Always()), predicate.Exists("s", predicate.Always()), Undecided, ``},
		{"beside a relation", predicate.Or(number(predicate.Eq, 1), predicate.Exists("r", predicate.Always())), predicate.Never(), Found, `{"int":1}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			row, got := Witness(c.in, c.out, kinds())
			printed, err := json.Marshal(row)
			if got != c.want || err != nil || c.row != "" && string(printed) != c.row {
				t.Errorf("%v %s", got, printed)
			}
		})
	}
}

func TestLongListsAreCompared(t *testing.T) {
	list := make([]predicate.Value, 100_000)
	for i := range list {
		list[i] = predicate.String(fmt.Sprint("person-", i))
	}
	row, outcome := Witness(predicate.In("text", list...), predicate.In("text", list[:len(list)-1]...), kinds())
	if outcome != Found || row["text"].Text != "person-99999" {
		t.Error(outcome, row)
	}
	if _, outcome := Witness(predicate.In("text", list[1:]...), predicate.In("text", list...), kinds()); outcome != None {
		t.Error(outcome)
	}
}
