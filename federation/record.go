package federation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"concordat/policy/ledger"
)

// record is the last step of every request whose subject is established: the entry is durable in the ledger before a
// byte leaves. Only a buffer and its receipt together make a reply with data. Refusals are entries too; what is
// refused before anybody is known is only counted.
func (g *Gateway) record(x *exchange, refused *refusal) reply {
	if refused == nil {
		if refused = g.release(x); refused == nil {
			return g.recordAnswer(x)
		}
	}
	g.log(x, refused)
	if !x.established {
		return refusalReply(x, refused, nil)
	}
	e := x.entry("refusal")
	e.Code = string(refused.Code)
	receipt, err := g.append(x, e)
	if err != nil {
		return g.unrecorded(x, err)
	}
	return refusalReply(x, refused, &receipt)
}

func (g *Gateway) recordAnswer(x *exchange) reply {
	salt, err := ledger.NewSalt(g.Rand)
	if err != nil {
		return g.unrecorded(x, err)
	}
	e := x.entry("answer")
	if len(x.routes.agency) == 0 {
		e.Kind = "control"
	}
	e.Digest = ledger.Digest(x.answer.canonical, salt)
	g.buffers.give(x.answer.lent)
	x.answer.canonical, x.answer.lent = nil, nil
	receipt, err := g.append(x, e)
	if err != nil {
		return g.unrecorded(x, err)
	}
	receipt.Digest, receipt.Salt = e.Digest, ledger.EncodeSalt(salt)
	if mark := e.Extra["mark"]; mark != "" { // an alarm is raised on this line: the policy asked for it
		g.Log.Warn("marked answer", "request", x.id, "mark", mark, "subject", x.subject.ID, "agreement", x.subject.Agreement, "index", receipt.Index)
	}
	for _, f := range x.result.Errors {
		g.Log.Warn("field failed", "request", x.id, "code", f.Code, "path", f.Path, "cause", f.Detail)
	}
	return answerReply(x, receipt)
}

// release reads the agreement's status again: where it ended while the sources answered, nothing of the buffer leaves.
// The request's own time may be over (a source that timed out costs its part alone), and the answer is still due.
func (g *Gateway) release(x *exchange) *refusal {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), appendGrace)
	defer cancel()
	return g.agreement(ctx, x)
}

// appendGrace is how long an entry may take once the request's own time is over: a decision that was made is
// recorded also for a caller who has gone.
const appendGrace = 5 * time.Second

func (g *Gateway) append(x *exchange, e ledger.Entry) (ledger.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.ctx), appendGrace)
	defer cancel()
	return g.Ledger.Append(ctx, e)
}

func (g *Gateway) unrecorded(x *exchange, err error) reply {
	r := refuse(LedgerUnavailable, err)
	g.log(x, r)
	return refusalReply(x, r, nil)
}

func (g *Gateway) log(x *exchange, r *refusal) {
	level := g.Log.Info
	if status := infoOf(r.Code).Status; status >= 500 {
		level = g.Log.Error
	}
	level("request refused", "request", x.id, "code", r.Code, "cause", r.cause)
}

func documentHash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// entry is what the ledger keeps of the exchange so far: identifiers and digests, never values.
func (x *exchange) entry(kind string) ledger.Entry {
	e := ledger.Entry{Kind: kind, RequestID: x.id, Agreement: x.subject.Agreement, Purpose: x.subject.Purpose,
		Subject: ledger.Subject{ID: x.subject.ID, Organisation: x.subject.Organisation, Client: x.subject.Client}}
	if x.params != nil {
		e.DocumentHash = documentHash(x.params.Query)
	}
	if x.snapshot != nil {
		e.PolicyRevision, e.SchemaRevision = x.snapshot.Policy.Revision(), x.snapshot.Supergraph.Hash
	}
	if x.bound != nil {
		for _, c := range x.bound.Coordinates {
			e.Coordinates = append(e.Coordinates, string(c))
		}
	}
	if x.authorized != nil {
		for _, o := range x.authorized.Obligations() {
			e.Obligations = append(e.Obligations, ledger.Obligation{Coordinate: string(o.Coordinate), Method: o.Method})
		}
	}
	if x.decision != nil && x.decision.Limits.Mark != "" {
		e.Extra = map[string]string{"mark": x.decision.Limits.Mark}
	}
	if x.result != nil && x.result.Models != "" { // who finds fault with a name can say which model found it
		if e.Extra == nil {
			e.Extra = map[string]string{}
		}
		e.Extra["models"] = x.result.Models
	}
	if len(x.sessions) > 0 && kind != ledger.Decision {
		if e.Extra == nil {
			e.Extra = map[string]string{}
		}
		e.Extra["secaggSessions"] = x.sessionNames()
	}
	if x.snapshot != nil && x.snapshot.Invented {
		if e.Extra == nil {
			e.Extra = map[string]string{}
		}
		e.Extra["invented"] = "true"
	}
	if x.result != nil && kind == "answer" {
		e.Rows = x.result.Rows
		for _, re := range x.answer.errors {
			e.Errors = append(e.Errors, string(re.Extensions.Code))
		}
	}
	return e
}
