package policy

import (
	"concordat/privacy"
)

// tally gathers what rules say of one field: DESIGN.md section 6, `allow < transform < aggregate < encrypted < deny
// < invisible`, the strictest wins.
type tally struct {
	effect     Effect
	reason     string
	obligation privacy.Obligation
	owed       bool // some rule demanded obligation
	conflict   bool // and another rule a different one
}

// add takes one more statement. Ties of effect keep the reason that sorts first, so that the order in which rules
// are evaluated shows nowhere.
func (t *tally) add(effect Effect, obligation privacy.Obligation, reason string) {
	if effect == Transform {
		t.conflict = t.conflict || t.owed && t.obligation != obligation
		t.obligation, t.owed = obligation, true
	}
	switch {
	case effect > t.effect:
		t.effect, t.reason = effect, reason
	case effect == t.effect && reason != "" && (t.reason == "" || reason < t.reason):
		t.reason = reason
	}
}

// tighten takes what the gateway's rules say. They add nothing to a field on which its agency said nothing.
func (t *tally) tighten(gateway tally) {
	if gateway.owed {
		t.conflict = t.conflict || gateway.conflict || t.owed && t.obligation != gateway.obligation
		t.obligation, t.owed = gateway.obligation, true
	}
	if t.effect == Undefined {
		t.effect = Deny
	}
	if gateway.effect > t.effect {
		t.effect, t.reason = gateway.effect, gateway.reason
	}
}

// ruling is the outcome. A conflict of transforms is denied wherever a transform would have mattered.
func (t tally) ruling() Ruling {
	switch {
	case t.effect == Undefined:
		return Ruling{Effect: Deny, Reason: "no rule allows it"}
	case t.effect >= Deny:
		return Ruling{Effect: t.effect, Reason: t.reason}
	case t.conflict:
		return Ruling{Effect: Deny, Reason: "two rules demand different transforms", Conflict: true}
	}
	r := Ruling{Effect: t.effect, Reason: t.reason}
	if t.owed {
		r.Obligation = t.obligation
	}
	return r
}
