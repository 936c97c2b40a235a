package compose

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"concordat/privacy"
)

// namedEntity is the type of what @ner computes.
const namedEntity = "NamedEntity"

// isComputed reports whether a declaration is of a computed field, rightly written or not.
func isComputed(def *ast.FieldDefinition) bool {
	return def.Type.Name() == namedEntity || def.Directives.ForName("ner") != nil
}

// computed checks the form of a computed field.
func (r *reader) computed(f *declaredField, coordinate string) bool {
	switch {
	case f.def.Type.Name() != namedEntity || !f.many() || f.def.Type.Elem.Elem != nil:
		r.ps.add(f.at, coordinate, ComputedType, "a field with @ner is a [%s!]", namedEntity)
	case f.def.Directives.ForName("ner") == nil:
		r.ps.add(f.at, coordinate, ComputedType, `a [%s!] needs @ner(text: "field")`, namedEntity)
	case f.def.Directives.ForName("join") != nil, f.def.Directives.ForName("column") != nil:
		r.ps.add(f.at, coordinate, DirectiveArgument, "a computed field has no @join and no @column")
	default:
		return true
	}
	return false
}

// resolveComputed reads what computed fields are computed of, now that columns are known.
func resolveComputed(drafts []*draft, ps *problems) {
	for _, d := range drafts {
		for _, f := range d.fields {
			if isComputed(f.said[0].as.def) {
				d.resolveComputed(f, ps)
			}
		}
	}
}

func (d *draft) resolveComputed(f *draftField, ps *problems) {
	class := harmless
	for i, s := range f.said {
		if s.as.computed == nil {
			continue // the directive is wrong in itself: reported already
		}
		name := argument(s.as.computed, "text")
		text := d.column(name)
		switch {
		case text == nil || text.Scalar != "String" || !slices.Contains(text.Agencies, s.by.agency):
			ps.add(s.as.computedAt, string(f.field.Coordinate), ComputedTextUnknown,
				"%s has no String column %s of %s", d.name(), name, s.by.agency)
			continue
		case f.field.Computed != nil && f.field.Computed.Text != name:
			ps.add(s.as.at, string(f.field.Coordinate), FieldTypeMismatch, "the text is not that of %s:%d", f.said[0].as.at.file, f.said[0].as.at.line)
		}
		if i == 0 || f.field.Computed == nil {
			f.field.Computed = &Computed{Text: name}
		}
		class = stricter(class, text.Classification)
	}
	for _, s := range f.said {
		if s.as.classification != "" {
			return // its agency's own word: what is found may say less, or more, than the text
		}
	}
	f.field.Classification = class
}

// reads is the coordinate of the text of a computed field.
func (f *Field) reads(entity string) privacy.Coordinate {
	if f.Computed == nil {
		return ""
	}
	return privacy.Coordinate(entity + "." + f.Computed.Text)
}

// namedEntity adds the type where some entity has it.
func (d *deriver) namedEntity() {
	for _, e := range d.sg.Entities {
		if slices.ContainsFunc(e.Fields, func(f *Field) bool { return f.Computed != nil }) {
			d.add(ast.Object, namedEntity, "A name in a text. Where policy releases labels alone, text and offsets are null.",
				field("text", nullable("String"), "The name as the text that the caller sees has it."),
				field("label", required("String"), "What is named: PER, ORG, LOC, or another label of the model."),
				field("start", nullable("Int"), "Where it begins, in UTF-16 units."),
				field("end", nullable("Int"), "Where it ends, exclusive, in UTF-16 units."),
				field("byteStart", nullable("Int"), "Where it begins, in bytes of UTF-8."),
				field("byteEnd", nullable("Int"), "Where it ends, exclusive, in bytes of UTF-8."),
				field("score", nullable("Float"), "The model's probability of the label, 0 to 1."),
				field("model", nullable("String"), "The model that found it."))
			return
		}
	}
}
