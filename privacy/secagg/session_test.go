package secagg_test

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"concordat/privacy/secagg"
)

// cast is everyone in one session, in one process: parties by name, the middle's copies, and the querier.
type cast struct {
	t          testing.TB
	ceremony   *secagg.Ceremony
	parties    map[string]*secagg.Party
	members    map[string]ed25519.PublicKey
	keys       map[string]ed25519.PrivateKey
	querier    *secagg.QuerierKey
	transcript [32]byte

	hellos, commits, reveals, deals, agreements []*secagg.Message
}

func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("agency%02d", i)
	}
	return out
}

func assemble(t testing.TB, session string, n, threshold int) *cast {
	t.Helper()
	c := &cast{t: t, parties: map[string]*secagg.Party{}, members: map[string]ed25519.PublicKey{}, keys: map[string]ed25519.PrivateKey{},
		ceremony: &secagg.Ceremony{Session: session, Set: secagg.SetA, Threshold: threshold}}
	for _, name := range names(n) {
		public, private, err := ed25519.GenerateKey(nil)
		must(t, err)
		c.members[name], c.keys[name] = public, private
		c.ceremony.Members = append(c.ceremony.Members, secagg.Member{Name: name, Identity: public})
	}
	for name, key := range c.keys {
		p, err := secagg.NewParty(c.ceremony, name, key)
		must(t, err)
		c.parties[name] = p
	}
	var err error
	c.querier, err = onceQuerier()
	must(t, err)
	return c
}

var onceQuerier = sync.OnceValues(secagg.NewQuerierKey)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prepare runs the ceremony to its end.
func (c *cast) prepare() *cast {
	c.t.Helper()
	c.upTo(secagg.KindAgree)
	for _, m := range c.ceremony.Members {
		must(c.t, c.parties[m.Name].Prepared(c.agreements))
	}
	var err error
	c.transcript, err = secagg.Transcript(c.ceremony, c.hellos, c.commits, c.reveals, c.agreements)
	must(c.t, err)
	return c
}

// upTo runs the rounds of the ceremony up to and with the one of that kind.
func (c *cast) upTo(kind secagg.Kind) {
	c.t.Helper()
	for _, m := range c.ceremony.Members {
		hello, err := c.parties[m.Name].Hello()
		must(c.t, err)
		c.hellos = append(c.hellos, hello)
	}
	if kind == secagg.KindHello {
		return
	}
	for _, m := range c.ceremony.Members {
		commit, err := c.parties[m.Name].Commit(c.hellos)
		must(c.t, err)
		c.commits = append(c.commits, commit)
	}
	if kind == secagg.KindCommit {
		return
	}
	for _, m := range c.ceremony.Members {
		reveal, deals, err := c.parties[m.Name].Reveal(c.commits)
		must(c.t, err)
		c.reveals, c.deals = append(c.reveals, reveal), append(c.deals, deals...)
	}
	if kind == secagg.KindReveal {
		return
	}
	for _, m := range c.ceremony.Members {
		agree, err := c.parties[m.Name].Agree(c.reveals, c.dealsTo(m.Name))
		must(c.t, err)
		c.agreements = append(c.agreements, agree)
	}
}

func (c *cast) dealsTo(name string) []*secagg.Message {
	var out []*secagg.Message
	for _, d := range c.deals {
		if d.To == name {
			out = append(out, d)
		}
	}
	return out
}

// paper is a journal on paper.
type paper struct{ released map[string]bool }

func (p *paper) Release(session string, _ [32]byte) error {
	if p.released == nil {
		p.released = map[string]bool{}
	}
	if p.released[session] {
		return secagg.ErrReleased
	}
	p.released[session] = true
	return nil
}

// online is one question on its way, with places where a test may interfere.
type online struct {
	commitments, activations []*secagg.Message
	ciphertexts              map[string][][]byte
	halves                   map[string][][]byte
	releases                 []*secagg.Message
	aggregator               *secagg.Aggregator
}

