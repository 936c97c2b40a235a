package plan

import (
	"slices"
	"time"

	"concordat/policy/predicate"
	"concordat/privacy"
)

// where moves a caller's filter to what the subject sees of its fields.
func (u *uses) where(p predicate.Predicate) (predicate.Predicate, error) {
	n := p.Node()
	switch n.Kind {
	case predicate.KindNever, predicate.KindAlways:
		return p, nil
	case predicate.KindAnd, predicate.KindOr, predicate.KindNot:
		return u.junction(n)
	}
	if IsMark(n.Field) {
		return p, nil
	}
	v := u.sight(n.Field)
	if v.seen == seenRaw {
		return p, u.whole(v, n)
	}
	return u.moved(v, n)
}

func (u *uses) junction(n *predicate.Node) (predicate.Predicate, error) {
	kids := make([]predicate.Predicate, len(n.Kids))
	for i, k := range n.Kids {
		moved, err := u.where(k)
		if err != nil {
			return predicate.Never(), err
		}
		kids[i] = moved
	}
	switch n.Kind {
	case predicate.KindAnd:
		return predicate.And(kids...), nil
	case predicate.KindOr:
		return predicate.Or(kids...), nil
	}
	return predicate.Not(kids[0]), nil
}

// whole refuses parts of dates where whole ones are compared.
func (u *uses) whole(v sight, n *predicate.Node) error {
	if v.field.Kind != privacy.Date || n.Kind == predicate.KindNull {
		return nil
	}
	for _, value := range append([]predicate.Value{n.Value}, n.Values...) {
		if value.Kind == predicate.TextValue && n.Op < predicate.HasPrefix && len(value.Text) != len(time.DateOnly) {
			return &InputError{Path: u.step.Path, Message: "the filter on " + v.field.Name + " takes a whole date"}
		}
	}
	return nil
}

// moved is one condition over what is seen.
func (u *uses) moved(v sight, n *predicate.Node) (predicate.Predicate, error) {
	what := useNull
	switch n.Kind {
	case predicate.KindCompare:
		what = useOf(n.Op)
	case predicate.KindIn:
		what = useEqual
	case predicate.KindNull:
	default: // fail closed: callers write nothing else
		return predicate.Never(), u.refuse(v)
	}
	if u.step.Kind == ByKey {
		what = useKey
	}
	if err := u.permitted(v, what); err != nil {
		return predicate.Never(), err
	}
	o, err := u.operands(v)
	if err != nil {
		return predicate.Never(), err
	}
	u.oblige(v.field.Coordinate, v.obligation.Method)
	name := u.step.shownAs(v)
	switch n.Kind {
	case predicate.KindCompare:
		value, ok := o.value(n.Op, n.Value)
		if !ok {
			return predicate.Never(), u.refuse(v)
		}
		return predicate.Compare(name, n.Op, value), nil
	case predicate.KindIn:
		values := slices.Clone(n.Values)
		for i := range values {
			var ok bool
			if values[i], ok = o.value(predicate.Eq, values[i]); !ok {
				return predicate.Never(), u.refuse(v)
			}
		}
		return predicate.In(name, values...), nil
	}
	return predicate.Null(name), nil
}

// operands reads what a caller compares a transformed field with. A value that the field could not show is refused
// rather than compared with what its writer did not mean.
type operands struct {
	kind   privacy.Kind
	coarse func(*privacy.Column) (*privacy.Column, error) // nil: any value of the kind, as for pseudonyms
}

func (u *uses) operands(v sight) (operands, error) {
	o := operands{kind: v.field.Kind}
	if !u.transforms.Algebra(v.obligation.Method).Range {
		return o, nil
	}
	do, err := u.transforms.Prepare(v.field.Kind, v.obligation, privacy.Scope{}) // buckets have no keys
	if err != nil {
		return o, u.refuse(v)
	}
	o.coarse = do
	return o, nil
}

// value is an operand in the domain that is shown: itself, where it is shown so; or the bucket that begins or ends
// with it, where the comparison is at that edge.
func (o *operands) value(op predicate.Op, v predicate.Value) (predicate.Value, bool) {
	if o.coarse == nil {
		return v, true
	}
	whole := v
	if o.kind == privacy.Date {
		whole = predicate.String(v.Text + "-01-01"[min(max(0, len(v.Text)-len("2006")), len("-01-01")):])
	}
	bucket, ok := o.bucket(whole)
	switch {
	case !ok:
		return v, false
	case bucket == v:
		return v, true
	case o.kind == privacy.Date && whole == v && o.edge(op, v, bucket):
		return bucket, true
	}
	return v, false
}

// edge reports whether no bucket lies on both sides of a comparison with a whole date.
func (o *operands) edge(op predicate.Op, v, bucket predicate.Value) bool {
	days := 0
	switch op {
	case predicate.Lt, predicate.Gte:
		days = -1
	case predicate.Lte, predicate.Gt:
		days = 1
	}
	day, err := time.Parse(time.DateOnly, v.Text)
	if err != nil || days == 0 {
		return false
	}
	beside, ok := o.bucket(predicate.String(day.AddDate(0, 0, days).Format(time.DateOnly)))
	return ok && beside != bucket
}

// bucket is what one value is shown as.
func (o *operands) bucket(v predicate.Value) (predicate.Value, bool) {
	c := privacy.NewColumn("", "", o.kind, 1)
	switch {
	case o.kind.Text():
		c.AppendText(v.Text)
	case o.kind == privacy.Float:
		c.AppendFloat(v.Float)
	default:
		c.AppendInt(v.Int)
	}
	out, err := o.coarse(c)
	if err != nil || out.Len() != 1 || out.IsNull(0) {
		return v, false
	}
	switch {
	case o.kind.Text():
		v.Text = out.Text(0)
	case o.kind == privacy.Float:
		v.Float = out.Float(0)
	default:
		v.Int = out.Int(0)
	}
	return v, true
}
