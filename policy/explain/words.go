package explain

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"concordat/policy"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// Method words what an obligation makes of a value.
func Method(ob privacy.Obligation) string {
	var args map[string]any
	if json.Unmarshal([]byte(ob.Arguments), &args) != nil {
		args = nil
	}
	switch ob.Method {
	case "prefix":
		return fmt.Sprintf("its first %v characters", args["length"])
	case "month":
		return "its month"
	case "year":
		return "its year"
	case "pseudonym":
		return "a pseudonym of this agreement and purpose"
	case "redact":
		return redacted(args["text"])
	case "round":
		return fmt.Sprintf("the nearest multiple of %v", args["to"])
	case "null":
		return "nothing (null)"
	case "constant":
		return "the same value for everybody"
	case "labels":
		return "its labels, without text and places"
	case "mask":
		return "a mask with some characters hidden"
	}
	return "its transform by " + ob.Method + ob.Arguments
}

// redacted words a redaction: of the whole value, or of what is found in a text. What is not found stays, and an officer
// who signs the sentence must know it.
func redacted(text any) string {
	if text == nil {
		return "a mark that there is one"
	}
	word, _ := text.(string)
	instead, known := map[string]string{"label": "labels", "mask": "asterisks", "surrogate": "invented ones"}[word]
	if !known {
		instead = "something else"
	}
	return "its text, with the names and identifiers that are found in it replaced by " + instead
}

// RowAccount is the row rule of one type and its reasons.
type RowAccount struct {
	Type     string          `json:"type"`
	Agency   policy.AgencyID `json:"agency"`
	Rows     string          `json:"rows"` // the condition in words
	Rules    []Rule          `json:"rules"`
	Sentence string          `json:"sentence"`
}

// Rows words which rows of a type a subject sees.
func Rows(k policy.TypeKey, rows predicate.Predicate, said []policy.RowSpoken, s policy.Subject) RowAccount {
	a := RowAccount{Type: k.Type, Agency: k.Agency, Rows: Condition(rows), Rules: []Rule{}}
	var speaking []policy.Spoken
	for _, one := range said {
		won := !one.Rows.IsNever()
		a.Rules = append(a.Rules, Rule{Rule: one.Package + "." + one.Name(), File: one.File, Line: one.Line, Won: won,
			Says: one.Kind + " " + Condition(one.Rows)})
		if won {
			speaking = append(speaking, policy.Spoken{Rule: one.Rule})
		}
	}
	switch {
	case rows.IsNever() && len(speaking) == 0:
		a.Sentence = fmt.Sprintf("No row of %s of %s is seen because no include rule holds%s.", k.Type, k.Agency, purposeOf(s))
	case rows.IsNever():
		a.Sentence = fmt.Sprintf("No row of %s of %s is seen%s: %s leave none.", k.Type, k.Agency, purposeOf(s), places(speaking))
	case rows.IsAlways():
		a.Sentence = fmt.Sprintf("Every row of %s of %s is seen%s because of %s.", k.Type, k.Agency, purposeOf(s), places(speaking))
	default:
		a.Sentence = fmt.Sprintf("Rows of %s of %s are seen where %s%s because of %s.", k.Type, k.Agency, a.Rows, purposeOf(s), places(speaking))
	}
	return a
}

// longList is how many values of a list are spelled out.
const longList = 8

// Condition words a predicate.
func Condition(p predicate.Predicate) string {
	n := p.Node()
	switch n.Kind {
	case predicate.KindAlways:
		return "every row"
	case predicate.KindNever:
		return "no row"
	case predicate.KindAnd:
		return junction(n.Kids, " and ")
	case predicate.KindOr:
		return junction(n.Kids, " or ")
	case predicate.KindNot:
		if inner := n.Kids[0].Node(); inner.Kind == predicate.KindNull {
			return inner.Field + " is present"
		}
		return "not (" + Condition(n.Kids[0]) + ")"
	case predicate.KindNull:
		return n.Field + " is absent"
	case predicate.KindIn:
		return fmt.Sprintf("%s is %s", n.Field, oneOf(n.Values))
	case predicate.KindCompare:
		return fmt.Sprintf("%s %s %s", n.Field, operator(n.Op), Value(n.Value))
	case predicate.KindFields:
		return fmt.Sprintf("%s %s %s", n.Field, operator(n.Op), n.Other)
	}
	return fmt.Sprintf("some %s has (%s)", n.Relation, Condition(n.Kids[0]))
}

func junction(kids []predicate.Predicate, word string) string {
	parts := make([]string, len(kids))
	for i, k := range kids {
		parts[i] = Condition(k)
		if kind := k.Node().Kind; kind == predicate.KindAnd || kind == predicate.KindOr {
			parts[i] = "(" + parts[i] + ")"
		}
	}
	return strings.Join(parts, word)
}

func oneOf(values []predicate.Value) string {
	if len(values) > longList {
		return fmt.Sprintf("one of %d values", len(values))
	}
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = Value(v)
	}
	return "one of " + strings.Join(parts, ", ")
}

func operator(op predicate.Op) string {
	return map[predicate.Op]string{predicate.Eq: "is", predicate.Ne: "is not", predicate.Lt: "<", predicate.Lte: "<=",
		predicate.Gt: ">", predicate.Gte: ">=", predicate.HasPrefix: "begins with", predicate.HasSuffix: "ends with",
		predicate.Contains: "contains", predicate.Like: "is like"}[op]
}

// Value writes a constant.
func Value(v predicate.Value) string {
	switch v.Kind {
	case predicate.BoolValue:
		return strconv.FormatBool(v.Int != 0)
	case predicate.IntValue:
		return strconv.FormatInt(v.Int, 10)
	case predicate.FloatValue:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	case predicate.DecimalValue:
		return v.Text
	case predicate.TextValue:
		return strconv.Quote(v.Text)
	case predicate.TimeValue:
		return time.UnixMicro(v.Int).UTC().Format(time.RFC3339Nano)
	}
	return "null"
}
