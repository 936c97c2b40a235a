package predicate

// ValueKind says which member of a Value is set.
type ValueKind uint8

const (
	NullValue    ValueKind = iota
	BoolValue              // Int is 0 or 1
	IntValue               // Int, the full 64 bits
	FloatValue             // Float, finite
	DecimalValue           // Text, a decimal literal kept exactly
	TextValue              // Text, valid UTF-8; also dates as YYYY-MM-DD
	TimeValue              // Int, microseconds since 1970-01-01T00:00:00Z
)

// Value is a constant of a predicate. The zero value is NULL.
type Value struct {
	Kind  ValueKind
	Int   int64
	Float float64
	Text  string
}

// Bool is a truth value.
func Bool(b bool) Value {
	v := Value{Kind: BoolValue}
	if b {
		v.Int = 1
	}
	return v
}

// Int is a 64-bit integer.
func Int(i int64) Value { return Value{Kind: IntValue, Int: i} }

// Float is a finite double; NaN and infinities become NULL.
func Float(f float64) Value {
	if f != f || f-f != 0 {
		return Value{}
	}
	return Value{Kind: FloatValue, Float: f}
}

// Decimal is an exact decimal literal.
func Decimal(text string) Value { return Value{Kind: DecimalValue, Text: text} }

// String is text, and dates as YYYY-MM-DD.
func String(text string) Value { return Value{Kind: TextValue, Text: text} }

// Micros is an instant in microseconds since the Unix epoch.
func Micros(us int64) Value { return Value{Kind: TimeValue, Int: us} }
