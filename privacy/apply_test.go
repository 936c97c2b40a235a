package privacy

import (
	"errors"
	"slices"
	"testing"
)

// transforms answers with what a test wants a transform to do.
type transforms func(in *Column) (*Column, error)

func (f transforms) Algebra(string) Algebra { return Algebra{} }

func (f transforms) Prepare(Kind, Obligation, Scope) (func(*Column) (*Column, error), error) {
	return f, nil
}

var owed = Obligation{Method: "mask", Arguments: `{"keepLast":2}`}

// masked is a transform that does what is owed.
func masked(in *Column) (*Column, error) {
	out := *in
	out.Domain = owed.Domain()
	out.Dict = slices.Repeat([]string{"***"}, len(in.Dict))
	return &out, nil
}

func raw() *Table {
	c := textColumn("secret", "NULL", "other")
	c.Name, c.Coordinate = "name", "Resident.name"
	return &Table{Rows: 3, Columns: []*Column{c}}
}

func output(r Release, ob Obligation) Output {
	return Output{Column: "name", As: "n", Coordinate: "Resident.name", Kind: String, Release: r, Obligation: ob}
}

func TestApplyReleasesWhatWasDecided(t *testing.T) {
	for _, test := range []struct {
		out  Output
		want []string
	}{
		{output(ReleaseRaw, Obligation{}), []string{"secret", "state 1", "other"}},
		{output(ReleaseTransformed, owed), []string{"***", "state 1", "***"}},
		{output(ReleaseDenied, Obligation{}), []string{"state 2", "state 2", "state 2"}},
	} {
		r, err := Apply(raw(), []Output{test.out}, transforms(masked), Scope{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Rows() != 3 || r.Column("name") != nil || !slices.Equal(texts(r.Column("n")), test.want) {
			t.Errorf("release %d: %q", test.out.Release, texts(r.Column("n")))
		}
	}
}

func TestDeniedNeedsNoRawColumn(t *testing.T) {
	r, err := Apply(&Table{Rows: 2}, []Output{output(ReleaseDenied, Obligation{})}, nil, Scope{})
	if err != nil || r.Column("n").Len() != 2 {
		t.Fatal(err)
	}
}

func TestApplyRefuses(t *testing.T) {
	alter := func(f func(c *Column)) *Table { t := raw(); f(t.Columns[0]); return t }
	with := func(f func(o *Output)) Output { o := output(ReleaseRaw, Obligation{}); f(&o); return o }
	plain := output(ReleaseRaw, Obligation{})
	for name, test := range map[string]struct {
		raw  *Table
		out  Output
		want error
	}{
		"a zero release":                {raw(), output(0, Obligation{}), ErrRefused},
		"an unknown release":            {raw(), output(9, Obligation{}), ErrRefused},
		"raw with an obligation":        {raw(), output(ReleaseRaw, owed), ErrRefused},
		"transformed without one":       {raw(), output(ReleaseTransformed, Obligation{}), ErrRefused},
		"no table":                      {nil, plain, ErrMissing},
		"a missing column":              {&Table{Rows: 3}, plain, ErrMissing},
		"another kind":                  {raw(), with(func(o *Output) { o.Kind = Int }), ErrKind},
		"another coordinate's column":   {raw(), with(func(o *Output) { o.Coordinate = "Resident.ward" }), ErrRefused},
		"a column already transformed":  {alter(func(c *Column) { c.Domain.Method = "mask" }), plain, ErrDomain},
		"too few cells":                 {alter(func(c *Column) { c.Codes = c.Codes[:2] }), plain, ErrMalformed},
		"too few states":                {alter(func(c *Column) { c.States = c.States[:2] }), plain, ErrMalformed},
		"a code outside the dictionary": {alter(func(c *Column) { c.Codes[0] = 7 }), plain, ErrMalformed},
		"a state that is none":          {alter(func(c *Column) { c.States[0] = 99 }), plain, ErrMalformed},
		"storage of another kind":       {alter(func(c *Column) { c.Ints = make([]int64, 3) }), plain, ErrMalformed},
	} {
		r, err := Apply(test.raw, []Output{test.out}, transforms(masked), Scope{})
		if !errors.Is(err, test.want) || r.Rows() != 0 || r.Column("n") != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestApplyRefusesTwoColumnsOfOneName(t *testing.T) {
	o := output(ReleaseRaw, Obligation{})
	if _, err := Apply(raw(), []Output{o, o}, nil, Scope{}); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
}

// A transform is not trusted: each of these would let a raw or a denied value out.
func TestApplyRefusesTransformThatDoesNotDoWhatIsOwed(t *testing.T) {
	failure := errors.New("failure")
	change := func(f func(out *Column)) transforms {
		return func(in *Column) (*Column, error) {
			out, _ := masked(in)
			out.States = slices.Clone(out.States)
			f(out)
			return out, nil
		}
	}
	for name, test := range map[string]struct {
		do   Transforms
		want error
	}{
		"none":             {nil, ErrTransform},
		"an error":         {transforms(func(*Column) (*Column, error) { return nil, failure }), failure},
		"nothing":          {transforms(func(*Column) (*Column, error) { return nil, nil }), ErrTransform},
		"the raw column":   {transforms(func(in *Column) (*Column, error) { return in, nil }), ErrTransform},
		"other arguments":  {change(func(out *Column) { out.Domain.Arguments = "" }), ErrTransform},
		"another kind":     {change(func(out *Column) { out.Kind = Date }), ErrKind},
		"fewer rows":       {change(func(out *Column) { out.States = out.States[:1] }), ErrMalformed},
		"a value for NULL": {change(func(out *Column) { out.States[1] = Value }), ErrTransform},
	} {
		_, err := Apply(raw(), []Output{output(ReleaseTransformed, owed)}, test.do, Scope{})
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestZeroReleasedHoldsNothing(t *testing.T) {
	var r Released
	if r.Rows() != 0 || r.Column("") != nil || r.Gather(nil).Rows() != 0 {
		t.Fatal("the zero value holds something")
	}
}

func released(t *testing.T, o Output) Released {
	t.Helper()
	r, err := Apply(raw(), []Output{o}, transforms(masked), Scope{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestConcatKeepsEachAgencysRelease(t *testing.T) {
	parts := []Released{
		released(t, output(ReleaseDenied, Obligation{})), {},
		released(t, output(ReleaseTransformed, owed)), released(t, output(ReleaseRaw, Obligation{})),
	}
	all, err := Concat(parts)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"state 2", "state 2", "state 2", "***", "state 1", "***", "secret", "state 1", "other"}
	if got := texts(all.Column("n")); all.Rows() != 9 || !slices.Equal(got, want) {
		t.Fatal(got)
	}
	if all.Column("n").Domain.Raw() {
		t.Fatal("values of two domains pass for raw ones")
	}
	if got := texts(all.Gather([]int32{8, 3, -1}).Column("n")); !slices.Equal(got, []string{"other", "***", "state 1"}) {
		t.Fatal(got)
	}
	if parts[3].Column("n").Len() != 3 {
		t.Fatal("a part was changed")
	}
}

func TestConcatRefusesPartsThatDiffer(t *testing.T) {
	plain := output(ReleaseRaw, Obligation{})
	other := plain
	other.As = "m"
	kind := output(ReleaseDenied, Obligation{})
	kind.Kind = Int
	for _, o := range []Output{other, kind} {
		if _, err := Concat([]Released{released(t, plain), released(t, o)}); err == nil {
			t.Errorf("concatenated with %+v", o)
		}
	}
}

func groups(counts ...int64) *Table {
	c := NewColumn("count", "", Int, len(counts))
	for _, n := range counts {
		if n < 0 {
			c.AppendNull()
			continue
		}
		c.AppendInt(n)
	}
	return &Table{Rows: len(counts), Columns: []*Column{c}}
}

func TestSuppressWithholdsSmallGroups(t *testing.T) {
	for name, test := range map[string]struct {
		table    *Table
		minimum  int
		kept     []int32
		withheld bool
	}{
		"small, empty and unknown": {groups(10, 9, 0, -1, 11), 10, []int32{0, 4}, true},
		"none small":               {groups(10, 12), 10, []int32{0, 1}, false},
		"no minimum":               {groups(1, 0, -1), 0, []int32{0, 1, 2}, false},
		"no count":                 {&Table{Rows: 2}, 2, nil, true},
	} {
		kept, withheld := Suppress(test.table, SmallGroups{Count: "count", Minimum: test.minimum})
		if !slices.Equal(kept, test.kept) || withheld != test.withheld {
			t.Errorf("%s: %v %v", name, kept, withheld)
		}
	}
	if g := groups(5, 7).Gather([]int32{1}); g.Rows != 1 || g.Columns[0].Int(0) != 7 {
		t.Error("gathered another group")
	}
}

func TestCanonicalArgumentsHaveOneSpelling(t *testing.T) {
	a, _ := CanonicalArguments(map[string]any{"b": 2.0, "a": "<x>"})
	b, _ := CanonicalArguments(map[string]any{"a": "<x>", "b": 2})
	if none, _ := CanonicalArguments(map[string]any{}); a != b || a != `{"a":"<x>","b":2}` || none != "" {
		t.Fatal(a, b)
	}
	if _, err := CanonicalArguments(map[string]any{"f": func() {}}); err == nil {
		t.Fatal("a function is no argument")
	}
}

func BenchmarkApply(b *testing.B) {
	c := NewColumn("name", "Resident.name", String, 1000)
	for i := range 1000 {
		c.AppendText([]string{"influenza", "fracture", "asthma"}[i%3])
	}
	table := &Table{Rows: 1000, Columns: []*Column{c}}
	outs := []Output{output(ReleaseTransformed, owed)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Apply(table, outs, transforms(masked), Scope{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/cell")
}
