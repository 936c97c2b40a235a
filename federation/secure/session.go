package secure

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/gowebpki/jcs"

	"concordat/federation/agent"
	"concordat/federation/execute"
	"concordat/privacy/budget"
)

// Name is the session's, for receipts.
func (x *Session) Name() string { return x.session.ID() }

// Query is the hash of the question, in hex, as the session token names it.
func (x *Session) Query() string {
	hash := x.question.Hash()
	return hex.EncodeToString(hash[:])
}

// SpendID names the spend of this session; spending it twice charges once.
func (x *Session) SpendID() string { return agent.SpendID(x.session.ID()) }

// Costs is what the question spends; none without noise.
func (x *Session) Costs() ([]budget.Cost, error) { return agent.Costs(x.question) }

// Spent notes what the account has left, for the answer.
func (x *Session) Spent(left budget.Epsilon) { x.left = left }

// Left is what Spent noted.
func (x *Session) Left() budget.Epsilon { return x.left }

// Close discards a session that was never asked.
func (x *Session) Close(ctx context.Context) {
	if !x.asked {
		x.Discard(ctx)
	}
}

// Discard tells the agents to forget the session.
func (x *Session) Discard(ctx context.Context) { x.session.Discard(ctx) }

// Ask implements execute.Secured.
func (x *Session) Ask(ctx context.Context) (*execute.SecureAnswer, error) {
	x.asked = true
	report, err := x.session.Ask(ctx, x.question, x.key, x.token)
	if err != nil {
		return nil, failed(err)
	}
	return x.answer(report)
}

func (x *Session) answer(r *agent.Report) (*execute.SecureAnswer, error) {
	text, err := r.Answer.Layout()
	if err != nil {
		return nil, refuse("INTERNAL", err)
	}
	a := &execute.SecureAnswer{Session: x.session.ID(), ParameterSet: r.Answer.Ceremony.Set, Minimum: x.question.Minimum}
	if a.Layout, err = jcs.Transform(text); err != nil {
		return nil, refuse("INTERNAL", err)
	}
	for _, sum := range r.Answer.Sums {
		a.Ciphertexts = append(a.Ciphertexts, base64.StdEncoding.EncodeToString(sum))
	}
	for _, c := range r.Contributors {
		a.Contributors = append(a.Contributors, execute.SecureContributor{Agency: c.Agency, Status: c.Status, Reason: string(c.Reason)})
	}
	for _, name := range x.absent {
		a.Contributors = append(a.Contributors, execute.SecureContributor{Agency: name, Status: "absent", Reason: string(agent.CodeGone)})
	}
	slices.SortFunc(a.Contributors, func(a, b execute.SecureContributor) int { return strings.Compare(a.Agency, b.Agency) })
	costs, err := x.Costs()
	if err != nil {
		return nil, refuse("INTERNAL", err)
	}
	if len(costs) > 0 {
		a.Privacy = &execute.SecurePrivacy{Epsilon: Decimal(costs[0].Epsilon), Remaining: Decimal(x.left)}
	}
	return a, nil
}

// Decimal spells an epsilon exactly, as short as it can.
func Decimal(e budget.Epsilon) string {
	whole, part := strconv.FormatInt(int64(e)/1_000_000, 10), strconv.FormatInt(1_000_000+int64(e)%1_000_000, 10)[1:]
	return strings.TrimSuffix(strings.TrimRight(whole+"."+part, "0"), ".")
}
