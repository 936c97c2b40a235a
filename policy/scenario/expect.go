package scenario

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/policy"
	"concordat/policy/explain"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// fields compares rulings: `deny`, `transform`, `transform mask`, `transform mask{"keepLast":4}`.
func (c *check) fields() {
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		k := policy.FieldKey{Agency: c.agency, Coordinate: privacy.Coordinate(name)}
		if _, ok := c.decision.Fields[k]; !ok {
			c.fail("%s has no field %s", c.agency, name)
			continue
		}
		r := c.decision.Field(k)
		method := r.Obligation.Method
		forms := []string{r.Effect.String(), r.Effect.String() + " " + method, r.Effect.String() + " " + method + r.Obligation.Arguments}
		if want := c.Fields[name]; !slices.Contains(forms, want) {
			c.fail("%s is %s, not %s", name, strings.TrimSpace(forms[2]), want)
		}
	}
}

// ask compares what becomes of the query.
func (c *check) ask(ctx context.Context) error {
	if c.Ask == nil {
		c.fail("queries cannot be planned here")
		return nil
	}
	engine := c.inspector.Engine()
	view, err := engine.Profile(ctx, c.subject)
	if err != nil {
		return err
	}
	got, err := c.Ask(c.Query, view, func(r policy.Request) (*policy.Decision, error) { return engine.Decide(ctx, c.subject, r) })
	if err != nil {
		c.fail("the query: %s", err)
		return nil
	}
	if got.Invalid != c.want.Invalid || got.Refused != c.want.Refused || !slices.Equal(got.Denied, c.want.Denied) {
		c.fail("the answer is %s, not %s", got, c.want)
	}
	return nil
}

func (a Answer) String() string {
	switch {
	case a.Invalid:
		return "invalid"
	case a.Refused:
		return "refused"
	case len(a.Denied) == 0:
		return "whole"
	}
	return "denied " + strings.Join(a.Denied, ", ")
}

// given is a row as predicates read it.
type given map[string]predicate.Value

func (g given) Value(field string) predicate.Value { return g[field] }

// row checks whether a row is seen, and its values as they would leave.
func (c *check) row(r row) {
	kinds := c.kinds(c.of(r.Agency), r.Type)
	if len(kinds) == 0 {
		c.fail("%s has no type %s", c.of(r.Agency), r.Type)
		return
	}
	values := given{}
	for _, name := range slices.Sorted(maps.Keys(r.Row)) {
		node := r.Row[name]
		v, err := value(kinds[name], &node)
		if err != nil {
			c.fail("%s.%s: %s", r.Type, name, err)
			return
		}
		values[name] = v
	}
	rule := c.decision.Row(policy.TypeKey{Agency: c.of(r.Agency), Type: r.Type})
	if seen := rule.Holds(values); seen != *r.Seen {
		c.fail("the row of %s (line %d) is seen: %v, not %v; rows are seen where %s", r.Type, lineOf(r), seen, *r.Seen, explain.Condition(rule))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(r.Values)) {
		node := r.Values[name]
		if got, want := c.leaves(r, name, kinds[name], values[name]), node.Value; got != want && !(node.Tag == "!!null" && got == "null") {
			c.fail("%s.%s leaves as %s, not %s", r.Type, name, got, want)
		}
	}
}

func lineOf(r row) int {
	for _, node := range r.Row {
		return node.Line
	}
	return 0
}

func (c *check) kinds(agency policy.AgencyID, typ string) map[string]privacy.Kind {
	out := map[string]privacy.Kind{}
	for _, f := range c.Policy.Catalog.Fields {
		if f.Agency == agency && f.Type == typ && f.Column() {
			out[f.Name] = f.Kind
		}
	}
	return out
}

// value reads a cell in the field's own kind.
func value(kind privacy.Kind, node *yaml.Node) (predicate.Value, error) {
	switch {
	case kind == 0:
		return predicate.Value{}, fmt.Errorf("no such field")
	case node.Kind != yaml.ScalarNode:
		return predicate.Value{}, fmt.Errorf("not one value")
	case node.Tag == "!!null":
		return predicate.Value{}, nil
	}
	text := node.Value
	var v predicate.Value
	var err error
	switch kind {
	case privacy.Bool:
		var b bool
		b, err = strconv.ParseBool(text)
		v = predicate.Bool(b)
	case privacy.Int, privacy.BigInt:
		var i int64
		i, err = strconv.ParseInt(text, 10, 64)
		v = predicate.Int(i)
	case privacy.Float:
		var f float64
		f, err = strconv.ParseFloat(text, 64)
		v = predicate.Float(f)
	case privacy.Time:
		var at time.Time
		at, err = time.Parse(time.RFC3339Nano, text)
		v = predicate.Micros(at.UnixMicro())
	case privacy.Date:
		_, err = time.Parse(time.DateOnly, text)
		v = predicate.String(text)
	case privacy.Decimal:
		v = predicate.Decimal(text)
	default:
		v = predicate.String(text)
	}
	if err != nil {
		return predicate.Value{}, fmt.Errorf("not a value of its kind")
	}
	return v, nil
}

// leaves is a value as the subject would get it, or the effect that keeps it.
func (c *check) leaves(r row, name string, kind privacy.Kind, v predicate.Value) string {
	coordinate := privacy.Coordinate(r.Type + "." + name)
	ruling := c.decision.Field(policy.FieldKey{Agency: c.of(r.Agency), Coordinate: coordinate})
	if ruling.Effect != policy.Allow && ruling.Effect != policy.Transform {
		return ruling.Effect.String()
	}
	raw := column(name, coordinate, kind, v)
	out := privacy.Output{Column: name, As: name, Coordinate: coordinate, Kind: kind, Release: privacy.ReleaseRaw}
	if ruling.Effect == policy.Transform {
		out.Release, out.Obligation = privacy.ReleaseTransformed, ruling.Obligation
	}
	if c.Transforms == nil {
		return "nothing: no transforms are at hand"
	}
	scope := privacy.Scope{Agreement: c.subject.Agreement, Purpose: c.subject.Purpose, Root: make([]byte, 32)}
	released, err := privacy.Apply(&privacy.Table{Rows: 1, Columns: []*privacy.Column{raw}}, []privacy.Output{out}, c.Transforms, scope)
	if err != nil {
		return "nothing: " + err.Error()
	}
	return cell(released.Column(name))
}

func column(name string, coordinate privacy.Coordinate, kind privacy.Kind, v predicate.Value) *privacy.Column {
	c := privacy.NewColumn(name, coordinate, kind, 1)
	switch v.Kind {
	case predicate.NullValue:
		c.AppendNull()
	case predicate.BoolValue:
		c.AppendBool(v.Int != 0)
	case predicate.IntValue, predicate.TimeValue:
		c.AppendInt(v.Int)
	case predicate.FloatValue:
		c.AppendFloat(v.Float)
	default:
		c.AppendText(v.Text)
	}
	return c
}

func cell(c *privacy.Column) string {
	switch {
	case c.IsNull(0):
		return "null"
	case c.Kind.Text():
		return c.Text(0)
	case c.Kind == privacy.Bool:
		return strconv.FormatBool(c.Bool(0))
	case c.Kind == privacy.Float:
		return strconv.FormatFloat(c.Float(0), 'g', -1, 64)
	case c.Kind == privacy.Time:
		return time.UnixMicro(c.Int(0)).UTC().Format(time.RFC3339Nano)
	}
	return strconv.FormatInt(c.Int(0), 10)
}
