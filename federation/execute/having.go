package execute

import (
	"fmt"

	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// groupColumn is the column that numbers groups while they are filtered.
const groupColumn = "#group"

// having keeps the groups that meet the caller's conditions, of those that are large enough to be shown: what is said
// of the others is nothing.
func (f *fetch) having(c *combined, kept []int32) ([]int32, error) {
	if f.step.Having.Node().Kind == predicate.KindAlways || len(kept) == 0 {
		return kept, nil
	}
	number := privacy.NewColumn(groupColumn, "", privacy.Int, len(kept))
	for _, row := range kept {
		number.AppendInt(int64(row))
	}
	rows := c.table.Gather(kept)
	rows.Columns = append(rows.Columns, number)
	q := &source.Query{Relation: groupRelation(f.step.Entity.Name, rows), Select: []string{groupColumn}, Where: f.step.Having, MaxRows: len(kept)}
	out, err := eval.Run(rows, q)
	if err != nil {
		return nil, fmt.Errorf("%w: conditions on groups: %w", errRelease, err)
	}
	chosen := make([]int32, out.Rows)
	for i := range chosen {
		chosen[i] = int32(out.Columns[0].Int(i))
	}
	return chosen, nil
}

// groupRelation describes a group table to the evaluator.
func groupRelation(name string, t *privacy.Table) *source.Relation {
	r := &source.Relation{Type: name, Table: name, Columns: map[string]source.Column{}}
	for _, c := range t.Columns {
		r.Columns[c.Name] = source.Column{Coordinate: c.Coordinate, Physical: c.Name, Kind: c.Kind}
	}
	return r
}
