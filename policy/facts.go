package policy

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
)

// facts is a set of the things about a request that a rule can read. Two requests whose values agree on every
// fact that is reachable from a rule get the same answer from it, so those values are the cache key.
//
// The set is collected from the compiled modules, never from a trace of one evaluation: rule indexing skips rules,
// and what a skipped rule would have read separates callers all the same.
type facts uint16

const (
	factID facts = 1 << iota
	factOrganisation
	factClient
	factScopes
	factAgreement
	factPurposes
	factPersona
	factAnonymous
	factPurpose
	factOperation
	factTime // also time.now_ns: never the same twice

	allFacts = factTime<<1 - 1
)

// inputPath is where each fact lies in input.
func inputPaths() map[string]facts {
	return map[string]facts{
		"subject.id": factID, "subject.organisation": factOrganisation, "subject.client": factClient,
		"subject.scopes": factScopes, "subject.agreement": factAgreement, "subject.purposes": factPurposes,
		"subject.persona": factPersona, "subject.anonymous": factAnonymous, "purpose": factPurpose,
		"operation.type": factOperation, "context.time": factTime,
	}
}

// factsAt are the facts at or under a path, or above it; none where input has no such path.
func factsAt(path []string) facts {
	if len(path) == 0 {
		return allFacts
	}
	asked := strings.Join(path, ".") + "."
	var found facts
	for known, fact := range inputPaths() {
		known += "."
		if strings.HasPrefix(known, asked) || strings.HasPrefix(asked, known) {
			found |= fact
		}
	}
	return found
}

// lasting reports whether an answer that depends on f may be kept.
func (f facts) lasting() bool { return f&factTime == 0 }

// appendKey writes the values of f, each with its length, so that no two different lists of values read alike.
func (f facts) appendKey(key []byte, s *Subject, operation string) []byte {
	key = binary.BigEndian.AppendUint16(key, uint16(f))
	text := func(fact facts, value string) {
		if f&fact != 0 {
			key = appendText(key, value)
		}
	}
	list := func(fact facts, values []string) {
		if f&fact == 0 {
			return
		}
		key = binary.BigEndian.AppendUint32(key, uint32(len(values)))
		for _, v := range values {
			key = appendText(key, v)
		}
	}
	text(factID, s.ID)
	text(factOrganisation, s.Organisation)
	text(factClient, s.Client)
	list(factScopes, s.Scopes)
	text(factAgreement, s.Agreement)
	list(factPurposes, s.Purposes)
	text(factPersona, s.Persona)
	if f&factAnonymous != 0 && s.Anonymous {
		key = append(key, 1)
	} else if f&factAnonymous != 0 {
		key = append(key, 0)
	}
	text(factPurpose, s.Purpose)
	text(factOperation, operation)
	return key
}

func appendText(key []byte, text string) []byte {
	key = binary.BigEndian.AppendUint32(key, uint32(len(text)))
	return append(key, text...)
}

// input is what rules read. operation is absent while a profile is made.
func input(s *Subject, operation string, now time.Time) ast.Value {
	doc := ast.NewObject(
		item("subject", ast.NewTerm(ast.NewObject(
			item("id", ast.StringTerm(s.ID)),
			item("organisation", ast.StringTerm(s.Organisation)),
			item("client", ast.StringTerm(s.Client)),
			item("scopes", texts(s.Scopes)),
			item("agreement", ast.StringTerm(s.Agreement)),
			item("purposes", texts(s.Purposes)),
			item("persona", ast.StringTerm(s.Persona)),
			item("anonymous", ast.BooleanTerm(s.Anonymous)),
		))),
		item("purpose", ast.StringTerm(s.Purpose)),
		item("context", ast.NewTerm(ast.NewObject(item("time", ast.StringTerm(now.UTC().Format(time.RFC3339)))))),
	)
	if operation != "" {
		doc.Insert(ast.StringTerm("operation"), ast.NewTerm(ast.NewObject(item("type", ast.StringTerm(operation)))))
	}
	return doc
}

func item(key string, value *ast.Term) [2]*ast.Term { return [2]*ast.Term{ast.StringTerm(key), value} }

func texts(values []string) *ast.Term {
	terms := make([]*ast.Term, len(values))
	for i, v := range values {
		terms[i] = ast.StringTerm(v)
	}
	return ast.ArrayTerm(terms...)
}
