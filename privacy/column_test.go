package privacy

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func texts(c *Column) []string {
	var all []string
	for row := range c.Len() {
		if c.IsNull(row) {
			all = append(all, fmt.Sprint("state ", c.State(row)))
			continue
		}
		all = append(all, c.Text(row))
	}
	return all
}

func textColumn(cells ...string) *Column {
	c := NewColumn("t", "T.t", String, len(cells))
	for _, s := range cells {
		if s == "NULL" {
			c.AppendNull()
			continue
		}
		c.AppendText(s)
	}
	return c
}

func TestColumnGivesBackWhatWasAppended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOf(rapid.SampledFrom([]string{"a", "b", "c", "", "NULL"})).Draw(t, "cells")
		c := NewColumn("t", "T.t", String, 0)
		for i, s := range cells {
			switch {
			case s == "NULL":
				c.AppendNull()
			case i%2 == 0:
				c.AppendText(s)
			default:
				c.AppendBytes([]byte(s))
			}
		}
		for row, s := range cells {
			if (s == "NULL") != c.IsNull(row) || (s != "NULL" && c.Text(row) != s) {
				t.Fatalf("row %d: %q", row, texts(c))
			}
		}
		if len(c.Dict) > 4 {
			t.Fatalf("dictionary repeats: %q", c.Dict)
		}
	})
}

func TestColumnKeepsTextsBeyondItsIndex(t *testing.T) {
	c := NewColumn("t", "T.t", String, 0)
	for i := range 3 * internLimit {
		c.AppendText(fmt.Sprint(i))
	}
	for row := range c.Len() {
		if c.Text(row) != fmt.Sprint(row) {
			t.Fatalf("row %d holds %s", row, c.Text(row))
		}
	}
}

func TestTextsOfAPageAreKeptOnceAndWhole(t *testing.T) {
	c := NewColumn("t", "T.t", String, 0)
	var want []string
	for i := range 400 {
		want = append(want, strings.Repeat(fmt.Sprint(i%200, " "), 1+i%50))
		buffer := []byte(want[i])
		c.AppendBytes(buffer)
		clear(buffer) // the caller uses it again
	}
	if len(c.Dict) != 200 || !slices.Equal(texts(c), want) {
		t.Fatalf("%d texts kept: %q", len(c.Dict), texts(c))
	}
}

func TestAppendBytesDoesNotAllocateForRepeatedText(t *testing.T) {
	c := NewColumn("t", "T.t", String, 2000)
	b := []byte("ward seven, in the new building")
	c.AppendBytes(b)
	if n := testing.AllocsPerRun(1000, func() { c.AppendBytes(b) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func TestNonFiniteFloatIsNull(t *testing.T) {
	c := NewColumn("f", "T.f", Float, 0)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1} {
		c.AppendFloat(v)
	}
	if !slices.Equal(c.States, []State{Null, Null, Null, Value}) {
		t.Fatal(c.States)
	}
}

func TestAppendOfAnotherKindFails(t *testing.T) {
	ints, floats, text := NewColumn("i", "", Int, 0), NewColumn("f", "", Float, 0), NewColumn("s", "", String, 0)
	ints.AppendText("x")
	ints.AppendBytes([]byte("x"))
	ints.AppendFloat(1)
	floats.AppendInt(1)
	text.AppendInt(1)
	text.AppendState(Value)
	for _, c := range []*Column{ints, floats, text} {
		for row := range c.Len() {
			if c.State(row) != Failed {
				t.Errorf("%s row %d: state %d", c.Name, row, c.State(row))
			}
		}
		if err := c.Check(c.Len()); err != nil {
			t.Error(err)
		}
	}
}

func TestGatherTakesRowsInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "NULL", "d", "e", "f"}), 1, 30).Draw(t, "cells")
		rows := rapid.SliceOf(rapid.Int32Range(-1, int32(len(cells)-1))).Draw(t, "rows")
		g := textColumn(cells...).Gather(rows)
		if err := g.Check(len(rows)); err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			null := r < 0 || cells[r] == "NULL"
			if null != g.IsNull(i) || (!null && g.Text(i) != cells[r]) {
				t.Fatalf("row %d: %q", i, texts(g))
			}
		}
	})
}

func TestGatherOfFewRowsLeavesOtherTextsBehind(t *testing.T) {
	g := textColumn("a", "b", "c", "d", "b", "e").Gather([]int32{1, 4})
	if !slices.Equal(g.Dict, []string{"b"}) {
		t.Fatal(g.Dict)
	}
}

func TestExtendConcatenates(t *testing.T) {
	c := textColumn("a", "NULL", "b")
	if err := c.Extend(textColumn("NULL", "b", "c").Gather([]int32{2, 0, 1})); err != nil {
		t.Fatal(err)
	}
	if got := texts(c); !slices.Equal(got, []string{"a", "state 1", "b", "c", "state 1", "b"}) {
		t.Fatal(got)
	}
}

func TestExtendRefusesAnotherDomainOrKind(t *testing.T) {
	masked := textColumn("a")
	masked.Domain = Domain{Method: "mask"}
	if err := textColumn("a").Extend(masked); !errors.Is(err, ErrDomain) {
		t.Error(err)
	}
	if err := textColumn("a").Extend(NewColumn("t", "T.t", Int, 0)); !errors.Is(err, ErrKind) {
		t.Error(err)
	}
	empty := NewDeniedColumn("t", "T.t", String, 2)
	if err := empty.Extend(masked); err != nil || empty.Domain != masked.Domain {
		t.Error("denied cells have no domain of their own", err)
	}
}

func BenchmarkAppendBytes(b *testing.B) {
	words := [][]byte{[]byte("influenza"), []byte("fracture"), []byte("asthma"), []byte("sepsis")}
	b.ReportAllocs()
	for b.Loop() {
		c := NewColumn("t", "T.t", String, 1000)
		for i := range 1000 {
			c.AppendBytes(words[i&3])
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/cell")
}
