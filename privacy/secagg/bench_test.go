package secagg_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"concordat/privacy/secagg"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/bgv"
)

// peer is lattigo's own calls for the same work, with the same parameters.
type peer struct {
	params    bgv.Parameters
	encoder   *bgv.Encoder
	public    *rlwe.PublicKey
	secret    *rlwe.SecretKey
	encryptor *rlwe.Encryptor
	change    multiparty.PublicKeySwitchProtocol
	slots     []uint64
}

func newPeer(b *testing.B) *peer {
	b.Helper()
	params, err := bgv.NewParametersFromLiteral(bgv.ParametersLiteral{LogN: 13, Q: []uint64{1152921504606830593, 1152921504606748673, 1152921504606683137}, PlaintextModulus: secagg.PlainModulus})
	must(b, err)
	p := &peer{params: params, encoder: bgv.NewEncoder(params), slots: make([]uint64, secagg.Slots)}
	p.secret, p.public = bgv.NewKeyGenerator(params).GenKeyPairNew()
	p.encryptor = bgv.NewEncryptor(params, p.public)
	p.change, err = multiparty.NewPublicKeySwitchProtocol(params, ring.DiscreteGaussian{Sigma: 0x1p80, Bound: 6 * 0x1p80})
	must(b, err)
	for i := range p.slots {
		p.slots[i] = uint64(i)
	}
	return p
}

func (p *peer) encrypt(b *testing.B) *rlwe.Ciphertext {
	plain := bgv.NewPlaintext(p.params, p.params.MaxLevel())
	must(b, p.encoder.Encode(p.slots, plain))
	ct, err := p.encryptor.EncryptNew(plain)
	must(b, err)
	return ct
}

// full is a question that fills one ciphertext of that many members.
func full(c *cast, members int) *secagg.Question {
	return &secagg.Question{Session: c.ceremony.Session, Agreement: "a", Dataset: "d", Minimum: 2, Until: 1 << 40, Querier: c.querier.Public().Thumbprint(),
		Fields:   []secagg.Field{{Name: "x", Kind: secagg.Integer, Upper: 5000}},
		Measures: []secagg.Measure{{Fn: secagg.Histogram, Field: "x", Edges: upTo(int64(4096 - members - 1))}}}
}

// ratio reports the median of ours over the median of theirs, measured in turn, and prints the line of the contract.
func ratio(b *testing.B, name string, rounds int, ours, theirs func() time.Duration) {
	b.Helper()
	var a, p []time.Duration
	for range rounds {
		a, p = append(a, ours()), append(p, theirs())
	}
	o, t := median(a), median(p)
	b.ReportMetric(float64(o.Microseconds())/1000, "ms/ours")
	b.ReportMetric(float64(t.Microseconds())/1000, "ms/lattigo")
	b.ReportMetric(float64(o)/float64(t), "x")
	fmt.Printf("BENCH name=secagg-%s ours=%.3f peer=%.3f ratio=%.3f unit=ms\n", name, o.Seconds()*1000, t.Seconds()*1000, float64(t)/float64(o))
}

func median(d []time.Duration) time.Duration {
	for i := range d {
		for j := i; j > 0 && d[j] < d[j-1]; j-- {
			d[j], d[j-1] = d[j-1], d[j]
		}
	}
	return d[len(d)/2]
}

