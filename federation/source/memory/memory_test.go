package memory_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"

	"concordat/federation/source"
	"concordat/federation/source/memory"
	"concordat/federation/source/sourcetest"
	"concordat/privacy"
)

func TestConformance(t *testing.T) {
	sourcetest.Run(t, func(_ *testing.T, r *source.Relation, rows *privacy.Table) source.Source {
		return memory.New(map[string]*privacy.Table{r.Type: rows})
	})
}

func relation(columns map[string]privacy.Kind) *source.Relation {
	r := &source.Relation{Type: "Reading", Table: "readings", Columns: map[string]source.Column{}}
	for name, kind := range columns {
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate("Reading." + name), Physical: name, Kind: kind}
	}
	return r
}

var kinds = map[string]privacy.Kind{"id": privacy.String, "at": privacy.Time, "pm25": privacy.Float, "n": privacy.BigInt, "ok": privacy.Bool}

const good = "\ufeffunused,at,id,pm25,n,ok\n,2025-11-01T10:00:00Z,\"a,\"\"b\",12.5,9223372036854775807,true\nx,2025-11-01T10:00:00.5+01:00,c,,,0\n"

func TestLoadReadsQuotesGzipAndMissingCells(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(good))
	z.Close()
	for name, text := range map[string]string{"plain": good, "gzip": packed.String()} {
		got, err := memory.Load(strings.NewReader(text), relation(kinds))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Rows != 2 || got.Column("id").Text(0) != `a,"b` || got.Column("n").Int(0) != 1<<63-1 || !got.Column("ok").Bool(0) {
			t.Errorf("%s: got %+v", name, got)
		}
		if !got.Column("pm25").IsNull(1) || got.Column("at").Int(1) != 1761987600500000 {
			t.Errorf("%s: got %+v", name, got.Column("at"))
		}
	}
}

func TestLoadRefusesAndNamesThePlaceNeverTheValue(t *testing.T) {
	for name, text := range map[string]string{
		"not a float":   "id,at,pm25,n,ok\n1,2025-11-01T10:00:00Z,MARKER,1,1\n",
		"NaN":           "id,at,pm25,n,ok\n1,2025-11-01T10:00:00Z,NaN,1,1\n",
		"too large":     "id,at,pm25,n,ok\n1,2025-11-01T10:00:00Z,1,9223372036854775808,1\n",
		"not a day":     "id,at,pm25,n,ok\n1,2025-02-30T10:00:00Z,1,1,1\n",
		"not UTF-8":     "id,at,pm25,n,ok\n\xff,2025-11-01T10:00:00Z,1,1,1\n",
		"few cells":     "id,at,pm25,n,ok\nMARKER\n",
		"a lone quote":  "id,at,pm25,n,ok\nMAR\"KER,,,,\n",
		"missing":       "id,at\n",
		"no header":     "",
		"broken gzip":   "\x1f\x8b\x00",
		"not a boolean": "id,at,pm25,n,ok\n1,2025-11-01T10:00:00Z,1,1,yes\n",
	} {
		_, err := memory.Load(strings.NewReader(text), relation(kinds))
		if !errors.Is(err, source.ErrInvalid) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(good)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := memory.Load(strings.NewReader(text), relation(kinds))
		if err != nil {
			return
		}
		for _, c := range got.Columns {
			if c.Len() != got.Rows {
				t.Fatalf("column %s has %d of %d rows", c.Name, c.Len(), got.Rows)
			}
		}
	})
}
