package node

import (
	"net/http/httptest"
	"strings"
	"testing"

	"concordat/inference"
)

type moved []inference.Stability

func (m moved) Stability() []inference.Stability { return m }

func scrape(m *metrics) string {
	w := httptest.NewRecorder()
	m.handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

func TestMetricsHaveTheStabilityOfEachModelThatHasReadEnough(t *testing.T) {
	m := newMetrics()
	m.watchModels(moved{{Model: "ner-en", Labels: 0.25, Lengths: 0.5}})
	text := scrape(m)
	for _, want := range []string{`concordat_model_stability_index{model="ner-en",of="label"} 0.25`, `concordat_model_stability_index{model="ner-en",of="length"} 0.5`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
	m = newMetrics()
	m.watchModels(moved{})
	if strings.Contains(scrape(m), "stability") {
		t.Error("a model that has read nothing has a figure")
	}
	newMetrics().watchModels(struct{}{}) // a tagger that does not know
}
