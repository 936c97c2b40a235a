package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"concordat/policy"
	"concordat/policy/explain"
)

func (p *policyWorld) engine(ctx context.Context) (*policy.Engine, error) {
	return policy.Load(ctx, p.options)
}

// whose are the flags of a verb that asks for one persona.
type whose struct {
	policyFlags
	subject, purpose, agency string
	json                     bool
}

func (v policyCommand) whose(verb string, args []string) (q whose, rest []string, code int) {
	set := newCredentialFlags("policy "+verb, v.Stderr)
	q.register(set)
	policies := set.String("policies", "", "`directory` of bundles (default: the demo's)")
	set.StringVar(&q.subject, "subject", "", "persona (required)")
	set.StringVar(&q.purpose, "purpose", "", "one of the persona's purposes (default: its first)")
	set.StringVar(&q.agency, "agency", "", "only this agency's part")
	set.BoolVar(&q.json, "json", false, "print JSON, an object a line")
	rest, code = parseCredentialFlags(set, args)
	if code < 0 && q.subject == "" {
		return q, nil, v.misuse(verb + " needs --subject")
	}
	if *policies != "" {
		q.policyFlags = q.at(*policies)
	}
	return q, rest, code
}

func (v policyCommand) explain(ctx context.Context, args []string) int {
	q, rest, code := v.whose("explain", args)
	if code >= 0 {
		return code
	}
	if len(rest) != 1 {
		return v.misuse("explain takes one field or one document")
	}
	fields, rows, err := v.accounts(ctx, q, rest)
	if err == nil {
		err = v.printAccounts(fields, rows, q.json)
	}
	if err != nil {
		return v.failed("explain", err)
	}
	return exitDone
}

func (v policyCommand) accounts(ctx context.Context, q whose, args []string) ([]explain.Account, []explain.RowAccount, error) {
	p, err := q.read(v.Wire)
	if err != nil {
		return nil, nil, err
	}
	s, err := p.subject(q.subject, q.purpose)
	if err != nil {
		return nil, nil, err
	}
	request, err := p.request(args, q.agency)
	if err != nil {
		return nil, nil, err
	}
	x, err := policy.Inspect(ctx, p.options)
	if err != nil {
		return nil, nil, err
	}
	explanations, err := x.Explain(ctx, s, request.Operation, p.fields(request))
	if err != nil {
		return nil, nil, err
	}
	var fields []explain.Account
	for _, e := range explanations {
		fields = append(fields, explain.Field(e, s))
	}
	rows, err := rowAccounts(ctx, x, s, request)
	return fields, rows, err
}

func rowAccounts(ctx context.Context, x *policy.Inspector, s policy.Subject, r policy.Request) ([]explain.RowAccount, error) {
	decision, err := x.Engine().Decide(ctx, s, r)
	if err != nil {
		return nil, err
	}
	var out []explain.RowAccount
	for _, k := range r.Types {
		said, err := x.Rows(ctx, s, r.Operation, k)
		if err != nil {
			return nil, err
		}
		out = append(out, explain.Rows(k, decision.Row(k), said, s))
	}
	return out, nil
}

func (v policyCommand) printAccounts(fields []explain.Account, rows []explain.RowAccount, asJSON bool) error {
	if asJSON {
		for _, a := range fields {
			if err := printJSON(v.Stdout, a); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range fields {
		fmt.Fprintf(v.Stdout, "%s: %s\n", a.Agency, a.Sentence)
		for _, r := range a.Rules {
			mark := " "
			if r.Won {
				mark = "*"
			}
			fmt.Fprintf(v.Stdout, "  %s %s:%d says %s\n", mark, r.File, r.Line, r.Says)
		}
	}
	for _, a := range rows {
		fmt.Fprintf(v.Stdout, "%s: %s\n", a.Agency, a.Sentence)
	}
	return nil
}

// decisionJSON is one decision for a machine.
type decisionJSON struct {
	Revision string       `json:"revision"`
	Subject  string       `json:"subject"`
	Purpose  string       `json:"purpose"`
	Fields   []rulingJSON `json:"fields"`
	Rows     []rowsJSON   `json:"rows"`
	Limits   limitsJSON   `json:"limits"`
}

type rulingJSON struct {
	Agency     policy.AgencyID `json:"agency"`
	Coordinate string          `json:"coordinate"`
	Effect     string          `json:"effect"`
	Method     string          `json:"method,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	Reason     string          `json:"reason,omitempty"`
	Conflict   bool            `json:"conflict,omitempty"`
}

type rowsJSON struct {
	Agency policy.AgencyID `json:"agency"`
	Type   string          `json:"type"`
	Where  string          `json:"where"`
}

type limitsJSON struct {
	MinimumGroup int    `json:"minimumGroup"`
	Mark         string `json:"mark,omitempty"`
}

func (v policyCommand) eval(ctx context.Context, args []string) int {
	q, rest, code := v.whose("eval", args)
	if code >= 0 {
		return code
	}
	decision, err := v.decide(ctx, q, rest)
	if err == nil {
		err = printJSON(v.Stdout, decision)
	}
	if err != nil {
		return v.failed("eval", err)
	}
	return exitDone
}

func (v policyCommand) decide(ctx context.Context, q whose, args []string) (*decisionJSON, error) {
	p, err := q.read(v.Wire)
	if err != nil {
		return nil, err
	}
	s, err := p.subject(q.subject, q.purpose)
	if err != nil {
		return nil, err
	}
	request, err := p.request(args, q.agency)
	if err != nil {
		return nil, err
	}
	engine, err := p.engine(ctx)
	if err != nil {
		return nil, err
	}
	d, err := engine.Decide(ctx, s, request)
	if err != nil {
		return nil, err
	}
	out := &decisionJSON{Revision: d.Revision, Subject: q.subject, Purpose: s.Purpose, Fields: []rulingJSON{}, Rows: []rowsJSON{}}
	out.Limits = limitsJSON(d.Limits)
	for _, k := range request.Fields {
		r := d.Field(k)
		out.Fields = append(out.Fields, rulingJSON{Agency: k.Agency, Coordinate: string(k.Coordinate), Effect: r.Effect.String(),
			Method: r.Obligation.Method, Arguments: json.RawMessage(r.Obligation.Arguments), Reason: r.Reason, Conflict: r.Conflict})
	}
	for _, k := range request.Types {
		out.Rows = append(out.Rows, rowsJSON{Agency: k.Agency, Type: k.Type, Where: explain.Condition(d.Row(k))})
	}
	return out, nil
}
