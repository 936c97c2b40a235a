package secagg_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"slices"
	"strings"
	"testing"

	"concordat/privacy/secagg"
)

// small is a question that needs one ciphertext.
func small(c *cast) *secagg.Question {
	q := question(c.ceremony.Session, c.querier.Public().Thumbprint())
	q.Measures = q.Measures[:3]
	return q
}

// staged brings three agencies to where they have signed the active set.
func staged(t *testing.T, session string) (*cast, *secagg.Question, *online) {
	t.Helper()
	c := assemble(t, session, 3, 3).prepare()
	q := small(c)
	o := c.contribute(q, tablesOf(names(3), 50))
	c.activate(q, o)
	return c, q, o
}

// refused checks the kind of an error, and whom it blames ("" for nobody in particular).
func refused(t *testing.T, err, kind error, party string) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("got %v, want %v", err, kind)
	}
	var p *secagg.PartyError
	if errors.As(err, &p) != (party != "") || party != "" && p.Party != party {
		t.Fatalf("%v does not blame %q", err, party)
	}
}

func TestChangedSlotIsDetected(t *testing.T) {
	c, q, o := staged(t, "slot")
	c.release(o)
	a := c.answer(o)
	good := a.Sums[0]
	for _, slot := range []int{0, 3, 4, 4095, 4096 + 3, secagg.Slots - 1} { // participation, values, unused, tags
		a.Sums[0] = secagg.AddToSum(good, slot, 5)
		if _, err := c.querier.Open(a, q, c.members); !errors.Is(err, secagg.ErrIntegrity) {
			t.Errorf("slot %d: %v", slot, err)
		}
	}
	a.Sums[0] = good
	if _, err := c.querier.Open(a, q, c.members); err != nil {
		t.Fatal("the unchanged sum does not open:", err)
	}
}

func TestDoubledSumPassesTheMACButNotParticipation(t *testing.T) {
	c, q, o := staged(t, "double")
	c.release(o)
	a := c.answer(o)
	a.Sums[0] = secagg.DoubleSum(a.Sums[0])
	_, err := c.querier.Open(a, q, c.members)
	refused(t, err, secagg.ErrIntegrity, "")
	if !strings.Contains(err.Error(), "participation") {
		t.Fatal("not for the participation slots:", err)
	}
}

func TestShareThatIsNotOneIsDetected(t *testing.T) {
	c, q, o := staged(t, "share")
	c.release(o)
	bad := *o.releases[1]
	bad.Body = append(bad.Body[:32:32], secagg.ZeroBlock(secagg.SwitchKind)...)
	o.releases[1] = secagg.Resign(bad, c.keys[bad.From])
	_, err := c.querier.Open(c.answer(o), q, c.members)
	refused(t, err, secagg.ErrIntegrity, "")
}

func TestAnotherAgencysCiphertextIsRefused(t *testing.T) {
	_, _, o := staged(t, "swap")
	n := names(3)
	refused(t, o.aggregator.Add(o.activations[0], o.ciphertexts[n[1]]), secagg.ErrProtocol, n[0])
}

func TestContributionCountsOnce(t *testing.T) {
	_, _, o := staged(t, "twice")
	n := names(3)
	must(t, o.aggregator.Add(o.activations[0], o.ciphertexts[n[0]]))
	refused(t, o.aggregator.Add(o.activations[0], o.ciphertexts[n[0]]), secagg.ErrProtocol, n[0])
}

func TestReplayFromAnotherSessionIsRefused(t *testing.T) {
	old := assemble(t, "first", 3, 3)
	old.upTo(secagg.KindCommit)
	c := assemble(t, "second", 3, 3)
	c.keys, c.members, c.ceremony.Members = old.keys, old.members, old.ceremony.Members
	for name, key := range c.keys {
		p, err := secagg.NewParty(c.ceremony, name, key)
		must(t, err)
		c.parties[name] = p
	}
	c.upTo(secagg.KindHello)
	n := names(3)
	_, err := c.parties[n[0]].Commit([]*secagg.Message{c.hellos[0], old.hellos[1], c.hellos[2]})
	refused(t, err, secagg.ErrSignature, n[1])
}