func (c *cast) contribute(q *secagg.Question, tables map[string]*secagg.Table) *online {
	c.t.Helper()
	o := &online{ciphertexts: map[string][][]byte{}, halves: map[string][][]byte{}}
	for _, m := range c.ceremony.Members {
		table, here := tables[m.Name]
		if !here {
			continue
		}
		values, err := q.Local(table, len(c.ceremony.Members))
		must(c.t, err)
		commitment, err := c.parties[m.Name].Contribute(q, c.querier.Public(), values)
		must(c.t, err)
		o.commitments = append(o.commitments, commitment)
	}
	return o
}

func (c *cast) activate(q *secagg.Question, o *online) {
	c.t.Helper()
	var err error
	o.aggregator, err = secagg.NewAggregator(c.ceremony, c.transcript, q, o.commitments)
	must(c.t, err)
	for _, name := range o.aggregator.Active() {
		m, ciphertexts, err := c.parties[name].Activate(o.aggregator.Active(), o.commitments, 0)
		must(c.t, err)
		o.activations, o.ciphertexts[name] = append(o.activations, m), ciphertexts
		for _, ct := range ciphertexts {
			half, err := secagg.HalfOf(ct)
			must(c.t, err)
			o.halves[name] = append(o.halves[name], half)
		}
	}
}

func (c *cast) release(o *online) {
	c.t.Helper()
	for _, m := range o.activations {
		r, err := c.parties[m.From].Release(&paper{}, o.activations, o.halves)
		must(c.t, err)
		o.releases = append(o.releases, r)
	}
}

func (c *cast) answer(o *online) *secagg.Answer {
	c.t.Helper()
	for _, m := range o.activations {
		must(c.t, o.aggregator.Add(m, o.ciphertexts[m.From]))
	}
	for _, m := range o.releases {
		must(c.t, o.aggregator.Switch(m))
	}
	a, err := o.aggregator.Answer()
	must(c.t, err)
	return a
}

// ask runs everything and opens.
func (c *cast) ask(q *secagg.Question, tables map[string]*secagg.Table) []int64 {
	c.t.Helper()
	o := c.contribute(q, tables)
	c.activate(q, o)
	c.release(o)
	text, err := c.answer(o).Encode()
	must(c.t, err)
	a, err := secagg.ParseAnswer(text)
	must(c.t, err)
	sums, err := c.querier.Open(a, q, c.members)
	must(c.t, err)
	return sums
}

// question asks everything there is, of data that data makes.
func question(session, thumbprint string) *secagg.Question {
	return &secagg.Question{
		Session: session, Agreement: "research-2025", Dataset: "admissions", Purpose: "research", Decision: "test",
		Minimum: 2, Until: 1 << 40, Querier: thumbprint,
		Fields: []secagg.Field{
			{Name: "days", Kind: secagg.Integer, Lower: 0, Upper: 60},
			{Name: "cost", Kind: secagg.Integer, Scale: 2, Lower: -100_000, Upper: 5_000_000},
			{Name: "died", Kind: secagg.Integer, Lower: 0, Upper: 1},
			{Name: "ward", Kind: secagg.Text, Domain: []string{"medicine", "surgery", "intensive"}},
			{Name: "sex", Kind: secagg.Text, Domain: []string{"f", "m"}},
			{Name: "smoker", Kind: secagg.Text, Domain: []string{"no", "yes"}},
			{Name: "patient", Kind: secagg.Identifier},
		},
		Measures: []secagg.Measure{
			{Fn: secagg.Count}, {Fn: secagg.Count, By: "ward"}, {Fn: secagg.Sum, Field: "cost", By: "ward"},
			{Fn: secagg.Mean, Field: "cost"}, {Fn: secagg.Variance, Field: "days", By: "sex"},
			{Fn: secagg.Histogram, Field: "days", Edges: []int64{1, 2, 5, 10, 20, 40}},
			{Fn: secagg.Quantile, Field: "days", Permille: 500, Edges: upTo(60)},
			{Fn: secagg.Min, Field: "cost", Edges: []int64{0, 1000, 10_000, 100_000}},
			{Fn: secagg.Max, Field: "cost", Edges: []int64{0, 1000, 10_000, 100_000, 1_000_000}},
			{Fn: secagg.Contingency, Field: "sex", With: "smoker"},
			{Fn: secagg.Regression, Field: "cost", Features: []string{"days", "died"}},
			{Fn: secagg.Survival, Field: "days", Event: "died", By: "sex", Edges: upTo(60)},
			{Fn: secagg.Distinct, Field: "patient", Buckets: 4096},
		},
	}
}

