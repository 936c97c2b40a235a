package review

import (
	"errors"
	"slices"
	"strings"

	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/check"
	"concordat/privacy"
)

// Shared is what an agreement can be about: the catalog, and the transforms that the gateway can do.
type Shared struct {
	Catalog policy.Catalog
	Check   func(privacy.Kind, privacy.Obligation) error // policy.Options.CheckObligation
}

// Known says whether a dataset, "Type" or "Type.field", exists.
func (s Shared) Known(dataset string) bool {
	return slices.ContainsFunc(s.Catalog.Fields, func(f policy.Field) bool {
		return f.Type == dataset || string(f.Coordinate) == dataset
	})
}

var (
	errNothing = errors.New("names nothing that is shared here")
	errArgs    = errors.New("its arguments are not valid")
	errMeets   = errors.New("the transform does not fit what it is owed on")
)

// Meets: a transform owed on a field fits it at every agency; one owed on a type or a classification fits some of its
// columns, and what it does not fit is denied by policy.
func (s Shared) Meets(t agreement.Owed) error {
	arguments, err := privacy.CanonicalArguments(t.Arguments)
	if err != nil {
		return errArgs
	}
	named, fitting := 0, 0
	for _, f := range s.Catalog.Fields {
		if string(f.Coordinate) != t.On.Coordinate && f.Type != t.On.Type && f.Classification != t.On.Classification {
			continue
		}
		named++
		if f.Column() && s.Check(f.Kind, privacy.Obligation{Method: t.Method, Arguments: arguments}) == nil {
			fitting++
		}
	}
	switch {
	case named == 0:
		return errNothing
	case fitting == 0, t.On.Coordinate != "" && fitting < named:
		return errMeets
	}
	return nil
}

// agreements are the findings about what the agreements name: each would keep the gateway from loading them.
func (w World) agreements() []check.Finding {
	if w.Agreements == nil {
		return nil
	}
	var out []check.Finding
	for _, m := range w.Agreements.Check(Shared{w.Options.Catalog, w.Options.CheckObligation}) {
		code := policy.CodeUnknown
		if strings.HasPrefix(m.Path, "transforms") && m.Message != errNothing.Error() {
			code = policy.CodeObligation
		}
		out = append(out, check.Finding{Severity: check.Error, Code: code, File: m.File, Line: m.Line, Message: m.Path + ": " + m.Message})
	}
	return out
}
