// Package agent carries secure-aggregation sessions between a gateway and the agencies' agents. It is transport,
// enrolment and rounds; the protocol's arithmetic is package secagg.
//
// An [Agent] runs beside an agency's database and dials out, so that the agency opens no port. A [Hub] is the gateway's
// side: agents link to it, and a [Session] leads them through a ceremony and one question.
//
//	hub, err := agent.NewHub(agent.HubOptions{Registry: registry, Log: log})
//	go hub.Serve(listener, certificate)
//	session, err := hub.Prepare(ctx, agent.Plan{Members: members, Threshold: 3})
//	report, err := session.Ask(ctx, question, key, token)
//
// Both ends authenticate with Ed25519 keys over TLS 1.3: the agent pins the gateway's key, the gateway enrols the
// agent's with a one-time code. What an agent does is decided by the agent: it pins the other members' identities,
// verifies the querier's session token itself, asks its own policy, keeps its own ledger of contributions, and releases
// one share per session, before the session's end, or none.
//
// Not promised: availability (any member can stop a session), hiding from the gateway which agencies take part, and
// resistance to an agency that lies about its data within the declared bounds. An agent's memory is not protected from
// its own machine.
package agent

import (
	"errors"
	"fmt"
)

// Audience is what session tokens for agents are issued to, where a configuration says nothing else.
const Audience = "https://agents.concordat.example"

var (
	// ErrAborted: the session was discarded; its keys will never be used again. Contract code SECAGG_ABORTED.
	ErrAborted = errors.New("secure aggregation aborted")
	// ErrTooFew: fewer contributors than the question, the threshold or an agency asks for. SECAGG_TOO_FEW.
	ErrTooFew = errors.New("too few contributors")
	// ErrNotEnrolled: an unknown key, or a code that is wrong, used or expired.
	ErrNotEnrolled = errors.New("agent is not enrolled")
	// ErrRefused: an agency's own policy, or its check of the token, said no.
	ErrRefused = errors.New("refused by the agency")
)

// Abort says where a session ended, and who ended it.
type Abort struct {
	Step  string // "hello", "commit", "reveal", "agree", "prepared", "contribute", "activate", "release"
	Party string // "" where it was nobody's in particular
	Code  Code
}

func (a *Abort) Error() string {
	return fmt.Sprintf("secure aggregation aborted at %s by %s: %s", a.Step, a.Party, a.Code)
}

// Is makes an Abort an ErrAborted.
func (a *Abort) Is(target error) bool { return target == ErrAborted }

// Code is why a party did not answer as it should. It is all that crosses the wire of an error.
type Code string

// The codes.
const (
	CodeGone      Code = "GONE"      // the link broke, or the time ran out
	CodeBusy      Code = "BUSY"      // too many sessions
	CodeSession   Code = "SESSION"   // unknown, ended or already used
	CodeRefused   Code = "REFUSED"   // the agency's policy or budget
	CodeToken     Code = "TOKEN"     // the session token does not allow this
	CodeMember    Code = "MEMBER"    // a member that the agency does not know by this key
	CodeProtocol  Code = "PROTOCOL"  // a message out of order, altered, or contradicting another
	CodeSignature Code = "SIGNATURE" // a message its sender did not sign
	CodeMalformed Code = "MALFORMED" // bytes that are not a message
	CodeTooFew    Code = "TOO_FEW"
	CodeData      Code = "DATA"      // the agency's data cannot answer: missing column, overflow
	CodeTooLarge  Code = "TOO_LARGE" // an answer beyond its bounds
	CodeTimeout   Code = "TIMEOUT"   // the agency's own source did not answer in time
	CodeRelease   Code = "LATE"      // too late, or already released
	CodeFailed    Code = "FAILED"    // anything else; the agent's log has it
)

// known refuses free text in place of a code: a hostile agent's words reach no log line and no client.
func known(c string) Code {
	switch k := Code(c); k {
	case CodeGone, CodeBusy, CodeSession, CodeRefused, CodeToken, CodeMember, CodeProtocol, CodeSignature,
		CodeMalformed, CodeTooFew, CodeData, CodeTooLarge, CodeTimeout, CodeRelease:
		return k
	}
	return CodeFailed
}
