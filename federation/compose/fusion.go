package compose

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// Types that the rows of fused types share.
const (
	conflict      = "FusedConflict"
	conflictValue = "FusedValue"
)

// resolveFusion reads how the rows of several agencies become one, now that columns are known.
func resolveFusion(drafts []*draft, ps *problems) {
	for _, d := range drafts {
		f := fuser{draft: d, ps: ps}
		if f.declared() {
			f.fields()
		} else {
			f.strays()
		}
	}
}

type fuser struct {
	*draft
	ps *problems
}

// declared reads @fusion: every agency that holds rows has to agree that they are no rows of their own any more.
func (f fuser) declared() bool {
	var first *declaration
	var missing []*declaration
	for _, by := range f.draft.declared {
		switch {
		case by.fusion == nil && len(by.sources) > 0:
			missing = append(missing, by)
		case by.fusion != nil && first == nil:
			first = by
		case by.fusion != nil && !slices.Equal(argumentList(first.fusion, "trust"), argumentList(by.fusion, "trust")):
			f.ps.add(by.fusionAt, f.name(), FusionInvalid, "the order of trust is not that of %s:%d", first.fusionAt.file, first.fusionAt.line)
		}
	}
	if first == nil {
		return false
	}
	for _, by := range missing {
		f.ps.add(at(by.file, by.def.Position), f.name(), FusionInvalid, "@fusion of %s:%d is missing here", first.fusionAt.file, first.fusionAt.line)
	}
	f.entity.Fusion = &Fusion{Trust: f.trust(argumentList(first.fusion, "trust"), first.fusionAt, f.name())}
	return true
}

// trust is every source of the type: the given ones, then the others by name.
func (f fuser) trust(given []string, where place, coordinate string) []string {
	order := slices.Clone(given)
	var all []string
	for _, p := range f.entity.Parts {
		all = append(all, p.Source)
		if !slices.Contains(order, p.Source) {
			order = append(order, p.Source)
		}
	}
	for _, name := range given {
		if !slices.Contains(all, name) {
			f.ps.add(where, coordinate, FusionInvalid, "the source %s holds no rows of %s", name, f.name())
		}
	}
	return order
}

// strays reports @survivorship where nothing is fused.
func (f fuser) strays() {
	for _, field := range f.draft.fields {
		for _, s := range field.said {
			if s.as.survivorship != nil {
				f.ps.add(s.as.survivorshipAt, string(field.field.Coordinate), FusionInvalid, "@survivorship needs @fusion on the type")
			}
		}
	}
}

func (f fuser) fields() {
	for _, field := range f.draft.fields {
		if isComputed(field.said[0].as.def) {
			f.ps.add(field.said[0].as.at, string(field.field.Coordinate), NotSupported, "a type with @fusion has no @ner")
		}
		f.field(field)
	}
}

// field reads the rule of one field; without one the order of trust decides.
func (f fuser) field(field *draftField) {
	var first *declaredField
	for _, s := range field.said {
		switch {
		case s.as.survivorship == nil:
		case first == nil:
			first = s.as
		case !sameRule(first.survivorship, s.as.survivorship):
			f.ps.add(s.as.survivorshipAt, string(field.field.Coordinate), FusionInvalid, "the rule is not that of %s:%d",
				first.survivorshipAt.file, first.survivorshipAt.line)
		}
	}
	if field.field.Scalar == "" {
		if first != nil {
			f.ps.add(first.survivorshipAt, string(field.field.Coordinate), FusionInvalid, "@survivorship is for columns")
		}
		return
	}
	field.field.Survivorship = &Survivorship{Rule: MostTrusted, Trust: f.entity.Fusion.Trust}
	if first != nil {
		f.rule(field.field, first)
	}
}

func sameRule(a, b *ast.Directive) bool {
	return argument(a, "rule") == argument(b, "rule") && argument(a, "by") == argument(b, "by") &&
		slices.Equal(argumentList(a, "trust"), argumentList(b, "trust"))
}

func (f fuser) rule(field *Field, as *declaredField) {
	s, where, coordinate := field.Survivorship, as.survivorshipAt, string(field.Coordinate)
	s.Rule, s.By = Rule(argument(as.survivorship, "rule")), strings.Fields(argument(as.survivorship, "by"))
	if trust := argumentList(as.survivorship, "trust"); trust != nil {
		s.Trust = f.trust(trust, where, coordinate)
	}
	if slices.Contains(f.entity.Key, field.Name) {
		f.ps.add(where, coordinate, FusionInvalid, "the rows of one key agree in it: it needs no rule")
	}
	for _, name := range s.By {
		if c := f.column(name); c == nil || len(scalars[c.Scalar].filters) == 0 {
			f.ps.add(where, coordinate, FusionInvalid, "%s has no column %s that can be compared", f.name(), name)
		}
	}
	switch {
	case s.Rule == MostTrusted && len(s.By) > 0:
		f.ps.add(where, coordinate, FusionInvalid, "MOST_TRUSTED takes no `by`")
	case s.Rule == Newest && len(s.By) != 1:
		f.ps.add(where, coordinate, FusionInvalid, "NEWEST needs `by`: one column")
	case s.Rule == MostComplete && len(s.By) == 0:
		f.ps.add(where, coordinate, FusionInvalid, "MOST_COMPLETE needs `by`: columns, separated by spaces")
	}
}

// conflictsField is what a fused row says of the agencies' differences.
func (d *deriver) conflictsField(e *draft, members map[string]Member) []*ast.FieldDefinition {
	if e.entity.Fusion == nil {
		return nil
	}
	members["_conflicts"] = Member{Role: RoleConflicts}
	f := field("_conflicts", optionalList(conflict), "Fields asked for beside this one of which agencies hold different values, as far as the caller may see them.")
	return []*ast.FieldDefinition{d.gated(e.name(), f, "", typeOf(e.entity))}
}

// conflicts adds the types of _conflicts where some entity is fused.
func (d *deriver) conflicts() {
	for _, e := range d.sg.Entities {
		if e.Fusion != nil {
			d.add(ast.Object, conflict, "A field of which agencies hold different values.",
				field("field", required("String"), "Its name."),
				field("values", listOf(conflictValue), "What each agency holds, the most trusted first; an agency that holds nothing is left out."))
			d.add(ast.Object, conflictValue, "One agency's value.",
				field("source", required("String"), "The source that holds it."),
				field("value", nullable("JSON"), "As the field would show it."))
			return
		}
	}
}
