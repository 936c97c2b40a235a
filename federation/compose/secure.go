package compose

import (
	"math"
	"math/big"
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// Secure is what secure aggregation may ask of a column: public bounds or a public domain, from @secure.
type Secure struct {
	Kind         SecureKind
	Scale        int   // decimals; numbers
	Lower, Upper int64 // in units of 10^-Scale; numbers
	Domain       []string
}

// SecureKind says what a column is to secure aggregation.
type SecureKind string

// Kinds of columns, as package secagg names them.
const (
	SecureInteger    SecureKind = "integer"
	SecureText       SecureKind = "text"
	SecureIdentifier SecureKind = "identifier" // counted distinct, and nothing else
)

const (
	maxSecureScale  = 9
	maxSecureDomain = 4096
	maxSecureFields = 64
)

// mergeSecure reads every @secure of a type. What one party declares, all of them do: they are asked one question.
func mergeSecure(drafts []*draft, ps *problems) {
	for _, d := range drafts {
		n := 0
		for _, f := range d.fields {
			if d.mergeSecure(f, ps); f.field.Secure != nil {
				n++
			}
		}
		if n > maxSecureFields {
			ps.add(d.place(), d.name(), DirectiveArgument, "@secure: at most %d fields of a type", maxSecureFields)
		}
	}
}

func (d *draft) mergeSecure(f *draftField, ps *problems) {
	var first *Secure
	for i, s := range f.said {
		var own *Secure
		if s.as.secure != nil {
			var wrong string
			if own, wrong = readSecure(s.as.secure, f.field.Scalar); wrong != "" {
				ps.add(s.as.secureAt, string(f.field.Coordinate), DirectiveArgument, "@secure: %s", wrong)
				return
			}
		}
		if i == 0 {
			first = own
		} else if !first.equal(own) {
			ps.add(s.as.at, string(f.field.Coordinate), DirectiveArgument, "@secure is not that of %s:%d", f.said[0].as.at.file, f.said[0].as.at.line)
			return
		}
	}
	f.field.Secure = first
}

func (s *Secure) equal(o *Secure) bool {
	if s == nil || o == nil {
		return s == o
	}
	return s.Kind == o.Kind && s.Scale == o.Scale && s.Lower == o.Lower && s.Upper == o.Upper && slices.Equal(s.Domain, o.Domain)
}

// readSecure reads one directive for a column of a scalar; wrong says what is amiss.
func readSecure(dir *ast.Directive, scalar string) (s *Secure, wrong string) {
	lower, upper, domain := argument(dir, "lower"), argument(dir, "upper"), argumentList(dir, "domain")
	bounded := lower != "" || upper != "" || argument(dir, "scale") != ""
	switch scalar {
	case "Int", "BigInt", "Float", "Decimal", "Boolean":
		if len(domain) > 0 || lower == "" || upper == "" {
			return nil, "a number needs lower and upper, and has no domain"
		}
		return readBounds(dir, lower, upper)
	case "String", "ID", "UUID":
		switch {
		case bounded:
			return nil, "a text has no bounds"
		case len(domain) > maxSecureDomain:
			return nil, "the domain is too large"
		case len(domain) > 0:
			return &Secure{Kind: SecureText, Domain: domain}, ""
		}
		return &Secure{Kind: SecureIdentifier}, ""
	}
	return nil, "only numbers and texts are asked"
}

func readBounds(dir *ast.Directive, lower, upper string) (*Secure, string) {
	s := &Secure{Kind: SecureInteger}
	if text := argument(dir, "scale"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > maxSecureScale {
			return nil, "scale is a number of decimals, at most 9"
		}
		s.Scale = n
	}
	var low, high bool
	s.Lower, low = Scaled(lower, s.Scale)
	s.Upper, high = Scaled(upper, s.Scale)
	if !low || !high || s.Lower > s.Upper {
		return nil, "lower and upper are decimals of that scale, and lower is not above upper"
	}
	return s, ""
}

// Scaled reads a decimal in units of 10^-scale; false where it is none, has more decimals, or does not fit.
func Scaled(text string, scale int) (int64, bool) {
	r, ok := new(big.Rat).SetString(text)
	if !ok || len(text) > 64 {
		return 0, false
	}
	r.Mul(r, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	if !r.IsInt() || !r.Num().IsInt64() || r.Num().Int64() == math.MinInt64 {
		return 0, false
	}
	return r.Num().Int64(), true
}

// Secured reports whether secure aggregation is derived for a type: several parties hold it, and something of it may be
// asked.
func (e *Entity) Secured() bool {
	return len(e.Parts) > 1 && slices.ContainsFunc(e.Fields, func(f *Field) bool { return f.Secure != nil })
}

// Names of what every secured type shares.
const (
	secureAggregate   = "SecureAggregate"
	secureContributor = "SecureContributor"
	securePrivacy     = "SecurePrivacy"
	secureFunction    = "SecureFunction"
)

func secureFieldName(t *Entity) string       { return t.Name + "SecureField" }
func secureMeasureName(t *Entity) string     { return t.Name + "SecureMeasure" }
func secureAggregateName(many string) string { return many + "SecureAggregate" }

// secured derives the root and its inputs.
func (d *deriver) secured(e *draft) {
	t := e.entity
	if !t.Secured() {
		return
	}
	enum := &ast.Definition{Kind: ast.Enum, Name: secureFieldName(t), Description: "Fields of " + t.Name + " that secure aggregation may ask."}
	for _, f := range t.Fields {
		if f.Secure != nil {
			d.gatedValue(enum, f)
		}
	}
	d.doc.Definitions = append(d.doc.Definitions, enum)
	d.secureMeasure(t)
	root := field(secureAggregateName(connectionName(t.Name)), nullable(secureAggregate),
		"Sums over the agencies that hold "+t.Name+" rows, encrypted towards the caller's key: nobody else can open them.")
	root.Arguments = ast.ArgumentDefinitionList{
		argumentOf("where", nullable(t.Filter), ""),
		argumentOf("measures", ast.NonNullListType(ast.NonNullNamedType(secureMeasureName(t), nil), nil), ""),
		argumentOf("key", required("String"), "Thumbprint of the caller's key: uploaded, and named by the token."),
	}
	d.root(root, RootSecure, t, "", typeOf(t))
}

func (d *deriver) secureMeasure(t *Entity) {
	name, of := secureMeasureName(t), secureFieldName(t)
	add := func(f *ast.FieldDefinition) *ast.FieldDefinition { return d.gated(name, f, "", typeOf(t)) }
	d.add(ast.InputObject, name, "One thing that is asked of "+t.Name+" rows.",
		add(field("fn", required(secureFunction), "")),
		add(field("field", nullable(of), "What is measured; none with COUNT.")),
		add(field("by", nullable(of), "A field with a domain: one answer for each of its values.")),
		add(field("edges", optionalList("Float"), "Rising edges of bins, of HISTOGRAM, QUANTILE, MIN, MAX and SURVIVAL.")),
		add(field("p", nullable("Float"), "Of QUANTILE: 0.5 is the median; to a thousandth.")),
		add(field("with", nullable(of), "Of CONTINGENCY: the column variable.")),
		add(field("features", optionalList(of), "Of REGRESSION: what predicts the field.")),
		add(field("event", nullable(of), "Of SURVIVAL: 1 where the field is the time of an event.")),
		add(field("buckets", nullable("Int"), "Of DISTINCT: how many buckets it counts in.")))
}

// secureShared adds the types that every secured type's root leads to, where there is one.
func (d *deriver) secureShared() {
	secured := false
	for _, e := range d.sg.Entities {
		secured = secured || e.Secured()
	}
	if !secured {
		return
	}
	d.enum(secureFunction, "What secure aggregation computes; all of it from sums.", "COUNT", "SUM", "MEAN", "VARIANCE", "HISTOGRAM",
		"QUANTILE", "MIN", "MAX", "CONTINGENCY", "REGRESSION", "SURVIVAL", "DISTINCT")
	d.add(ast.Object, secureAggregate, "What `concordat secagg open` opens with the caller's secret key.",
		field("session", required("String"), "The session whose keys it was computed under; they are destroyed."),
		field("parameterSet", required("String"), ""),
		field("ciphertexts", listOf("String"), "The encrypted sums, base64."),
		field("layout", required("JSON"), "The question as it was put to the agencies, where each measure stands, and the agencies' signatures."),
		field("contributors", listOf(secureContributor), "By name; an agency that is not in the sum says why."),
		field("minimumContributors", required("Int"), "With fewer than these nothing is opened."),
		field("privacy", nullable(securePrivacy), "Null where the agreement asks for no noise."))
	d.add(ast.Object, secureContributor, "What became of one agency.",
		field("agency", required("String"), ""), field("status", required("String"), "contributed, absent or refused"),
		field("reason", nullable("String"), ""))
	d.add(ast.Object, securePrivacy, "What the question spent.",
		field("epsilon", required("Decimal"), ""), field("delta", required("Decimal"), ""),
		field("remaining", required("Decimal"), "What the agreement has left for this dataset."))
}
