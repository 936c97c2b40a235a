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

// Price is what the question spends of epsilon, and of delta where its noise is not pure; false for nothing.
func (x *Session) Price() (p Price, ok bool) {
	costs, err := x.Costs()
	if err != nil || len(costs) == 0 {
		return Price{}, false
	}
	p.Epsilon = costs[0].Epsilon
	for _, c := range costs[1:] {
		p.Delta += c.Epsilon
	}
	return p, true
}

// Price is a spend: a number of epsilon, and of delta in the trillionths that budget counts it by.
type Price struct{ Epsilon, Delta budget.Epsilon }

// Add is what two questions spend together: both add up.
func (p Price) Add(o Price) Price { return Price{p.Epsilon + o.Epsilon, p.Delta + o.Delta} }

// Decimals spells both exactly, as short as they can be.
func (p Price) Decimals() (epsilon, delta string) { return Decimal(p.Epsilon), decimal(p.Delta, 12) }

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
	if price, ok := x.Price(); ok {
		a.Privacy = &execute.SecurePrivacy{Remaining: Decimal(x.left)}
		a.Privacy.Epsilon, a.Privacy.Delta = price.Decimals()
	}
	return a, nil
}

// Decimal spells an epsilon exactly, as short as it can.
func Decimal(e budget.Epsilon) string { return decimal(e, 6) }

// decimal is n with a point before its last digits.
func decimal(n budget.Epsilon, digits int) string {
	text := strconv.FormatInt(int64(n), 10)
	text = strings.Repeat("0", max(0, digits+1-len(text))) + text
	whole, part := text[:len(text)-digits], text[len(text)-digits:]
	return strings.TrimSuffix(strings.TrimRight(whole+"."+part, "0"), ".")
}
