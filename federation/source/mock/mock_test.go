package mock_test

import (
	"strings"
	"testing"

	"concordat/demo"
	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/federation/source/mock"
	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// supergraph composes the demo's agencies: six, two of which hold one type together.
func supergraph(t *testing.T) *compose.Supergraph {
	t.Helper()
	entries, err := demo.Files.ReadDir("agencies")
	if err != nil {
		t.Fatal(err)
	}
	var files []compose.File
	for _, e := range entries {
		text, err := demo.Files.ReadFile("agencies/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		agency, _, _ := strings.Cut(e.Name(), ".")
		files = append(files, compose.File{Name: e.Name(), Agency: policy.AgencyID(agency), Text: string(text)})
	}
	sg, problems := compose.Compose(files, compose.Options{})
	if sg == nil {
		t.Fatal(problems)
	}
	return sg
}

func rows(t *testing.T, sources map[string]source.Source, p *compose.Part) *privacy.Table {
	t.Helper()
	q := &source.Query{Relation: &p.Relation, Where: predicate.Always(), MaxRows: 1000}
	for name := range p.Relation.Columns {
		q.Select = append(q.Select, name)
	}
	table, err := sources[p.Source].Fetch(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestEveryKeyIsThereOnceOverAllAgencies(t *testing.T) {
	sg := supergraph(t)
	sources := mock.Sources(sg, 20)
	for _, e := range sg.Entities {
		seen := map[string]bool{}
		for _, p := range e.Parts {
			table := rows(t, sources, p)
			for row := range table.Rows {
				key := keyOf(t, e, table, row)
				if seen[key] {
					t.Errorf("%s: the key %s stands twice", e.Name, key)
				}
				seen[key] = true
			}
		}
	}
}

func keyOf(t *testing.T, e *compose.Entity, table *privacy.Table, row int) string {
	t.Helper()
	key := ""
	for _, name := range e.Key {
		c := table.Column(name)
		if c.IsNull(row) {
			t.Errorf("%s.%s is NULL", e.Name, name)
		}
		key += text(c, row) + "|"
	}
	return key
}

func text(c *privacy.Column, row int) string {
	out, err := privacy.AppendJSON(nil, c, row)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// Each value of a to-one relation finds a row of the type that it points at.
func TestToOneRelationsFindTheirRow(t *testing.T) {
	sg := supergraph(t)
	sources := mock.Sources(sg, 20)
	checked := 0
	for _, e := range sg.Entities {
		for _, f := range e.Fields {
			if f.Join == nil || f.Join.Many {
				continue
			}
			there := map[string]bool{}
			for _, p := range sg.Entities[f.Join.Target].Parts {
				table := rows(t, sources, p)
				for row := range table.Rows {
					there[text(table.Column(f.Join.To), row)] = true
				}
			}
			for _, p := range e.Parts {
				table := rows(t, sources, p)
				c := table.Column(f.Join.From)
				for row := range table.Rows {
					if checked++; c != nil && !c.IsNull(row) && !there[text(c, row)] {
						t.Errorf("%s: %s leads nowhere", f.Coordinate, text(c, row))
					}
				}
			}
		}
	}
	if checked == 0 {
		t.Fatal("no relation was checked")
	}
}
