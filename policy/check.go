package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"concordat/privacy"
)

// checkModule finds, before anything is compiled, what can be said of a module as it is written.
func (l *loader) checkModule(m *ast.Module, owner AgencyID) {
	place := constants(m.Package.Path[1:])
	home := []string{"concordat", "access", string(owner)}
	if len(place) != len(m.Package.Path)-1 || len(place) < len(home) || !agree(place, home) {
		l.add(m.Package.Location, "", CodePackage, "the bundle of %s holds only packages at or under concordat.access.%s", owner, owner)
		return
	}
	if len(place) > len(home) && slices.Contains([]string{"fields", "limits", "include", "exclude"}, place[len(home)]) {
		l.add(m.Package.Location, "", CodePackage, "a package may not have the name of an entry rule")
	}
	if _, known := l.parts[owner]; !known && owner != Gateway {
		l.add(m.Package.Location, "", CodeUnknown, "no source belongs to agency %s", owner)
		return
	}
	for _, rule := range m.Rules {
		l.checkRule(rule, owner)
	}
}

// checkRule looks at the form of an entry rule.
func (l *loader) checkRule(rule *ast.Rule, owner AgencyID) {
	ref := rule.Head.Ref()
	switch name := constants(ruleName(rule)); name[0] {
	case "fields", "limits":
		if len(ref) != 1 || rule.Default || rule.Head.RuleKind() != ast.MultiValue {
			l.add(rule.Location, "", CodeShape, "%s is a set: write `%s contains {...} if ...`", name[0], name[0])
			return
		}
		l.checkStatement(name[0], rule.Head.Key, owner)
	case "include", "exclude":
		value := rule.Head.Value
		plain := len(ref) == 2 && len(name) == 2 && !rule.Default && rule.Else == nil && len(rule.Head.Args) == 0 &&
			rule.Head.RuleKind() == ast.SingleValue
		if !plain || value == nil || !value.Equal(ast.BooleanTerm(true)) {
			l.add(rule.Location, "", CodeShape, "write `%s.TYPE if { ... }`", name[0])
			return
		}
		l.checkName(rule.Location, statement{typ: name[1]}, owner)
	}
}

// checkStatement checks a statement or limit that is written out; computed ones are checked when they are made.
func (l *loader) checkStatement(kind string, term *ast.Term, owner AgencyID) {
	if _, isObject := term.Value.(ast.Object); !isObject || !term.IsGround() || ast.ContainsRefs(term) || ast.ContainsComprehensions(term) {
		return
	}
	value, err := ast.JSON(term.Value)
	if err != nil {
		return // holds something that is computed
	}
	if kind == "limits" {
		if _, err := decodeLimits(value); err != nil {
			l.add(term.Location, "", CodeShape, "%s", err)
		}
		return
	}
	d := decode(value, owner == Gateway)
	if d.wrong != nil {
		l.add(term.Location, "", CodeShape, "%s", d.wrong)
		return
	}
	for _, s := range d.names {
		if l.checkName(term.Location, s, owner) {
			l.checkTransform(term.Location, s, owner)
		}
	}
}

func (l *loader) checkName(at *ast.Location, s statement, owner AgencyID) bool {
	if _, found := s.named(l.scope(owner)); found {
		return true
	}
	name := string(s.coordinate) + s.typ + s.classification
	if _, elsewhere := s.named(l.whole); elsewhere {
		l.add(at, name, CodeForeign, "%s belongs to another agency; %s decides only its own", name, owner)
	} else {
		l.add(at, name, CodeUnknown, "there is no %s", name)
	}
	return false
}

func (l *loader) scope(owner AgencyID) *index {
	if owner == Gateway {
		return l.whole
	}
	return l.parts[owner]
}

// checkTransform refuses a transform that fits none of the fields named: its name or arguments are wrong. One that
// fits some denies the others.
func (l *loader) checkTransform(at *ast.Location, s statement, owner AgencyID) {
	if s.effect != Transform {
		return
	}
	x := l.scope(owner)
	fields, _ := s.named(x)
	var failure error
	for _, i := range fields {
		f := x.fields[i]
		err := l.fits(f, s.obligation)
		if err == nil {
			return
		}
		failure = err
	}
	if failure != nil {
		l.add(at, string(s.coordinate), CodeObligation, "%s", failure)
	}
}

func (l *loader) fits(f Field, ob privacy.Obligation) error {
	if f.Join {
		return errors.New("a join cannot be transformed")
	}
	if f.Computed != "" {
		return checkComputed(ob)
	}
	return l.CheckObligation(f.Kind, ob)
}

// checkReferences is a compiler stage: names are resolved, so what an import stands for is seen. A bundle may read
// its own rules, the library, and the data that all share; and of input only what there is, since a misspelt name
// is undefined, and a rule that should have denied would not.
func (l *loader) checkReferences() ast.CompilerStageDefinition {
	return ast.CompilerStageDefinition{Name: "CheckReferences", MetricName: "compile_stage_check_references",
		Stage: func(c *ast.Compiler) *ast.Error {
			r := newReach(c.Modules)
			for _, name := range sortedKeys(l.owners) {
				owner := l.owners[name]
				for _, rule := range c.Modules[name].Rules {
					l.checkReading(r, rule, owner)
				}
			}
			return nil
		}}
}

func (l *loader) checkReading(r *reach, rule *ast.Rule, owner AgencyID) {
	references(rule, func(root ast.Var, path []string, at *ast.Term) {
		where := at.Location
		if where == nil {
			where = rule.Location
		}
		switch {
		case root == "data" && !mayRead(path, owner):
			l.add(where, "", CodeForeign, "%s may read its own rules, data.concordat.lib, data.agreements, data.fields and data.sets", owner)
		case root == "data" && !l.exists(r, path):
			l.add(where, "", CodeUnknown, "there is no data.%s", strings.Join(path, "."))
		case root == "input" && len(path) > 0 && path[0] != "row" && factsAt(path) == 0:
			l.add(where, "", CodeUnknown, "there is no input.%s", strings.Join(path, "."))
		}
	})
}

func mayRead(path []string, owner AgencyID) bool {
	for _, open := range [][]string{{"concordat", "access", string(owner)}, {"concordat", "lib"}, {"agreements"}, {"fields"}, {"sets"}} {
		if len(path) >= len(open) && agree(path, open) {
			return true
		}
	}
	return false
}

// exists reports whether data has what a constant path names, as far as that is fixed: rules, sets and fields.
func (l *loader) exists(r *reach, path []string) bool {
	if path[0] == "concordat" {
		return len(r.named(path)) > 0
	}
	if len(path) < 2 {
		return true
	}
	switch path[0] {
	case "sets":
		_, ok := l.sets[path[1]]
		return ok
	case "fields":
		return len(l.whole.coordinates[privacy.Coordinate(path[1])]) > 0
	}
	return true
}
