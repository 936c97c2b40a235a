package agent_test

import (
	"bytes"
	"testing"

	"concordat/federation/agent"
	"concordat/federation/source"
	"concordat/privacy"
)

// asked is a shape with a column of each way to store one.
var asked = []privacy.Column{{Name: "a", Kind: privacy.String}, {Name: "b", Kind: privacy.Float}, {Name: "c", Kind: privacy.Bool}, {Name: "d", Kind: privacy.BigInt}}

func sample() *privacy.Table {
	t := &privacy.Table{Rows: 3}
	for _, s := range asked {
		c := privacy.NewColumn(s.Name, "", s.Kind, 3)
		switch s.Kind {
		case privacy.String:
			c.AppendText("x")
			c.AppendNull()
			c.AppendText("\xff not UTF-8")
		case privacy.Float:
			c.AppendFloat(1.5)
			c.AppendFloat(-0.25)
			c.AppendNull()
		default:
			c.AppendInt(1)
			c.AppendNull()
			c.AppendInt(0)
		}
		t.Columns = append(t.Columns, c)
	}
	return t
}

// TestTableOfAHostileAgentIsRefused changes an honest answer byte by byte and cuts it: what is still taken is a whole
// table of the shape, and nothing else is.
func TestTableOfAHostileAgentIsRefused(t *testing.T) {
	good, err := agent.EncodeTable(sample(), asked)
	must(t, err)
	if back, err := agent.DecodeTable(good, asked, 3); err != nil || back.Rows != 3 || back.Column("a").Text(2) != "\xff not UTF-8" || !back.Column("b").IsNull(2) {
		t.Fatal(back, err)
	}
	for _, bad := range [][]byte{nil, {}, good[:len(good)-1], append(bytes.Clone(good), 0), bytes.Repeat([]byte{0xff}, 64)} {
		if _, err := agent.DecodeTable(bad, asked, 3); err == nil {
			t.Errorf("taken: %x", bad)
		}
	}
	if _, err := agent.DecodeTable(good, asked, 2); err == nil {
		t.Error("more rows than were asked for")
	}
	for i := range good {
		for _, b := range []byte{0, 1, 2, 0x7f, 0x80, 0xff} {
			changed := bytes.Clone(good)
			changed[i] = b
			wholeOrNothing(t, changed)
		}
	}
}

func wholeOrNothing(t *testing.T, b []byte) {
	t.Helper()
	got, err := agent.DecodeTable(b, asked, 1000)
	if err != nil {
		return
	}
	for i, c := range got.Columns {
		if c.Name != asked[i].Name || c.Kind != asked[i].Kind || c.Len() != got.Rows {
			t.Fatalf("%x: column %d has %d of %d rows", b, i, c.Len(), got.Rows)
		}
		for row := range got.Rows {
			if s := c.State(row); s != privacy.Value && s != privacy.Null {
				t.Fatalf("%x: a cell is %d", b, s)
			}
		}
	}
	again, err := agent.EncodeTable(got, asked)
	if err != nil {
		t.Fatalf("%x: %v", b, err)
	}
	if _, err := agent.DecodeTable(again, asked, 1000); err != nil {
		t.Fatalf("%x: does not survive a round trip: %v", b, err)
	}
}

func FuzzDecodeTable(f *testing.F) {
	good, err := agent.EncodeTable(sample(), asked)
	must(f, err)
	f.Add(good)
	f.Fuzz(wholeOrNothing)
}

// FuzzDecodeQuery: what an agent makes of a gateway's bytes is a query that its source can check, or nothing.
func FuzzDecodeQuery(f *testing.F) {
	r, _ := beds()
	good, err := agent.EncodeQuery(bedQuery(r))
	must(f, err)
	f.Add(good)
	f.Add([]byte(`{"type":"Bed","select":["id"],"where":{"kind":4,"kids":[{"kind":5,"field":"id","op":1,"value":{"Kind":5,"Text":"x"}}]},"maxRows":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		q, err := agent.DecodeQuery(text, func(string) *source.Relation { return r })
		if err == nil && q.Check() == nil {
			if _, err := agent.EncodeQuery(q); err != nil {
				t.Fatal(err)
			}
		}
	})
}