func TestMessagesMustBeOnePerMember(t *testing.T) {
	n := names(3)
	for name, change := range map[string]func([]*secagg.Message) []*secagg.Message{
		"twice":   func(m []*secagg.Message) []*secagg.Message { return append(m, m[1]) },
		"missing": func(m []*secagg.Message) []*secagg.Message { return m[:2] },
		"other kind": func(m []*secagg.Message) []*secagg.Message {
			x := *m[1]
			x.Kind = secagg.KindAgree
			m[1] = &x
			return m
		},
		"other name": func(m []*secagg.Message) []*secagg.Message { x := *m[1]; x.From = n[0]; m[1] = &x; return m },
		"changed": func(m []*secagg.Message) []*secagg.Message {
			x := *m[1]
			x.Body = bytes.Repeat([]byte{1}, 1248)
			m[1] = &x
			return m
		},
		"outsider":    func(m []*secagg.Message) []*secagg.Message { x := *m[1]; x.From = "stranger"; return append(m, &x) },
		"other bind":  func(m []*secagg.Message) []*secagg.Message { x := *m[1]; x.Bind[0]++; m[1] = &x; return m },
		"no members'": func(m []*secagg.Message) []*secagg.Message { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := assemble(t, "one each", 3, 3)
			c.upTo(secagg.KindHello)
			p := c.parties[n[0]]
			if _, err := p.Commit(change(c.hellos)); err == nil {
				t.Fatal("accepted")
			}
			if _, err := p.Commit(c.hellos); err == nil {
				t.Fatal("a party that failed goes on")
			}
		})
	}
}

// TestLastToRevealCannotChooseTheCollectiveKey is the attack against which commitments stand: publish the key share
// that makes the sum one's own key.
func TestLastToRevealCannotChooseTheCollectiveKey(t *testing.T) {
	c := assemble(t, "rogue", 3, 3)
	c.upTo(secagg.KindReveal)
	n := names(3)
	rogue := *c.reveals[2]
	rogue.Body = slices.Concat(rogue.Body[:32], c.reveals[0].Body[32:])
	c.reveals[2] = secagg.Resign(rogue, c.keys[n[2]])
	_, err := c.parties[n[0]].Agree(c.reveals, c.dealsTo(n[0]))
	refused(t, err, secagg.ErrProtocol, n[2])
	refused(t, secagg.CheckReveals(c.ceremony, c.commits, c.reveals), secagg.ErrProtocol, n[2])
}

func TestSwappedCollectiveKeyIsRefused(t *testing.T) {
	c := assemble(t, "cpk", 3, 3)
	c.upTo(secagg.KindAgree)
	n := names(3)
	other := *c.agreements[1]
	other.Body = slices.Clone(other.Body)
	other.Body[40]++
	c.agreements[1] = secagg.Resign(other, c.keys[n[1]])
	refused(t, c.parties[n[0]].Prepared(c.agreements), secagg.ErrProtocol, n[1])
}

func TestDealsAreOneFromEachPeerAndForThisParty(t *testing.T) {
	n := names(3)
	for name, change := range map[string]func(*cast) []*secagg.Message{
		"missing":     func(c *cast) []*secagg.Message { return c.dealsTo(n[0])[:1] },
		"twice":       func(c *cast) []*secagg.Message { d := c.dealsTo(n[0]); return []*secagg.Message{d[0], d[0]} },
		"for another": func(c *cast) []*secagg.Message { return []*secagg.Message{c.dealsTo(n[0])[0], c.dealsTo(n[1])[1]} },
		"not sealed": func(c *cast) []*secagg.Message {
			d := c.dealsTo(n[0])
			x := *d[1]
			x.Body = make([]byte, 2000)
			return []*secagg.Message{d[0], secagg.Resign(x, c.keys[x.From])}
		},
		"re-addressed": func(c *cast) []*secagg.Message {
			d := c.dealsTo(n[0])
			x := *c.dealsTo(n[1])[1]
			x.To = n[0]
			return []*secagg.Message{d[0], secagg.Resign(x, c.keys[x.From])}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := assemble(t, "deals", 3, 2)
			c.upTo(secagg.KindReveal)
			if _, err := c.parties[n[0]].Agree(c.reveals, change(c)); err == nil {
				t.Fatal("accepted")
			}
		})
	}
}

