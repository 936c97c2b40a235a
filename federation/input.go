package federation

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// What gqlparser lets through and the specification (September 2025) does not: integers beyond 32 bits, enum values
// in another case, numbers written as texts, @oneOf inputs in variables, and halves of surrogate pairs.

// documentRules are gqlparser's, and ours. Their names begin as the rule that they complete, so that an error of
// theirs is presented as one of its.
func documentRules() *rules.Rules {
	r := rules.NewDefaultRules()
	r.AddRule("ValuesOfCorrectTypeInt", func(o *core.Events, report core.AddErrFunc) {
		o.OnValue(func(_ *core.Walker, v *ast.Value) {
			if v.Kind == ast.IntValue && v.Definition != nil && v.Definition.Name == "Int" && !isInt(v.Raw) {
				report(core.Message("Int cannot represent a value beyond 32 bits"), core.At(v.Position))
			}
		})
	})
	return r
}

// isInt: section 3.5.1, Int is a signed 32-bit integer.
func isInt(text string) bool {
	_, err := strconv.ParseInt(text, 10, 32)
	return err == nil
}

var (
	errVariable  = errors.New("a variable does not fit its type")
	errSurrogate = errors.New("half of a surrogate pair")
)

// checkVariables completes gqlparser's coercion.
func checkVariables(schema *ast.Schema, op *ast.OperationDefinition, values map[string]any) *gqlerror.Error {
	for _, v := range op.VariableDefinitions {
		value, given := values[v.Variable]
		if given && !fits(schema, v.Type, value) {
			return gqlerror.WrapPath(ast.Path{ast.PathName("variable"), ast.PathName(v.Variable)}, errVariable)
		}
	}
	return nil
}

// fits reports whether a value that gqlparser took for one of t is one. NULL it has judged itself.
func fits(schema *ast.Schema, t *ast.Type, value any) bool {
	if value == nil {
		return true
	}
	if t.Elem != nil {
		return fitsList(schema, t.Elem, value)
	}
	switch def := schema.Types[t.NamedType]; def.Kind {
	case ast.Enum:
		name, ok := value.(string)
		return ok && def.EnumValues.ForName(name) != nil
	case ast.InputObject:
		object, ok := value.(map[string]any)
		return ok && fitsObject(schema, def, object)
	}
	return fitsScalar(t.NamedType, value)
}

// fitsList: of one value gqlparser has made a list of the value's own Go type.
func fitsList(schema *ast.Schema, t *ast.Type, value any) bool {
	list := reflect.ValueOf(value)
	if list.Kind() != reflect.Slice {
		return fits(schema, t, value)
	}
	for i := range list.Len() {
		if !fits(schema, t, list.Index(i).Interface()) {
			return false
		}
	}
	return true
}

func fitsObject(schema *ast.Schema, def *ast.Definition, object map[string]any) bool {
	for name, value := range object {
		field := def.Fields.ForName(name)
		if field == nil || !fits(schema, field.Type, value) {
			return false
		}
		if def.Directives.ForName("oneOf") != nil && (value == nil || len(object) != 1) { // section 3.10.1
			return false
		}
	}
	return len(object) > 0 || def.Directives.ForName("oneOf") == nil
}

// fitsScalar: numbers come as json.Number, or as gqlparser has converted them.
func fitsScalar(name string, value any) bool {
	switch v := value.(type) {
	case json.Number:
		return name != "Int" || isInt(v.String())
	case int64:
		return name != "Int" || v >= math.MinInt32 && v <= math.MaxInt32
	case int:
		return name != "Int" || v >= math.MinInt32 && v <= math.MaxInt32
	case string:
		return name != "Int" && name != "Float"
	}
	return true
}

// halfInJSON reports whether JSON text escapes half of a surrogate pair, which would be read as U+FFFD: what is
// logged and what is compared would then not be what was sent. Valid JSON has backslashes in texts alone.
func halfInJSON(text []byte) bool {
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		n, half := escape(string(text[i:min(len(text), i+12)]))
		if half {
			return true
		}
		i += n - 1
	}
	return false
}

// halfInDocument does the same for the texts of a GraphQL document; comments and block strings know no such escapes
// (section 2.9.4).
func halfInDocument(text string) bool {
	if !strings.Contains(text, `\u`) {
		return false
	}
	for text != "" {
		switch {
		case text[0] == '#':
			end := strings.IndexAny(text, "\r\n")
			if end < 0 {
				return false
			}
			text = text[end:]
		case strings.HasPrefix(text, `"""`):
			text = afterBlock(text[3:])
		case text[0] == '"':
			var half bool
			if text, half = afterString(text[1:]); half {
				return true
			}
		default:
			text = text[1:]
		}
	}
	return false
}

// afterBlock is what follows a block string.
func afterBlock(text string) string {
	for {
		i := strings.Index(text, `"""`)
		if i < 0 {
			return ""
		}
		escaped := i > 0 && text[i-1] == '\\'
		text = text[i+3:]
		if !escaped {
			return text
		}
	}
}

// afterString is what follows a string.
func afterString(text string) (rest string, half bool) {
	for text != "" {
		switch text[0] {
		case '"', '\n', '\r':
			return text[1:], false
		case '\\':
			n, half := escape(text)
			if half {
				return "", true
			}
			text = text[min(n, len(text)):]
		default:
			text = text[1:]
		}
	}
	return "", false
}

// escape measures the escape that text begins with, and reports whether it stands for half of a surrogate pair.
func escape(text string) (length int, half bool) {
	first, ok := unit(text)
	if !ok {
		if strings.HasPrefix(text, `\u{`) {
			return braced(text)
		}
		return 2, false
	}
	if !utf16.IsSurrogate(first) {
		return 6, false
	}
	second, ok := unit(text[6:])
	return 12, !ok || utf16.DecodeRune(first, second) == '\uFFFD'
}

// unit reads \uXXXX.
func unit(text string) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(v), err == nil
}

// braced reads \u{X...}, which stands for a whole character: a surrogate there is always half.
func braced(text string) (length int, half bool) {
	digits, _, closed := strings.Cut(text[3:], "}")
	v, err := strconv.ParseUint(digits, 16, 32)
	if !closed || err != nil {
		return 2, false // the parser's to refuse
	}
	return len(digits) + 4, v > 0x10FFFF || utf16.IsSurrogate(rune(v))
}
