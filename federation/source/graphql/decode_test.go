package graphql

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"concordat/policy/predicate"
	"concordat/privacy"
)

func columns() *privacy.Table {
	return &privacy.Table{Columns: []*privacy.Column{
		privacy.NewColumn("a", "T.a", privacy.String, 1), privacy.NewColumn("b", "T.b", privacy.Float, 1)}}
}

// FuzzDecode checks against encoding/json: what we accept it accepts, with the same values.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"data":{"rows":[{"c0":"\ud83d\ude00\n\/","c1":-1.5e3},{"c1":null,"c0":null}]},"errors":[ ],"x":[[{}],{"y":true}]}`))
	f.Add([]byte(`{"data":{"rows":[]}}`))
	f.Add([]byte(`{"errors":null,"data":{"rows":[{"c0":"","c1":0}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := columns()
		if decode(body, nil, got, 100) != nil {
			return
		}
		var want struct {
			Data struct {
				Rows []struct {
					C0 *string
					C1 *float64
				}
			}
		}
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("accepted what encoding/json does not: %v", err)
		}
		if !utf8.Valid(body) && len(want.Data.Rows) > 0 && got.Rows == 0 {
			t.Fatal("lost rows")
		}
		for i, c := range got.Columns {
			if c.Len() != got.Rows {
				t.Fatalf("column %d has %d of %d rows", i, c.Len(), got.Rows)
			}
		}
		if len(want.Data.Rows) != got.Rows {
			return // encoding/json matches member names without case and keeps the last of two
		}
		for row, w := range want.Data.Rows {
			if w.C0 != nil && got.Columns[0].Text(row) != *w.C0 || w.C1 != nil && got.Columns[1].Float(row) != *w.C1 {
				t.Fatalf("row %d differs", row)
			}
		}
	})
}

// FuzzDecodeEntities checks that whatever is accepted holds only rows that were asked for, each once and in order.
func FuzzDecodeEntities(f *testing.F) {
	f.Add([]byte(`{"data":{"rows":[{"__typename":"T","c0":"x","c1":1},null]}}`))
	f.Add([]byte(`{"data":{"rows":[null,{"c1":null,"c0":"y","__typename":"T"}]}}`))
	f.Add([]byte(`{"data":{"rows":[{"__typename":"T","c0":"y","c1":1},{"__typename":"U","c0":"x","c1":1}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		got := columns()
		e := &entities{typeName: "T", keys: []predicate.Value{predicate.String("x"), predicate.String("y")}}
		if decode(body, e, got, 100) != nil {
			return
		}
		var keys string
		for row := range got.Rows {
			keys += got.Columns[0].Text(row)
		}
		if keys != "" && keys != "x" && keys != "y" && keys != "xy" || got.Columns[1].Len() != got.Rows {
			t.Fatalf("%q was accepted", keys)
		}
	})
}
