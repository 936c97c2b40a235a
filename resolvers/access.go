package resolvers

import (
	"cmp"
	"context"
	"slices"
	"time"

	"concordat/graph"
	"concordat/policy"
	"concordat/policy/explain"
	"concordat/privacy"
)

// Access says what policy rules for a subject on every coordinate of the snapshot in force, in the order of the
// agencies' files.
type Access interface {
	Rulings(ctx context.Context, s policy.Subject) ([]Ruled, error)
}

// Ruled is one coordinate of one agency and what was decided for it.
type Ruled struct {
	Field  policy.Field
	Ruling policy.Ruling
}

func (q query) Me(ctx context.Context) (*graph.Me, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return &graph.Me{
		ID:           subject.ID,
		Organisation: optional(subject.Organisation),
		Client:       optional(subject.Client),
		Scopes:       some(subject.Scopes),
		Purpose:      optional(subject.Purpose),
		Purposes:     some(subject.Purposes),
		Anonymous:    subject.Anonymous,
		TokenExpires: moment(subject.Expires),
	}, nil
}

func (q query) MyAccess(ctx context.Context, typeName *string) ([]*graph.TypeAccess, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	rulings, err := q.Access.Rulings(ctx, subject)
	if err != nil {
		return nil, failed("INTERNAL", "access could not be decided", err)
	}
	groups := byType(rulings, typeName)
	content, ok := q.Resolver.Agreements.Current(ctx).Get(subject.Agreement)
	if ok {
		for _, group := range groups {
			group.Agreement, group.Until, group.Contact = &content.ID, moment(content.ValidUntil), optional(content.Contact)
		}
	}
	return groups, nil
}

// byType groups what the caller may know of; a type of which nothing is visible at an agency has no group there, so
// that an unknown and an invisible type look the same.
func byType(rulings []Ruled, only *string) []*graph.TypeAccess {
	groups := []*graph.TypeAccess{}
	found := map[policy.TypeKey]*graph.TypeAccess{}
	for _, r := range rulings {
		effect, visible := effectOf(r.Ruling.Effect)
		if !visible || only != nil && *only != r.Field.Type {
			continue
		}
		key := policy.TypeKey{Agency: r.Field.Agency, Type: r.Field.Type}
		group := found[key]
		if group == nil {
			group = &graph.TypeAccess{Type: r.Field.Type, Agency: string(r.Field.Agency)}
			found[key] = group
			groups = append(groups, group)
		}
		group.Fields = append(group.Fields, fieldAccess(r, effect))
	}
	slices.SortFunc(groups, func(a, b *graph.TypeAccess) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Agency, b.Agency))
	})
	return groups
}

// notShared is all that is said of a denied field: the rules' own words might tell what is behind it.
const notShared = "not shared under your agreement and purpose; ask the agreement's contact"

func fieldAccess(r Ruled, effect graph.AccessEffect) *graph.FieldAccess {
	f := &graph.FieldAccess{
		Coordinate:     string(r.Field.Coordinate),
		Name:           r.Field.Name,
		Agency:         string(r.Field.Agency),
		Classification: optional(r.Field.Classification),
		Effect:         effect,
		Reason:         optional(r.Ruling.Reason),
	}
	if effect == graph.AccessEffectDenied {
		f.Reason = optional(notShared)
	}
	// A transform that a rule demands also holds inside aggregates; of a denied field it would say nothing.
	if effect == graph.AccessEffectTransformed || effect == graph.AccessEffectAggregateOnly {
		f.Method = optional(r.Ruling.Obligation.Method)
		f.Shown = shown(r.Ruling.Obligation)
	}
	return f
}

// shown is a transform with its arguments, as an officer's explanation words it.
func shown(o privacy.Obligation) *string {
	if o.Method == "" {
		return nil
	}
	return optional(explain.Method(o))
}

// effectOf names an effect for the caller; false where the caller may not know of the field. What was not decided,
// and what this code does not know, is denied.
func effectOf(e policy.Effect) (graph.AccessEffect, bool) {
	switch e {
	case policy.Allow:
		return graph.AccessEffectAllowed, true
	case policy.Transform:
		return graph.AccessEffectTransformed, true
	case policy.Aggregate:
		return graph.AccessEffectAggregateOnly, true
	case policy.Encrypted:
		return graph.AccessEffectEncryptedOnly, true
	case policy.Invisible:
		return "", false
	}
	return graph.AccessEffectDenied, true
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}
