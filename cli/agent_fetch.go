package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"concordat/federation/agent"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/policy/authn"
	"concordat/policy/predicate"
	"concordat/privacy"
)

// agentFetch says which of an agency's rows its agent serves to the gateway as a source, under rules of the agency's
// own. Without it the agent answers no plain question.
type agentFetch struct {
	Policy  string                `yaml:"policy"`  // Rego, package concordat.fetch
	Sources string                `yaml:"sources"` // file, as the gateway's
	Types   map[string]agentTable `yaml:"types"`
	Tokens  struct {
		Issuer   string `yaml:"issuer"`   // the gateway's resource
		JWKS     string `yaml:"jwks"`     // file: what the gateway serves as downstream keys
		Audience string `yaml:"audience"` // default: this agency's name
	} `yaml:"tokens"`

	gate *authn.Authenticator
}

type agentTable struct {
	Source  string                 `yaml:"source"`
	Table   string                 `yaml:"table"` // best: a view with the agency's own row rule in it
	Columns map[string]agentColumn `yaml:"columns"`
}

// resolve makes paths absolute and reads the gateway's keys.
func (f *agentFetch) resolve(dir, agency string) error {
	for _, p := range []*string{&f.Policy, &f.Sources, &f.Tokens.JWKS} {
		if *p == "" {
			return errors.New("policy, sources and tokens.jwks are required")
		}
		if !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	if f.Tokens.Audience == "" {
		f.Tokens.Audience = agency
	}
	if len(f.Types) == 0 {
		return errors.New("types is empty")
	}
	for name, t := range f.Types {
		if err := t.check(); err != nil {
			return fmt.Errorf("types.%s: %w", name, err)
		}
	}
	text, err := os.ReadFile(f.Tokens.JWKS)
	if err != nil {
		return err
	}
	keys, err := authn.ParseKeys(text)
	if err != nil {
		return err
	}
	f.gate, err = authn.New(authn.Options{Issuers: []authn.Trusted{{Issuer: f.Tokens.Issuer, Audience: f.Tokens.Audience, Keys: keys}},
		Denylist: authn.DenyFunc(func(string) (bool, error) { return false, nil })}) // they live for a minute
	return err
}

func (t agentTable) check() error {
	if t.Source == "" || t.Table == "" || len(t.Columns) == 0 {
		return errors.New("source, table and columns are required")
	}
	for name, c := range t.Columns {
		if fetchKinds()[c.Kind] == 0 {
			return errors.New("column " + name + ": the kind is bool, int, bigint, float, decimal, text, date, time or json")
		}
	}
	return nil
}

func fetchKinds() map[string]privacy.Kind {
	kinds := columnKinds()
	kinds["time"], kinds["json"] = privacy.Time, privacy.JSON
	return kinds
}

func (t agentTable) relation(typeName string) *source.Relation {
	r := &source.Relation{Type: typeName, Table: t.Table, Columns: map[string]source.Column{}}
	for name, c := range t.Columns {
		physical := c.Column
		if physical == "" {
			physical = name
		}
		r.Columns[name] = source.Column{Coordinate: privacy.Coordinate(typeName + "." + name), Physical: physical, Kind: fetchKinds()[c.Kind]}
	}
	return r
}

// open makes what the agent serves. The configuration has been checked.
func (f *agentFetch) open(ctx context.Context, w *Wire) (agent.Fetching, io.Closer, error) {
	if f == nil {
		return agent.Fetching{}, io.NopCloser(nil), nil
	}
	rules, err := fetchRulesOf(ctx, f.Policy, f.columns())
	if err != nil {
		return agent.Fetching{}, nil, err
	}
	text, err := os.ReadFile(f.Sources)
	if err != nil {
		return agent.Fetching{}, nil, err
	}
	relations := map[string][]*source.Relation{}
	served := map[string]agent.Served{}
	for name, t := range f.Types {
		r := t.relation(name)
		relations[t.Source] = append(relations[t.Source], r)
		served[name] = agent.Served{Relation: r, Where: predicate.Always()} // the view and the policy are the row rule
	}
	sources, closer, err := w.Sources(ctx, f.Sources, text, func(name string) []*source.Relation { return relations[name] }, filepath.Dir(f.Sources), w.Getenv)
	if err != nil {
		return agent.Fetching{}, nil, err
	}
	for name, t := range f.Types {
		s := served[name]
		if s.Source = sources[t.Source]; s.Source == nil {
			return agent.Fetching{}, nil, errors.Join(fmt.Errorf("%s: no such source: %s", f.Sources, t.Source), closer.Close())
		}
		served[name] = s
	}
	return agent.Fetching{Types: served, Tokens: fetchTokens{f.gate}, Policy: rules}, closer, nil
}

// fetchTokens verifies what the gateway minted for this agency.
type fetchTokens struct{ gate *authn.Authenticator }

// Verify implements agent.Tokens.
func (t fetchTokens) Verify(_ context.Context, token string) (agent.Grant, error) {
	s, err := t.gate.Authenticate(&http.Request{Header: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		return agent.Grant{}, err
	}
	if s.Anonymous {
		return agent.Grant{}, errSessionToken
	}
	return agent.Grant{Subject: s.ID, Organisation: s.Organisation, Agreement: s.Agreement, Purpose: s.Purpose}, nil
}

// columns are the kinds of what is served, by type and field.
func (f *agentFetch) columns() map[string]map[string]privacy.Kind {
	out := map[string]map[string]privacy.Kind{}
	for name, t := range f.Types {
		out[name] = map[string]privacy.Kind{}
		for field, c := range t.Columns {
			out[name][field] = fetchKinds()[c.Kind]
		}
	}
	return out
}

func fetchRulesOf(ctx context.Context, file string, columns map[string]map[string]privacy.Kind) (fetchRules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return fetchRules{}, err
	}
	rules, err := policy.LoadFetchRules(ctx, file, text, columns)
	return fetchRules{rules}, err
}

// fetchRules are an agency's Rego about plain questions.
type fetchRules struct{ rules *policy.FetchRules }

// DecideFetch implements agent.FetchPolicy.
func (r fetchRules) DecideFetch(ctx context.Context, a agent.FetchAsked) (predicate.Predicate, error) {
	input := map[string]any{"type": a.Type, "select": texts(a.Select), "reads": texts(a.Reads), "aggregate": a.Aggregate,
		"subject": a.Grant.Subject, "agreement": a.Grant.Agreement, "purpose": a.Grant.Purpose, "now": json.Number(fmt.Sprint(time.Now().Unix()))}
	if err := r.rules.Allow(ctx, input); err != nil {
		return predicate.Never(), err
	}
	return r.rules.Rows(ctx, a.Type, input)
}

// texts is a list as Rego takes it: never null, so that a rule over "every" of nothing is not undefined.
func texts(list []string) []any {
	out := make([]any, len(list))
	for i, t := range list {
		out[i] = t
	}
	return out
}
