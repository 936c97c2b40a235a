package execute

import (
	"slices"

	"concordat/federation/plan"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// keyIndex numbers the distinct join keys of a parent's rows.
type keyIndex struct {
	field    string
	values   []predicate.Value
	ofParent []int32 // by parent row: number of its key, -1 for none
	text     map[string]int32
	ints     map[int64]int32
}

// joinKeys collects the keys that a step joins on; nil at the root.
func joinKeys(s, parent *plan.AuthorizedStep, above *stepResult) *keyIndex {
	if parent == nil {
		return nil
	}
	n := len(above.origin)
	k := &keyIndex{field: s.Join.Join.To, ofParent: make([]int32, n), values: make([]predicate.Value, 0, min(n, 64))}
	from := above.internal.Column(s.Join.Join.From)
	for row := range k.ofParent {
		k.ofParent[row] = -1
		if from != nil && !from.IsNull(row) && !unjoined(s, parent, above, row) {
			k.ofParent[row] = k.add(from, row)
		}
	}
	return k
}

// unjoined reports whether an agency of a parent row denies following the join from its rows.
func unjoined(s, parent *plan.AuthorizedStep, above *stepResult, row int) bool {
	if len(s.Unjoined) == 0 {
		return false
	}
	return slices.ContainsFunc(above.parts(row), func(part uint16) bool { return slices.Contains(s.Unjoined, parent.Parts[part].Agency) })
}

func (k *keyIndex) add(c *privacy.Column, row int) int32 {
	if n, ok := k.find(c, row); ok {
		return n
	}
	n := int32(len(k.values))
	if c.Kind.Text() {
		if k.text == nil {
			k.text = make(map[string]int32, cap(k.values))
		}
		k.text[c.Text(row)] = n
	} else {
		if k.ints == nil {
			k.ints = make(map[int64]int32, cap(k.values))
		}
		k.ints[c.Int(row)] = n
	}
	k.values = append(k.values, constantOf(c, row))
	return n
}

// addValue is add for a key that a cell gave before, or a root's own.
func (k *keyIndex) addValue(v predicate.Value) {
	n := int32(len(k.values))
	if v.Kind == predicate.TextValue || v.Kind == predicate.DecimalValue {
		if _, ok := k.text[v.Text]; ok {
			return
		}
		if k.text == nil {
			k.text = map[string]int32{}
		}
		k.text[v.Text] = n
	} else {
		if _, ok := k.ints[v.Int]; ok {
			return
		}
		if k.ints == nil {
			k.ints = map[int64]int32{}
		}
		k.ints[v.Int] = n
	}
	k.values = append(k.values, v)
}

// find is the number of the key that a cell holds. Columns without an exact equality (Float) are no keys.
func (k *keyIndex) find(c *privacy.Column, row int) (int32, bool) {
	if c.IsNull(row) || c.Kind == privacy.Float {
		return 0, false
	}
	if c.Kind.Text() {
		n, ok := k.text[c.Text(row)]
		return n, ok
	}
	n, ok := k.ints[c.Int(row)]
	return n, ok
}

// constantOf is a cell as a value of a predicate; NULL for a cell that holds none.
func constantOf(c *privacy.Column, row int) predicate.Value {
	if c == nil || c.IsNull(row) {
		return predicate.Value{}
	}
	switch c.Kind {
	case privacy.Bool:
		return predicate.Bool(c.Bool(row))
	case privacy.Int, privacy.BigInt:
		return predicate.Int(c.Int(row))
	case privacy.Float:
		return predicate.Float(c.Float(row))
	case privacy.Decimal:
		return predicate.Decimal(c.Text(row))
	case privacy.Time:
		return predicate.Micros(c.Int(row))
	}
	return predicate.String(c.Text(row))
}

// spread turns spans by key into spans by parent row.
func (k *keyIndex) spread(byKey []span) []span {
	out := make([]span, len(k.ofParent))
	for row, key := range k.ofParent {
		if key >= 0 {
			out[row] = byKey[key]
		}
	}
	return out
}
