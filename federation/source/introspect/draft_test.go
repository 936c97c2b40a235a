package introspect

import (
	"strings"
	"testing"
)

func column(name, scalar string) *Column { return &Column{Name: name, Scalar: scalar} }

// What composition would refuse is not in a draft, or is a comment of it.
func TestADraftComposesAsItIs(t *testing.T) {
	wards := &Table{Name: "wards", Primary: []string{"id"}, Columns: []*Column{column("id", "Int"), column("code", "Int"), column("size", "Decimal")}}
	log := &Table{Name: "log", Columns: []*Column{column("ward", "Int"), column("what", "String")}, Foreign: []Foreign{{"ward", "wards", "id"}}}
	rota := &Table{Name: "rota", Primary: []string{"ward", "day"}, Columns: []*Column{column("ward", "Int"), column("day", "Date"), column("code", "Int"),
		column("size", "Int")}, Foreign: []Foreign{{"ward", "wards", "id"}, {"code", "wards", "code"}, {"size", "wards", "size"}, {"ward", "log", "ward"}}}
	hashed := &Table{Name: "hashed\rtype X", Primary: []string{"n", "hash"}, Columns: []*Column{column("n", "Int")}} // its hash is bytes
	text := Draft([]*Table{wards, log, rota, hashed, {Name: "photographs"}})
	for _, line := range []string{
		"\ntype Rota @source(table: \"rota\") @key(fields: \"ward day\") {\n",
		"\n  ward: ID ", "\n  day: Date ",
		"\n  ward2: Ward @join(on: \"ward = id\")\n",
		"\n  ward3: Ward @join(on: \"code = code\")\n}", // and none along size, which is of two scalars, or to the log
		"\n  rotas: [Rota!] @join(on: \"id = ward\")\n",
		"\n# log has no primary key",
		"\n# type Log @source(table: \"log\") @key(fields: \"\") {\n",
		"\n# }\n",
		"\n# hashed type X has no primary key",
		"\n# photographs has no primary key",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is missing", line)
		}
	}
	if n := strings.Count(text, "\n  code: ID "); n != 2 {
		t.Errorf("%d ends of the key along code are IDs", n)
	}
	for _, line := range []string{": Log", ": [Log!]", "\rtype"} {
		if strings.Contains(text, line) {
			t.Errorf("%q is there", line)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}