func TestQuestionForAnotherKeyOrSessionIsRefused(t *testing.T) {
	other, err := secagg.NewQuerierKey()
	must(t, err)
	n := names(3)
	c := assemble(t, "key", 3, 3).prepare()
	q := small(c)
	values := make([]int64, q.Slots())
	_, err = c.parties[n[0]].Contribute(q, other.Public(), values)
	refused(t, err, secagg.ErrProtocol, "")
	q.Session = "another"
	_, err = c.parties[n[1]].Contribute(q, c.querier.Public(), values)
	refused(t, err, secagg.ErrProtocol, "")
}

// TestOneAgencysCiphertextIsNeverSwitched: a middle that wants one agency's value must show the others halves that sum
// to that one ciphertext, and cannot.
func TestOneAgencysCiphertextIsNeverSwitched(t *testing.T) {
	n := names(3)
	zero := append([]byte("CSA1A\x04\x01\x0d"), make([]byte, 8192*3*8)...)
	for name, change := range map[string]func(*online){
		"zeros for the others": func(o *online) { o.halves[n[1]] = [][]byte{zero}; o.halves[n[2]] = [][]byte{zero} },
		"one of them thrice":   func(o *online) { o.halves[n[1]] = o.halves[n[0]]; o.halves[n[2]] = o.halves[n[0]] },
		"one missing":          func(o *online) { delete(o.halves, n[2]) },
		"too many":             func(o *online) { o.halves[n[2]] = append(o.halves[n[2]], zero) },
		"truncated":            func(o *online) { o.halves[n[2]] = [][]byte{o.halves[n[2]][0][:100]} },
	} {
		t.Run(name, func(t *testing.T) {
			c, _, o := staged(t, "halves")
			change(o)
			journal := &paper{}
			if _, err := c.parties[n[0]].Release(journal, o.activations, o.halves); err == nil {
				t.Fatal("a share was released")
			}
			if len(journal.released) > 0 {
				t.Fatal("the refused release is in the journal")
			}
		})
	}
}

func TestReleaseNeedsEveryonesSignatureOnTheSameSet(t *testing.T) {
	n := names(4)
	c := assemble(t, "sets", 4, 3).prepare()
	q := small(c)
	o := c.contribute(q, tablesOf(n, 50))
	// The middle shows one set to two parties and another to the third.
	var activations []*secagg.Message
	for i, set := range [][]string{n[:3], n[:3], n} {
		m, ciphertexts, err := c.parties[n[i]].Activate(set, o.commitments[:len(set)], 0)
		must(t, err)
		activations = append(activations, m)
		half, err := secagg.HalfOf(ciphertexts[0])
		must(t, err)
		o.halves[n[i]] = [][]byte{half}
	}
	_, err := c.parties[n[0]].Release(&paper{}, activations, o.halves)
	refused(t, err, secagg.ErrProtocol, n[2])
	_, err = c.parties[n[1]].Release(&paper{}, activations[:2], o.halves)
	refused(t, err, secagg.ErrProtocol, n[2])
}

func TestSmallActiveSetIsRefusedByTheAgency(t *testing.T) {
	n := names(4)
	for name, c := range map[string]struct {
		set     []string
		minimum int
	}{
		"below the threshold": {n[:2], 0}, "alone": {n[:1], 0}, "one name three times": {[]string{n[0], n[0], n[0]}, 0},
		"below the agency's own minimum": {n[:3], 4}, "without this agency": {n[1:], 0}, "with a stranger": {[]string{n[0], n[1], "stranger"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := assemble(t, "few", 4, 3).prepare()
			q := small(w)
			o := w.contribute(q, tablesOf(n, 10))
			var shown []*secagg.Message
			for _, m := range o.commitments {
				if slices.Contains(c.set, m.From) {
					shown = append(shown, m)
				}
			}
			if _, _, err := w.parties[n[0]].Activate(c.set, shown, c.minimum); err == nil {
				t.Fatal("activated")
			}
		})
	}
}