// timed is the processor time of f, over all threads: on a busy machine wall time measures the neighbours.
func timed(f func()) time.Duration {
	begin := processor()
	f()
	return processor() - begin
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLocalSteps measures each local step of ten agencies at 8,192 slots against lattigo's own calls in the same
// run: what the MAC, the strict reader, hashes and signatures cost on top.
func BenchmarkLocalSteps(b *testing.B) {
	const members, rounds = 10, 7
	p := newPeer(b)
	stages := map[string][]time.Duration{}
	for round := range rounds {
		c := assemble(b, fmt.Sprint("bench", round), members, members).prepare()
		q := full(c, members)
		values := make([]int64, q.Slots())
		o := &online{ciphertexts: map[string][][]byte{}, halves: map[string][][]byte{}}
		note := func(name string, d time.Duration) { stages[name] = append(stages[name], d) }
		for _, name := range names(members) {
			note("encrypt", timed(func() {
				m, err := c.parties[name].Contribute(q, c.querier.Public(), values)
				must(b, err)
				o.commitments = append(o.commitments, m)
			}))
		}
		c.activate(q, o)
		note("add", timed(func() {
			for _, m := range o.activations {
				must(b, o.aggregator.Add(m, o.ciphertexts[m.From]))
			}
		}))
		for _, m := range o.activations {
			note("share", timed(func() {
				r, err := c.parties[m.From].Release(&paper{}, o.activations, o.halves)
				must(b, err)
				o.releases = append(o.releases, r)
			}))
		}
		note("switch", timed(func() {
			for _, m := range o.releases {
				must(b, o.aggregator.Switch(m))
			}
		}))
		a, err := o.aggregator.Answer()
		must(b, err)
		note("open", timed(func() { _, err := c.querier.Open(a, q, c.members); must(b, err) }))
	}
	peers := p.steps(b, members, rounds)
	for _, name := range []string{"encrypt", "add", "share", "switch", "open"} {
		b.Run(name, func(b *testing.B) {
			i, j := 0, 0
			ratio(b, name, min(len(stages[name]), len(peers[name])), func() time.Duration { i++; return stages[name][i-1] }, func() time.Duration { j++; return peers[name][j-1] })
		})
	}
}

func (p *peer) steps(b *testing.B, members, rounds int) map[string][]time.Duration {
	out := map[string][]time.Duration{}
	for range rounds {
		cts := make([]*rlwe.Ciphertext, members)
		for i := range cts {
			out["encrypt"] = append(out["encrypt"], timed(func() { cts[i] = p.encrypt(b) }))
		}
		sum := bgv.NewCiphertext(p.params, 1, p.params.MaxLevel())
		evaluator := bgv.NewEvaluator(p.params, nil)
		out["add"] = append(out["add"], timed(func() {
			for _, ct := range cts {
				must(b, evaluator.Add(sum, ct, sum))
			}
		}))
		shares := make([]multiparty.PublicKeySwitchShare, members)
		for i := range shares {
			shares[i] = p.change.AllocateShare(p.params.MaxLevel())
			out["share"] = append(out["share"], timed(func() { p.change.GenShare(p.secret, p.public, sum, &shares[i]) }))
		}
		out["switch"] = append(out["switch"], timed(func() {
			for _, s := range shares[1:] {
				must(b, p.change.AggregateShares(shares[0], s, &shares[0]))
			}
			p.change.KeySwitch(sum, shares[0], sum)
		}))
		out["open"] = append(out["open"], timed(func() {
			must(b, p.encoder.Decode(bgv.NewDecryptor(p.params, p.secret).DecryptNew(sum), p.slots))
		}))
	}
	return out
}

// BenchmarkHundredAgencies is the gateway's work on one core for 100 contributions: parse and add alone, and with hashes
// and signatures.
func BenchmarkHundredAgencies(b *testing.B) {
	const members = 100
	c := assemble(b, "hundred", members, members).prepare()
	q := full(c, members)
	o := &online{ciphertexts: map[string][][]byte{}, halves: map[string][][]byte{}}
	for _, name := range names(members) {
		m, err := c.parties[name].Contribute(q, c.querier.Public(), make([]int64, q.Slots()))
		must(b, err)
		o.commitments = append(o.commitments, m)
	}
	c.activate(q, o)
	var blocks [][]byte
	for _, name := range names(members) {
		blocks = append(blocks, o.ciphertexts[name]...)
	}
	onOneCore(b, "parse and add", func() { must(b, secagg.ParseAndAdd(blocks)) })
	onOneCore(b, "with hashes and signatures", func() {
		a, err := secagg.NewAggregator(c.ceremony, c.transcript, q, o.commitments)
		must(b, err)
		for _, m := range o.activations {
			must(b, a.Add(m, o.ciphertexts[m.From]))
		}
	})
}

// onOneCore reports the median of the processor time of f.
func onOneCore(b *testing.B, name string, f func()) {
	b.Run(name, func(b *testing.B) {
		var each []time.Duration
		for b.Loop() {
			each = append(each, timed(f))
		}
		b.ReportMetric(float64(median(each).Microseconds())/1000, "cpu-ms/op")
	})
}

func BenchmarkReadCiphertext(b *testing.B) {
	block := secagg.ZeroBlock(secagg.CiphertextKind)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		_, err := secagg.ReadBlock(secagg.CiphertextKind, block)
		must(b, err)
	}
}
