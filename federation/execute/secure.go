package execute

import (
	"context"
	"errors"
	"strconv"

	"concordat/federation/plan"
	"concordat/federation/source"
)

// Secured is a session that stands, with the question that it is for and what that costs spent. It is asked once.
type Secured interface {
	// Ask runs the question's rounds. Its errors are a *SecureError.
	Ask(ctx context.Context) (*SecureAnswer, error)
}

// SecureAnswer is sums under the caller's key, with what the caller needs to check and open them.
type SecureAnswer struct {
	Session      string
	ParameterSet string
	Ciphertexts  []string // base64
	Layout       []byte   // JSON in the form of RFC 8785
	Contributors []SecureContributor
	Minimum      int
	Privacy      *SecurePrivacy // nil: no noise
}

// SecureContributor is what became of one agency.
type SecureContributor struct{ Agency, Status, Reason string }

// SecurePrivacy is what was spent, in decimals.
type SecurePrivacy struct{ Epsilon, Delta, Remaining string }

// SecureError is why there is no answer.
type SecureError struct {
	Code   string // of CONTRACT.md section 3
	Detail error  // for the log
}

func (e *SecureError) Error() string { return e.Code + ": " + e.Detail.Error() }
func (e *SecureError) Unwrap() error { return e.Detail }

// secure asks the session of a step.
func (r *run) secure(ctx context.Context, s *plan.AuthorizedStep) {
	session := r.caller.Secure[s.ID]
	if session == nil { // the caller of Run has said why
		return
	}
	answer, err := session.Ask(ctx)
	if err == nil {
		err = r.admitBytes(answer)
	}
	if err != nil {
		e := Error{Code: codeOf(ctx, err), Path: s.Errors, Detail: err}
		var said *SecureError
		if errors.As(err, &said) {
			e.Code = said.Code
		}
		r.fail(e)
		return
	}
	r.result.steps[s.ID] = &stepResult{step: s, secure: answer}
}

// admitBytes counts an answer towards its request as any other.
func (r *run) admitBytes(a *SecureAnswer) error {
	bytes := len(a.Layout)
	for _, c := range a.Ciphertexts {
		bytes += len(c)
	}
	limit := r.executor.RequestBytes
	if limit <= 0 {
		limit = 256 << 20
	}
	if r.held.bytes.Add(int64(bytes)) > limit {
		return source.ErrTooLarge
	}
	return nil
}

// secure writes the answer's members. All of it but the layout is numbers, base64 and words of our own.
func (w *writer) secure(dst []byte, n *plan.Node, a *SecureAnswer) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch k.Name {
		case "session":
			return text(dst, a.Session)
		case "parameterSet":
			return text(dst, a.ParameterSet)
		case "layout":
			return append(dst, a.Layout...)
		case "minimumContributors":
			return strconv.AppendInt(dst, int64(a.Minimum), 10)
		case "ciphertexts":
			return listOf(dst, a.Ciphertexts, text)
		case "contributors":
			return listOf(dst, a.Contributors, func(dst []byte, c SecureContributor) []byte { return w.contributor(dst, k, c) })
		case "privacy":
			return w.securePrivacy(dst, k, a.Privacy)
		}
		return append(dst, "null"...)
	})
}

func (w *writer) contributor(dst []byte, n *plan.Node, c SecureContributor) []byte {
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch {
		case k.Name == "agency":
			return text(dst, c.Agency)
		case k.Name == "status":
			return text(dst, c.Status)
		case k.Name == "reason" && c.Reason != "":
			return text(dst, c.Reason)
		}
		return append(dst, "null"...)
	})
}

func (w *writer) securePrivacy(dst []byte, n *plan.Node, p *SecurePrivacy) []byte {
	if p == nil {
		return append(dst, "null"...)
	}
	return w.members(dst, n, func(dst []byte, k *plan.Node) []byte {
		switch k.Name {
		case "epsilon":
			return text(dst, p.Epsilon)
		case "remaining":
			return text(dst, p.Remaining)
		}
		return text(dst, p.Delta)
	})
}
