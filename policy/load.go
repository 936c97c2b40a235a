package policy

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	library "concordat/policy/rego"
)

// world is what every rule is evaluated in.
type world struct {
	compiler *ast.Compiler
	store    storage.Store
}

// loader reads Options into an Engine; it goes on after a mistake as far as it can.
type loader struct {
	Options
	problems
	capabilities *ast.Capabilities
	parts        map[AgencyID]*index
	whole        *index
	modules      map[string]*ast.Module // as parsed, by file name
	owners       map[string]AgencyID    // of each file; the library's files have none
	hides        map[AgencyID]hiding    // found while compiling
	sets         map[string]any
	setOwners    map[string]string
	digest       hash.Hash
	tests        bool                   // read tests too
	oldest       time.Time              // when the oldest bundle was signed
	signed       map[AgencyID]time.Time // when each was
}

// Load makes an Engine, or a *LoadError with every mistake found.
func Load(ctx context.Context, o Options) (*Engine, error) {
	l, compiler, err := read(o)
	if err != nil {
		return nil, err
	}
	return l.engine(ctx, world{compiler: compiler, store: l.store()})
}

// read parses, checks and compiles what Options name.
func read(o Options) (*loader, *ast.Compiler, error) {
	if o.CheckObligation == nil {
		return nil, nil, errors.New("policy: Options.CheckObligation is required")
	}
	l := &loader{Options: o, capabilities: capabilities(), parts: o.Catalog.byAgency(), whole: newIndex(o.Catalog.Fields),
		modules: map[string]*ast.Module{}, owners: map[string]AgencyID{}, sets: map[string]any{}, setOwners: map[string]string{},
		digest: sha256.New(), signed: map[AgencyID]time.Time{}}
	l.readLibrary()
	l.readBundles()
	if err := l.err(); err != nil {
		return nil, nil, err
	}
	for _, name := range sortedKeys(l.owners) {
		l.checkModule(l.modules[name], l.owners[name])
	}
	compiler := l.compile()
	return l, compiler, l.err()
}

func (l *loader) readLibrary() {
	l.readFiles("concordat", library.Files, func(name string, text []byte) { l.parse(name, text, "") })
}

func (l *loader) readBundles() {
	bundles := slices.Clone(l.Bundles)
	slices.SortStableFunc(bundles, func(a, b Bundle) int { return strings.Compare(string(a.Agency), string(b.Agency)) })
	seen := map[AgencyID]bool{}
	for _, b := range bundles {
		if b.Agency == "" || seen[b.Agency] {
			l.file(string(b.Agency), CodeFile, "every agency has one bundle and every bundle an agency")
			continue
		}
		seen[b.Agency] = true
		l.readBundle(b)
	}
}

// readBundle reads one agency's files; where bundles are signed, only what was signed.
func (l *loader) readBundle(b Bundle) {
	var vouched *signed
	if l.Signatures != nil {
		var err error
		if vouched, err = l.Signatures.verify(b, l.now()); err != nil {
			code := CodeSignature
			if errors.Is(err, errReplaced) {
				code = CodeReplaced
			}
			l.file(string(b.Agency), code, "%s", err)
			return
		}
		l.oldest = earlier(l.oldest, vouched.at)
		l.signed[b.Agency] = vouched.at
	}
	l.readFiles(string(b.Agency), b.Files, func(name string, text []byte) {
		if vouched != nil {
			if err := vouched.match(strings.TrimPrefix(name, string(b.Agency)+"/"), text); err != nil {
				l.file(name, CodeSignature, "%s", err)
				return
			}
		}
		if path.Base(name) == "data.json" {
			l.readData(name, text)
			return
		}
		l.parse(name, text, b.Agency)
	})
	if vouched != nil && vouched.missing() != "" {
		l.file(string(b.Agency), CodeSignature, "%s was signed and is not there", vouched.missing())
	}
}

func (l *loader) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// mix adds an input to the revision.
func (l *loader) mix(name string, content []byte) {
	l.digest.Write(appendText(appendText(nil, name), string(content)))
}

func (l *loader) parse(name string, text []byte, owner AgencyID) {
	m, err := ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: l.capabilities})
	if err != nil {
		l.opa(name, CodeFile, err)
		return
	}
	if m == nil {
		l.file(name, CodeFile, "the file is empty")
		return
	}
	l.modules[name] = m
	if owner != "" {
		l.owners[name] = owner
	}
}

func (l *loader) compile() *ast.Compiler {
	c := ast.NewCompiler().WithStrict(true).WithCapabilities(l.capabilities).SetErrorLimit(0).
		WithStageAfterID(ast.StageResolveRefs, l.checkReferences()).
		WithStageAfterID(ast.StageResolveRefs, l.findHiding()).
		WithStageAfterID(ast.StageRewriteDynamicTerms, keepPresence())
	c.Compile(l.modules)
	if c.Failed() {
		l.opa("", CodeCompile, c.Errors)
	}
	return c
}

func (l *loader) store() storage.Store {
	agreements := l.Agreements
	if agreements == nil {
		agreements = map[string]any{}
	}
	return inmem.NewFromObjectWithOpts(map[string]any{"agreements": agreements, "sets": l.sets, "fields": l.Catalog.data()},
		inmem.OptReturnASTValuesOnRead(true))
}

