package diff

import (
	"encoding/json"
	"math"

	"concordat/policy"
	"concordat/privacy"
)

func words(r policy.Ruling) string {
	text := r.Effect.String()
	if r.Obligation.Method != "" {
		text += " " + r.Obligation.Method + r.Obligation.Arguments
	}
	if r.Declassified {
		text += " (declassified)"
	}
	if r.Conflict {
		text += " (conflict)"
	}
	return text
}

// weaker reports whether a change from a to b gives more away, or whether that cannot be told: what is not known to be
// as strict counts as weaker, so that somebody looks at it.
func weaker(a, b policy.Ruling) bool {
	if b.Declassified && !a.Declassified { // labels of a text that was perhaps denied
		return true
	}
	if a.Effect != b.Effect {
		return rank(b.Effect) < rank(a.Effect) || b.Effect < policy.Deny && a.Obligation.Method != "" && !coarser(a.Obligation, b.Obligation)
	}
	return !coarser(a.Obligation, b.Obligation)
}

func rank(e policy.Effect) policy.Effect {
	if e == policy.Undefined {
		return policy.Deny
	}
	return e
}

// coarser reports whether b is known to tell no more than a.
func coarser(a, b privacy.Obligation) bool {
	switch {
	case a == b, a.Method == "":
		return true
	case b.Method == "null" || b.Method == "redact" || b.Method == "constant":
		return true
	case a.Method == "month" && b.Method == "year":
		return true
	case a.Method != b.Method:
		return false
	}
	before, after := arguments(a), arguments(b)
	switch a.Method {
	case "prefix":
		return after["length"] <= before["length"]
	case "round": // every multiple of the new step is one of the old
		return before["to"] > 0 && math.Mod(after["to"], before["to"]) == 0 && roundsAlike(before["to"], after["to"])
	}
	return false
}

// roundsAlike: the coarser rounding is a function of the finer only where each of its half-way marks is one of the
// finer's too, which an odd ratio of the steps gives.
func roundsAlike(before, after float64) bool { return math.Mod(after/before, 2) == 1 }

func arguments(ob privacy.Obligation) map[string]float64 {
	out := map[string]float64{}
	var doc map[string]any
	if json.Unmarshal([]byte(ob.Arguments), &doc) != nil {
		return out
	}
	for key, value := range doc {
		if number, ok := value.(float64); ok {
			out[key] = number
		}
	}
	return out
}