type failing struct{}

func (failing) Release(string, [32]byte) error { return secagg.ErrReleased }

func TestNothingLeavesWhereTheJournalCannotBeWritten(t *testing.T) {
	c, _, o := staged(t, "journal")
	p := c.parties[names(3)[0]]
	if m, err := p.Release(failing{}, o.activations, o.halves); err == nil || m != nil {
		t.Fatal("released")
	}
	if _, err := p.Release(&paper{}, o.activations, o.halves); err == nil {
		t.Fatal("a second try was allowed")
	}
}

func TestAnswerIsBelievedOnlyAsAskedAndAsSigned(t *testing.T) {
	c, q, o := staged(t, "answer")
	c.release(o)
	a := c.answer(o)
	stranger, _, err := ed25519.GenerateKey(nil)
	must(t, err)
	n := names(3)
	other := *q
	other.Purpose = "marketing"
	_, err = c.querier.Open(a, &other, c.members)
	refused(t, err, secagg.ErrProtocol, "")
	_, err = c.querier.Open(a, q, map[string]ed25519.PublicKey{n[0]: c.members[n[0]], n[1]: stranger, n[2]: c.members[n[2]]})
	refused(t, err, secagg.ErrSignature, n[1])
	foreign, err := secagg.NewQuerierKey()
	must(t, err)
	_, err = foreign.Open(a, q, c.members)
	refused(t, err, secagg.ErrProtocol, "")
	less := *a
	less.Commitments, less.Activations = a.Commitments[:2], a.Activations[:2]
	_, err = c.querier.Open(&less, q, c.members)
	refused(t, err, secagg.ErrTooFew, "")
	moved := *a
	moved.Transcript[0]++
	_, err = c.querier.Open(&moved, q, c.members)
	refused(t, err, secagg.ErrSignature, n[0])
}

func TestStepsOutOfOrderEndTheParty(t *testing.T) {
	c := assemble(t, "order", 3, 3)
	p := c.parties[names(3)[0]]
	if _, err := p.Release(&paper{}, nil, nil); err == nil {
		t.Fatal("released first")
	}
	if _, err := p.Hello(); err == nil {
		t.Fatal("a dead party says hello")
	}
}

func TestValueThatCouldWrapAroundIsRefused(t *testing.T) {
	c := assemble(t, "overflow", 3, 3).prepare()
	q := small(c)
	values := make([]int64, q.Slots())
	values[1] = secagg.Limit(3)
	if _, err := c.parties[names(3)[0]].Contribute(q, c.querier.Public(), values); err != nil {
		t.Fatal("the largest value is refused:", err)
	}
	for i, v := range []int64{secagg.Limit(3) + 1, -secagg.Limit(3) - 1} {
		values[1] = v
		if _, err := c.parties[names(3)[1+i]].Contribute(q, c.querier.Public(), values); !errors.Is(err, secagg.ErrOverflow) {
			t.Errorf("%d: %v", v, err)
		}
	}
}

func TestExtremeValuesAddUpExactly(t *testing.T) {
	for _, sign := range []int64{1, -1} {
		c := assemble(t, "extreme", 3, 3).prepare()
		q := small(c)
		o := &online{ciphertexts: map[string][][]byte{}, halves: map[string][][]byte{}}
		for _, name := range names(3) {
			values := make([]int64, q.Slots())
			values[0] = sign * secagg.Limit(3)
			m, err := c.parties[name].Contribute(q, c.querier.Public(), values)
			must(t, err)
			o.commitments = append(o.commitments, m)
		}
		c.activate(q, o)
		c.release(o)
		sums, err := c.querier.Open(c.answer(o), q, c.members)
		must(t, err)
		if sums[0] != 3*sign*secagg.Limit(3) {
			t.Fatal(sums[0])
		}
	}
}
