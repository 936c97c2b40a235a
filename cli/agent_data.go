package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"concordat/federation/agent"
	"concordat/federation/source"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// agentData says where an agency's rows are: a CSV file, or a table (best: a view with the agency's own row rule) of a
// source configured like the gateway's.
type agentData struct {
	CSV     string                 `yaml:"csv"`
	Sources string                 `yaml:"sources"` // file
	Source  string                 `yaml:"source"`
	Table   string                 `yaml:"table"`
	Columns map[string]agentColumn `yaml:"columns"` // by field name
	Unit    string                 `yaml:"unit"`    // field of the privacy unit
	MaxRows int                    `yaml:"maxRows"` // default 1,000,000
}

type agentColumn struct {
	Column string `yaml:"column"` // default: the field's name
	Kind   string `yaml:"kind"`
}

func columnKinds() map[string]privacy.Kind {
	return map[string]privacy.Kind{"bool": privacy.Bool, "int": privacy.Int, "bigint": privacy.BigInt, "float": privacy.Float,
		"decimal": privacy.Decimal, "text": privacy.String, "date": privacy.Date}
}

// file is the path that data names.
func (d *agentData) file() *string {
	if d.CSV == "" && d.Sources != "" {
		return &d.Sources
	}
	return &d.CSV
}

func (d *agentData) check() error {
	table := d.Sources != "" || d.Source != "" || d.Table != "" || len(d.Columns) > 0
	switch {
	case d.CSV != "" && table:
		return errors.New("either csv, or sources with source, table and columns")
	case !table:
		return nil
	case d.Sources == "" || d.Source == "" || d.Table == "" || len(d.Columns) == 0 || d.MaxRows < 0:
		return errors.New("sources, source, table and columns go together")
	}
	for name, c := range d.Columns {
		if columnKinds()[c.Kind] == 0 {
			return errors.New("column " + name + ": the kind is bool, int, bigint, float, decimal, text or date")
		}
	}
	if _, ok := d.Columns[d.Unit]; d.Unit != "" && !ok {
		return errors.New("unit is not among the columns")
	}
	return nil
}

func (d *agentData) relation() *source.Relation {
	r := &source.Relation{Type: d.Table, Table: d.Table, Columns: map[string]source.Column{}}
	for name, c := range d.Columns {
		physical := c.Column
		if physical == "" {
			physical = name
		}
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate(d.Table + "." + name), Physical: physical, Kind: columnKinds()[c.Kind]}
	}
	return r
}

// open makes what the agent computes over. The configuration has been checked.
func (d *agentData) open(ctx context.Context, w *Wire) (agent.Data, io.Closer, error) {
	if d.CSV != "" {
		return &agent.CSV{Path: d.CSV, Unit: d.Unit}, io.NopCloser(nil), nil
	}
	text, err := os.ReadFile(d.Sources)
	if err != nil {
		return nil, nil, err
	}
	relation := d.relation()
	sources, closer, err := w.Sources(ctx, d.Sources, text, func(name string) []*source.Relation {
		if name == d.Source {
			return []*source.Relation{relation}
		}
		return nil
	}, filepath.Dir(d.Sources), w.Getenv)
	if err != nil {
		return nil, nil, err
	}
	s := sources[d.Source]
	if s == nil {
		return nil, nil, errors.Join(errors.New(d.Sources+": no such source: "+d.Source), closer.Close())
	}
	rows := &agent.Rows{Source: s, Relation: relation, Where: predicate.Always(), Unit: d.Unit, MaxRows: d.MaxRows}
	if rows.MaxRows == 0 {
		rows.MaxRows = 1_000_000
	}
	return rows, closer, nil
}