func upTo(n int64) []int64 {
	var out []int64
	for i := int64(1); i <= n; i++ {
		out = append(out, i)
	}
	return out
}

func data(seed uint64, rows int) *secagg.Table {
	r := rand.New(rand.NewPCG(seed, 1))
	t := &secagg.Table{Rows: rows, Integers: map[string][]int64{}, Texts: map[string][]string{}, Null: map[string][]bool{"cost": make([]bool, rows)}}
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for i := range rows {
		days := int64(r.ExpFloat64() * 8)
		t.Integers["days"] = append(t.Integers["days"], days)
		t.Integers["cost"] = append(t.Integers["cost"], days*30_000+int64(r.IntN(200_000))-50_000)
		t.Integers["died"] = append(t.Integers["died"], int64(r.IntN(5)/4))
		t.Texts["ward"] = append(t.Texts["ward"], pick("medicine", "surgery", "intensive", "elsewhere"))
		t.Texts["sex"] = append(t.Texts["sex"], pick("f", "m"))
		t.Texts["smoker"] = append(t.Texts["smoker"], pick("no", "no", "yes"))
		t.Texts["patient"] = append(t.Texts["patient"], fmt.Sprint(r.IntN(5000)))
		t.Null["cost"][i] = r.IntN(20) == 0
	}
	t.Unit = t.Texts["patient"]
	return t
}

func tablesOf(list []string, rows int) map[string]*secagg.Table {
	out := map[string]*secagg.Table{}
	for i, name := range list {
		out[name] = data(uint64(i), rows)
	}
	return out
}

// plainSums adds what the agencies would have sent, without any cryptography.
func plainSums(t testing.TB, q *secagg.Question, members int, tables map[string]*secagg.Table) []int64 {
	t.Helper()
	sums := make([]int64, q.Slots())
	for _, table := range tables {
		values, err := q.Local(table, members)
		must(t, err)
		for i, v := range values {
			sums[i] += v
		}
	}
	return sums
}

func TestOpenedSumsEqualThePlainSumsBitForBit(t *testing.T) {
	for _, c := range []struct{ n, threshold, present int }{{3, 3, 3}, {3, 2, 2}, {10, 7, 7}, {10, 10, 10}} {
		t.Run(fmt.Sprintf("%d of %d, %d present", c.threshold, c.n, c.present), func(t *testing.T) {
			session := fmt.Sprint("exact", c)
			cast := assemble(t, session, c.n, c.threshold).prepare()
			q := question(session, cast.querier.Public().Thumbprint())
			tables := tablesOf(names(c.n)[c.n-c.present:], 2000)
			got, want := cast.ask(q, tables), plainSums(t, q, c.n, tables)
			if !slices.Equal(got, want) {
				t.Fatal("opened sums differ")
			}
		})
	}
}

func TestTooFewAfterTheActiveSetAbortsAndKeysAreGone(t *testing.T) {
	c := assemble(t, "abort", 4, 3).prepare()
	q := question("abort", c.querier.Public().Thumbprint())
	o := c.contribute(q, tablesOf(names(4)[:3], 100))
	c.activate(q, o)
	for _, m := range o.activations {
		must(t, o.aggregator.Add(m, o.ciphertexts[m.From]))
	}
	for _, name := range names(4)[:2] { // the third is killed after the set was signed
		r, err := c.parties[name].Release(&paper{}, o.activations, o.halves)
		must(t, err)
		must(t, o.aggregator.Switch(r))
	}
	if _, err := o.aggregator.Answer(); !errors.Is(err, secagg.ErrTooFew) {
		t.Fatalf("answer without a release: %v", err)
	}
	if _, err := c.parties[names(4)[0]].Release(&paper{}, o.activations, o.halves); err == nil {
		t.Fatal("a party released twice")
	}
}
