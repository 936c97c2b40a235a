package introspect

import (
	"context"
	"slices"
	"strings"

	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Values of a column that are looked up in another table's key, and the part of them that must be there.
const (
	looked = 50
	there  = 0.9
)

// Match adds the joins that no foreign key declares: a column that is named for another table, or like its key, and
// whose sampled values are among the values of that key.
func Match(ctx context.Context, s source.Source, tables []*Table) error {
	for _, t := range tables {
		for _, c := range t.Columns {
			if len(c.Samples) == 0 || slices.Contains(t.Primary, c.Name) || refersTo(t, c) != nil {
				continue
			}
			for _, other := range tables {
				if other == t || other.key() == nil || !alike(c, other) {
					continue
				}
				if ctx.Err() != nil {
					return source.Ended(ctx.Err())
				}
				if contains(ctx, s, other, c.Samples) {
					t.Foreign = append(t.Foreign, Foreign{Column: c.Name, Table: other.Name, References: other.key().Name})
					break
				}
			}
		}
	}
	return nil
}

func refersTo(t *Table, c *Column) *Foreign {
	for i := range t.Foreign {
		if t.Foreign[i].Column == c.Name {
			return &t.Foreign[i]
		}
	}
	return nil
}

// alike reports whether a column is named like the key of a table ("nationalId"), or like the table and its key
// ("ward_id", "patient").
func alike(c *Column, t *Table) bool {
	name := strings.Join(words(c.Name), "")
	key := strings.Join(words(t.key().Name), "")
	table := strings.Join(words(singular(lastPart(t.Name))), "")
	return len(key) > 2 && name == key || table != "" && (name == table || name == table+key || name == table+"id" || name == table+"code")
}

// contains asks the other table for the values.
func contains(ctx context.Context, s source.Source, t *Table, values []string) bool {
	key := t.key()
	r, names := relation(t, []*Column{key})
	keys := &source.Keys{Field: key.Name}
	for _, v := range values[:min(len(values), looked)] {
		keys.Values = append(keys.Values, predicate.String(v))
	}
	answer, err := s.Fetch(ctx, &source.Query{Relation: r, Select: names, Where: predicate.Always(), Keys: keys, MaxRows: looked})
	return err == nil && float64(answer.Rows) >= there*float64(len(keys.Values))
}

// lastPart is a table's name without its schema.
func lastPart(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// singular is good enough for English plurals; a wrong guess is a name to be edited.
func singular(name string) string {
	lower := strings.ToLower(name)
	switch {
	case strings.HasSuffix(lower, "ies") && len(name) > 4:
		return name[:len(name)-3] + "y"
	case strings.HasSuffix(lower, "sses"), strings.HasSuffix(lower, "xes"), strings.HasSuffix(lower, "ches"), strings.HasSuffix(lower, "shes"):
		return name[:len(name)-2]
	case strings.HasSuffix(lower, "s") && !strings.HasSuffix(lower, "ss") && !strings.HasSuffix(lower, "us") && !strings.HasSuffix(lower, "is"):
		return name[:len(name)-1]
	}
	return name
}

// kinds of scalars that a key may have.
func keyed(c *Column) bool {
	return c != nil && slices.Contains([]string{"String", "Int", "BigInt", "UUID"}, c.Scalar)
}

// ScalarOf is the scalar of a column that holds a kind.
func ScalarOf(k privacy.Kind) string {
	return map[privacy.Kind]string{privacy.Bool: "Boolean", privacy.Int: "Int", privacy.BigInt: "BigInt", privacy.Float: "Float",
		privacy.Decimal: "Decimal", privacy.Date: "Date", privacy.Time: "DateTime", privacy.JSON: "JSON"}[k]
}
