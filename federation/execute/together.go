package execute

import (
	"context"
	"errors"
	"fmt"

	"concordat/federation/plan"
	"concordat/federation/source"
	"concordat/privacy"
)

// joint is one statement for each agency that fetches the rows of several steps.
type joint struct {
	lead   *fetch
	tables []*privacy.Table // by part, with an error where there is none
	errs   []error
}

// together runs steps that share a statement. One whose parent's rows hold no key has no part in it, and one that is left
// alone by that asks for itself.
func (r *run) together(ctx context.Context, x *plan.Shared, parent *plan.AuthorizedStep, above *stepResult) {
	fetches := make([]*fetch, len(x.Steps))
	var asking []*fetch
	for i, s := range x.Steps {
		fetches[i] = &fetch{run: r, step: s, keys: joinKeys(s, parent, above)}
		if keys := fetches[i].keys; keys == nil || len(keys.values) > 0 {
			asking = append(asking, fetches[i])
		}
	}
	if len(asking) > 1 {
		j := r.joint(ctx, x, asking)
		for _, f := range asking {
			f.joint = j
		}
	}
	inParallel(len(fetches), func(i int) { r.fetched(ctx, fetches[i]) })
}

// joint sends the statements of steps that share them; nil where the cursor of their lists opens nothing, which each of them
// reports.
func (r *run) joint(ctx context.Context, x *plan.Shared, asking []*fetch) *joint {
	lead := &fetch{run: r, step: x.Steps[0]}
	after, err := lead.cursor()
	if err != nil {
		return nil
	}
	if x.Key != "" {
		lead.keys = union(x.Key, asking)
	}
	j := &joint{lead: lead, tables: make([]*privacy.Table, len(x.Parts)), errs: make([]error, len(x.Parts))}
	inParallel(len(x.Parts), func(i int) {
		p := &x.Parts[i]
		j.tables[i], j.errs[i] = lead.sent(ctx, p, lead.query(p, after))
	})
	return j
}

// union numbers the keys of all steps, those of the first one first.
func union(field string, asking []*fetch) *keyIndex {
	all := &keyIndex{field: field}
	for _, f := range asking {
		for _, v := range f.wanted().values {
			all.addValue(v)
		}
	}
	return all
}

// wanted is the keys by which a step knows its rows among those of others: its parent's, or a root's own.
func (f *fetch) wanted() *keyIndex {
	if f.keys != nil {
		return f.keys
	}
	own := &keyIndex{field: f.step.Shared.Key}
	own.addValue(f.step.RootKey())
	return own
}

// raw fetches one agency's rows of the step, together with others' where it shares a statement.
func (f *fetch) raw(ctx context.Context, part int, q *source.Query) (*privacy.Table, error) {
	p := &f.step.Parts[part]
	if f.joint == nil {
		return f.askPart(ctx, p, q)
	}
	all, err := f.joint.tables[part], f.joint.errs[part]
	switch {
	case perhaps(err):
		return (&fetch{run: f.run, step: f.step, apart: true}).askPart(ctx, p, q)
	case err != nil:
		return nil, err
	}
	own, err := f.own(all, q.Select)
	if err == nil {
		err = f.run.admit(own)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s, type %s: %w", p.Source, p.Relation.Type, err)
	}
	return own, nil
}

// perhaps reports whether a shared statement may have failed for another step's rows or columns alone: these cost this step
// nothing.
func perhaps(err error) bool {
	_, refused := errors.AsType[*source.Refused](err)
	return refused || errors.Is(err, source.ErrTooLarge) || errors.Is(err, source.ErrInvalid)
}

// own takes a step's columns and rows of what was fetched for several. A row of a key that none of them asked for is the
// source's mistake, as it is where each asks for itself.
func (f *fetch) own(all *privacy.Table, columns []string) (*privacy.Table, error) {
	out := &privacy.Table{Rows: all.Rows}
	for _, name := range columns {
		c := all.Column(name)
		if c == nil {
			return nil, fmt.Errorf("%w: column %s is missing", source.ErrInvalid, name)
		}
		out.Columns = append(out.Columns, c)
	}
	if f.joint.lead.keys == nil {
		return out, nil
	}
	key, wanted := all.Column(f.joint.lead.keys.field), f.wanted()
	rows := make([]int32, 0, all.Rows)
	for row := range all.Rows {
		if _, ok := f.joint.lead.keys.find(key, row); !ok {
			return nil, fmt.Errorf("%w: a row of a key that was not asked for", source.ErrInvalid)
		}
		if _, ok := wanted.find(key, row); ok {
			rows = append(rows, int32(row))
		}
	}
	if len(rows) == all.Rows {
		return out, nil
	}
	return out.Gather(rows), nil
}
