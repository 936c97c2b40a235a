package drift

import (
	"math"
	"strings"
	"sync"
	"testing"

	"concordat/inference"
)

// The example is worked by hand from the formula.
func TestIndexIsTheSumOfBothRelativeEntropies(t *testing.T) {
	got := index([]float64{0.2, 0.3, 0.5}, []float64{0.3, 0.3, 0.4})
	if want := 0.1*math.Log(1.5) + 0.1*math.Log(1.25); math.Abs(got-want) > 1e-12 || math.Abs(got-0.0629) > 1e-4 {
		t.Errorf("%v, want %v", got, want)
	}
	if index([]float64{1}, []float64{0.5, 0.5}) != math.Inf(1) {
		t.Error("lists of different lengths are compared")
	}
}

func found(labels ...string) inference.Result {
	var r inference.Result
	for _, l := range labels {
		r.Entities = append(r.Entities, inference.Entity{Label: l})
	}
	return r
}

// texts are n of each of three sorts.
func texts(n int) (texts []string, results []inference.Result) {
	for range n {
		texts = append(texts, "short", strings.Repeat("middling ", 5), strings.Repeat("字", 200))
		results = append(results, found("PER"), found(), found("PER", "LOC"))
	}
	return texts, results
}

func TestSameTextsHaveNotMovedAndOthersHave(t *testing.T) {
	all, results := texts(200)
	ref := Of("the test", all, results)
	m := New(&ref)
	if _, _, ok := m.Index(); ok {
		t.Error("an index of nothing")
	}
	m.Observe(all, results)
	labels, lengths, ok := m.Index()
	if !ok || labels > 1e-6 || lengths > 1e-6 {
		t.Errorf("the same texts: %v %v %v", labels, lengths, ok)
	}
	for range 30 { // beyond two generations: the first texts are forgotten
		long := make([]string, 1000)
		other := make([]inference.Result, 1000)
		for i := range long {
			long[i], other[i] = strings.Repeat("x", 2000), found("ORG", "NEW")
		}
		m.Observe(long, other)
	}
	labels, lengths, _ = m.Index()
	if labels < 5 || lengths < 5 {
		t.Errorf("other texts: %v %v", labels, lengths)
	}
}

func TestCardWithoutDistributionsIsNotCompared(t *testing.T) {
	m := New(nil)
	m.Observe(texts(500))
	if _, _, ok := m.Index(); ok {
		t.Error("compared with nothing")
	}
}

func TestObservationsOfManyCallersAreAllCounted(t *testing.T) {
	ref := inference.Reference{}
	m := New(&ref)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				m.Observe(texts(10))
			}
		})
	}
	all.Wait()
	if m.now.texts+m.last.texts != 2400 {
		t.Errorf("%d texts", m.now.texts+m.last.texts)
	}
}
