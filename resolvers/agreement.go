package resolvers

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"concordat/graph"
	"concordat/policy"
	"concordat/policy/agreement"
)

// Agreements gives the content of the agreements of the snapshot in force.
type Agreements interface {
	Current(ctx context.Context) *agreement.Set
}

// Register knows the live status of agreements; *agreement.Register is one.
type Register interface {
	Status(ctx context.Context, id string, now time.Time) (agreement.Status, error)
}

// Ender ends agreements and tokens. The entry of the ledger and the end are one transaction: an error means that
// neither is there.
type Ender interface {
	EndAgreement(ctx context.Context, by policy.Subject, id, reason string) error
	// EndToken returns until when the token is remembered as revoked. ErrIssuer: there is no such issuer here.
	EndToken(ctx context.Context, by policy.Subject, issuer, id string) (time.Time, error)
}

const maxReason = 500 // characters of a revocation's reason

// Agreement is null for an agreement that is not known here: the caller holds its ID in the token already.
func (m me) Agreement(ctx context.Context, _ *graph.Me) (*graph.Agreement, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	content, ok := m.Agreements.Current(ctx).Get(subject.Agreement)
	if !ok {
		return nil, nil
	}
	return m.agreement(ctx, content)
}

func (q query) Agreements(ctx context.Context) ([]*graph.Agreement, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	set := q.Resolver.Agreements.Current(ctx)
	answer := []*graph.Agreement{}
	for _, id := range set.IDs() {
		content, _ := set.Get(id)
		if !mayRead(subject, content) {
			continue
		}
		a, err := q.agreement(ctx, content)
		if err != nil {
			return nil, err
		}
		answer = append(answer, a)
	}
	return answer, nil
}

func (m mutation) RevokeAgreement(ctx context.Context, id, reason string) (*graph.Agreement, error) {
	subject, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	content, known := m.Agreements.Current(ctx).Get(id)
	if !mayRevoke(subject, content, known) {
		// The same for an unknown agreement: who may not end it does not learn whether there is one.
		return nil, refuse("FORBIDDEN", "not permitted to revoke this agreement")
	}
	if !known {
		return nil, refuse("BAD_USER_INPUT", "there is no such agreement")
	}
	reason = strings.TrimSpace(reason)
	if reason == "" || utf8.RuneCountInString(reason) > maxReason {
		return nil, refuse("BAD_USER_INPUT", "a reason of 1 to 500 characters is needed")
	}
	if err := m.Ender.EndAgreement(ctx, subject, id, reason); err != nil {
		return nil, unended(err)
	}
	return m.agreement(ctx, content)
}

func mayRead(s policy.Subject, a agreement.Agreement) bool {
	return s.HasScope(ScopeAgreementRead) || a.ID == s.Agreement || isParty(s, a)
}

func mayRevoke(s policy.Subject, a agreement.Agreement, known bool) bool {
	return s.HasScope(ScopeRevoke) || known && s.HasScope(ScopeRevokeOwn) && isParty(s, a)
}

// isParty never holds for a subject without organisation, whatever a file says.
func isParty(s policy.Subject, a agreement.Agreement) bool {
	return s.Organisation != "" && slices.Contains(a.Parties, s.Organisation)
}

func (r *Resolver) agreement(ctx context.Context, a agreement.Agreement) (*graph.Agreement, error) {
	status, err := r.Register.Status(ctx, a.ID, r.Now())
	if err != nil {
		return nil, failed("STATE_UNAVAILABLE", "the agreement's status cannot be read", err)
	}
	return &graph.Agreement{
		ID:         a.ID,
		Version:    a.Version,
		Title:      a.Title,
		Parties:    some(a.Parties),
		LegalBasis: optional(a.LegalBasis),
		Purposes:   some(a.Purposes),
		Scopes:     some(a.Scopes),
		Datasets:   some(a.Datasets),
		ValidFrom:  moment(a.ValidFrom),
		ValidUntil: moment(a.ValidUntil),
		Contact:    optional(a.Contact),
		Retention:  optional(a.Retention),
		Status:     statusOf(status),

		RenewedFrom: moment(a.RenewedFrom),
		Transforms:  owed(a.Transforms),
		Terms:       terms(a.Terms),
	}, nil
}

func owed(transforms []agreement.Owed) []*graph.OwedTransform {
	answer := make([]*graph.OwedTransform, len(transforms))
	for i, t := range transforms {
		answer[i] = &graph.OwedTransform{On: t.On.Coordinate + t.On.Type + t.On.Classification, Method: t.Method}
	}
	return answer
}

func terms(t agreement.Terms) *graph.AgreementTerms {
	return &graph.AgreementTerms{
		Justification:     optional(t.Justification),
		RecordDescription: optional(t.RecordDescription),
		Notice:            optional(t.Notice),
		Verification:      optional(t.Verification),
		Destruction:       optional(t.Destruction),
		Security:          optional(t.Security),
		Redisclosure:      optional(t.Redisclosure),
		Accuracy:          optional(t.Accuracy),
	}
}

// statusOf names a status for the caller. One that is not known is not in force.
func statusOf(s agreement.Status) graph.AgreementStatus {
	switch s {
	case agreement.Active:
		return graph.AgreementStatusActive
	case agreement.Expired:
		return graph.AgreementStatusExpired
	case agreement.NotYetValid:
		return graph.AgreementStatusNotYetValid
	}
	return graph.AgreementStatusRevoked
}