// engine prepares every query. What is wrong with compiled rules is found here.
func (l *loader) engine(ctx context.Context, w world) (*Engine, error) {
	cache, err := newCaches(l.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	e := &Engine{signedAt: l.oldest, signed: l.signed, agencies: map[AgencyID]*agency{}, check: l.CheckObligation, now: l.Now,
		guard: newGuard(l.EvaluationLimit, l.EvaluationMemory),
		fault: l.Fault, cache: cache}
	if e.now == nil {
		e.now = time.Now
	}
	r := newReach(w.compiler.Modules)
	if e.gateway, err = l.prepare(ctx, w, r, Gateway, l.whole); err != nil {
		return nil, err
	}
	e.reads = e.gateway.fieldReads
	for _, id := range sortedKeys(l.parts) {
		if e.agencies[id], err = l.prepare(ctx, w, r, id, l.parts[id]); err != nil {
			return nil, err
		}
		e.reads |= e.agencies[id].fieldReads
	}
	if e.revision, err = l.revision(); err != nil {
		return nil, err
	}
	return e, l.err()
}

// revision digests files, agreements and catalog.
func (l *loader) revision() (string, error) {
	agreements, err := json.Marshal(l.Agreements) // map keys in order
	if err != nil {
		return "", fmt.Errorf("policy: agreements: %w", err)
	}
	l.mix("\x00agreements", agreements)
	for _, id := range sortedKeys(l.parts) {
		fields, err := json.Marshal(l.parts[id].fields)
		if err != nil {
			return "", fmt.Errorf("policy: catalog: %w", err)
		}
		l.mix("\x00catalog\x00"+string(id), fields)
	}
	return fmt.Sprintf("%x", l.digest.Sum(nil)), nil
}

// prepare readies the rules of one owner: one query over its `fields` and `limits`, one for each row rule.
func (l *loader) prepare(ctx context.Context, w world, r *reach, id AgencyID, x *index) (*agency, error) {
	a := &agency{id: id, fields: x, tightens: id == Gateway, hides: l.hides[id], rowRules: map[string]*rowRules{}}
	body := ast.Body{}
	var roots []*ast.Rule
	for _, p := range packagesOf(w.compiler.Modules, id) {
		for _, document := range []string{"fields", "limits"} {
			rules := p.rules[document]
			if len(rules) == 0 {
				continue
			}
			roots = append(roots, rules...)
			variable := fmt.Sprintf("d%d", len(a.entries))
			a.entries = append(a.entries, entry{variable: variable, limits: document == "limits"})
			body.Append(ast.Equality.Expr(ast.VarTerm(variable), ast.NewTerm(p.path.Append(ast.StringTerm(document)))))
		}
		if err := l.prepareRows(ctx, w, r, a, p); err != nil {
			return nil, err
		}
	}
	l.checkRowless(r, roots)
	_, a.fieldReads = r.closure(roots)
	if len(a.entries) == 0 {
		return a, nil
	}
	query, err := rego.New(rego.ParsedQuery(body), rego.Compiler(w.compiler), rego.Store(w.store),
		rego.StrictBuiltinErrors(true)).PrepareForEval(ctx)
	if err != nil {
		return nil, fmt.Errorf("policy: %s: %w", id, err)
	}
	a.query = &query
	return a, nil
}

func (l *loader) prepareRows(ctx context.Context, w world, r *reach, a *agency, p *ownedPackage) error {
	for _, verb := range []string{"include", "exclude"} {
		for _, typ := range sortedKeys(p.rows[verb]) {
			rules := p.rows[verb][typ]
			ref := p.path.Append(ast.StringTerm(verb)).Append(ast.StringTerm(typ))
			query, err := prepareRow(ctx, w, ref)
			if err != nil {
				return fmt.Errorf("policy: %s.%s: %w", verb, typ, err)
			}
			row := a.rowRules[typ]
			if row == nil {
				row = &rowRules{}
				a.rowRules[typ] = row
			}
			_, reads := r.closure(rules)
			row.reads |= reads
			row.included = row.included || verb == "include" && p.main
			row.rules = append(row.rules, rowRule{name: ref.String(), exclude: verb == "exclude", reads: reads, query: query})
			l.checkFragment(r, a.id, typ, rules)
		}
	}
	return nil
}

// ownedPackage is one package of one owner, with its entry rules.
type ownedPackage struct {
	path  ast.Ref
	main  bool
	rules map[string][]*ast.Rule            // fields, limits
	rows  map[string]map[string][]*ast.Rule // include, exclude: by type
}

// packagesOf are the compiled packages of an owner in order of path: concordat.access.ID and those under it.
func packagesOf(modules map[string]*ast.Module, id AgencyID) []*ownedPackage {
	byPath := map[string]*ownedPackage{}
	for _, name := range sortedKeys(modules) {
		m := modules[name]
		place := constants(m.Package.Path[1:])
		if len(place) < 3 || !agree(place, []string{"concordat", "access", string(id)}) {
			continue
		}
		key := m.Package.Path.String()
		p := byPath[key]
		if p == nil {
			p = &ownedPackage{path: m.Package.Path, main: len(place) == 3, rules: map[string][]*ast.Rule{},
				rows: map[string]map[string][]*ast.Rule{"include": {}, "exclude": {}}}
			byPath[key] = p
		}
		for _, rule := range m.Rules {
			p.take(rule)
		}
	}
	out := make([]*ownedPackage, 0, len(byPath))
	for _, key := range sortedKeys(byPath) {
		out = append(out, byPath[key])
	}
	return out
}

func (p *ownedPackage) take(rule *ast.Rule) {
	name := constants(ruleName(rule))
	switch {
	case len(name) == 1 && (name[0] == "fields" || name[0] == "limits"):
		p.rules[name[0]] = append(p.rules[name[0]], rule)
	case len(name) == 2 && (name[0] == "include" || name[0] == "exclude"):
		p.rows[name[0]][name[1]] = append(p.rows[name[0]][name[1]], rule)
	}
}
