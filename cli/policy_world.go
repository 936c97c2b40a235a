package cli

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"concordat/cli/node"
	"concordat/demo"
	"concordat/federation/compose"
	"concordat/federation/review"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/check"
	"concordat/schema"
)

// policyFlags say what a policy is read with.
type policyFlags struct{ schemas, policies, agreements, personas string }

func (f *policyFlags) register(set *flag.FlagSet) {
	set.StringVar(&f.schemas, "schemas", "", "`directory` of *.graphqls (default: the demo's)")
	set.StringVar(&f.agreements, "agreements", "", "`directory` of agreements (default: the demo's)")
	set.StringVar(&f.personas, "personas", "", "`file` of personas (default: the demo's)")
}

// at takes a directory named on the command line: of policies, or a whole configuration.
func (f policyFlags) at(dir string) policyFlags {
	f.policies = dir
	if info, err := os.Stat(filepath.Join(dir, "policies")); err != nil || !info.IsDir() {
		return f
	}
	f.policies = filepath.Join(dir, "policies")
	for name, into := range map[string]*string{"agencies": &f.schemas, "agreements": &f.agreements, "personas.json": &f.personas} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil && *into == "" {
			*into = filepath.Join(dir, name)
		}
	}
	return f
}

// policyWorld is everything that the officer's verbs ask.
type policyWorld struct {
	graph    *compose.Supergraph
	options  policy.Options
	names    []string // of personas, in order
	personas map[string]policy.Subject

	agreements *agreement.Set
}

// read loads what a gateway would load. The clock stands still, so that one run gives one answer.
func (f policyFlags) read(w *Wire) (*policyWorld, error) {
	graph, err := f.graph()
	if err != nil {
		return nil, err
	}
	bundles, err := f.bundles()
	if err != nil {
		return nil, err
	}
	set, err := f.signed()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	out := &policyWorld{graph: graph, agreements: set, options: policy.Options{Bundles: bundles, Agreements: set.Data(), Catalog: graph.Catalog,
		CheckObligation: w.Transforms.Check, Now: func() time.Time { return now }}}
	return out, f.people(out)
}

func (f policyFlags) graph() (*compose.Supergraph, error) {
	files, err := demoSchemas()
	if f.schemas != "" {
		files, err = SchemaFiles(f.schemas)
	}
	if err != nil {
		return nil, err
	}
	graph, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	if graph == nil {
		var text strings.Builder
		reportProblems(&text, problems)
		return nil, errors.New("the schemas do not compose:\n" + strings.TrimSpace(text.String()))
	}
	return graph, nil
}

func (f policyFlags) bundles() ([]policy.Bundle, error) {
	files, err := fs.Sub(demo.Files, "policies")
	if f.policies != "" {
		files = policy.Folder(f.policies)
	}
	if err != nil {
		return nil, err
	}
	bundles, err := policy.Bundles(files)
	if err == nil && len(bundles) == 0 {
		err = errors.New("the directory holds no bundle")
	}
	return bundles, err
}

func (f policyFlags) signed() (*agreement.Set, error) {
	if f.agreements != "" {
		return agreement.LoadDir(f.agreements)
	}
	files, err := fs.Sub(demo.Files, "agreements")
	if err != nil {
		return nil, err
	}
	return agreement.Load(files)
}

// people reads the personas: the demo's only where the agreements are the demo's too.
func (f policyFlags) people(into *policyWorld) error {
	into.personas = map[string]policy.Subject{}
	known := map[string]demo.Persona{}
	switch {
	case f.personas != "":
		text, err := os.ReadFile(f.personas)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &known); err != nil {
			return fmt.Errorf("%s: %w", f.personas, err)
		}
		into.names = slices.Sorted(maps.Keys(known))
	case f.agreements == "":
		known, into.names = demo.Personas(), demo.PersonaNames()
	}
	for name, p := range known {
		into.personas[name] = personaSubject(name, p)
	}
	return nil
}

// personaSubject is what the gate makes of a persona's token.
func personaSubject(name string, p demo.Persona) policy.Subject {
	s := policy.Subject{ID: p.Subject, Organisation: p.Organisation, Client: p.Client, Scopes: strings.Fields(p.Scope),
		Agreement: p.Agreement, Purposes: p.Purposes, Persona: name}
	if len(p.Purposes) > 0 {
		s.Purpose = p.Purposes[0]
	}
	return s
}

// subject is a persona with one of its purposes.
func (p *policyWorld) subject(name, purpose string) (policy.Subject, error) {
	s, ok := p.personas[name]
	if !ok {
		return s, fmt.Errorf("there is no persona %q; known are %s", name, strings.Join(p.names, ", "))
	}
	if purpose != "" {
		if !slices.Contains(s.Purposes, purpose) {
			return s, fmt.Errorf("%s has no purpose %q; known are %s", name, purpose, strings.Join(s.Purposes, ", "))
		}
		s.Purpose = purpose
	}
	return s, nil
}

// request is what the arguments name: a document's coordinates, fields, or everything.
func (p *policyWorld) request(args []string, agency string) (policy.Request, error) {
	r := policy.Request{Operation: "query"}
	if len(args) == 1 && strings.HasSuffix(args[0], ".graphql") {
		text, err := os.ReadFile(args[0])
		if err != nil {
			return r, err
		}
		bound, err := review.Bind(p.graph, string(text))
		if err != nil {
			return r, err
		}
		return bound.Request, nil
	}
	for _, f := range p.options.Catalog.Fields {
		if agency != "" && string(f.Agency) != agency || len(args) > 0 && !slices.Contains(args, string(f.Coordinate)) {
			continue
		}
		r.Fields = append(r.Fields, policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate})
		if k := (policy.TypeKey{Agency: f.Agency, Type: f.Type}); !slices.Contains(r.Types, k) {
			r.Types = append(r.Types, k)
		}
	}
	for _, name := range args {
		if !slices.ContainsFunc(r.Fields, func(k policy.FieldKey) bool { return string(k.Coordinate) == name }) {
			return r, fmt.Errorf("no agency offers %s", name)
		}
	}
	return r, nil
}

// fields are the catalog's entries for a request.
func (p *policyWorld) fields(r policy.Request) []policy.Field {
	byKey := map[policy.FieldKey]policy.Field{}
	for _, f := range p.options.Catalog.Fields {
		byKey[policy.FieldKey{Agency: f.Agency, Coordinate: f.Coordinate}] = f
	}
	out := make([]policy.Field, 0, len(r.Fields))
	for _, k := range r.Fields {
		if f, ok := byKey[k]; ok {
			out = append(out, f)
		}
	}
	return out
}

// world is what the bundles are reviewed in.
func (p *policyWorld) world(t node.Transforms) review.World {
	w := review.World{Graph: p.graph, Options: p.options, Transforms: t, Agreements: p.agreements}
	for _, name := range p.names {
		w.Personas = append(w.Personas, check.Persona{Name: name, Subject: p.personas[name]})
	}
	return w
}
