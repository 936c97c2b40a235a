package node

import (
	"github.com/prometheus/client_golang/prometheus"

	"concordat/inference"
)

// stable is a tagger that knows how far what its models read and say has moved from their cards.
type stable interface{ Stability() []inference.Stability }

// watchModels has a tagger's models measured whenever the metrics are read.
func (m *metrics) watchModels(tagger any) {
	if t, ok := tagger.(stable); ok {
		m.registry.MustRegister(stability{t, prometheus.NewDesc("concordat_model_stability_index",
			"Population stability index of what a model reads (of=length) and says (of=label) against its card; absent before 500 texts.",
			[]string{"model", "of"}, nil)})
	}
}

// stability is a collector: a model that has not read texts enough has no figure, which no gauge can say.
type stability struct {
	of   stable
	desc *prometheus.Desc
}

func (s stability) Describe(d chan<- *prometheus.Desc) { d <- s.desc }

func (s stability) Collect(to chan<- prometheus.Metric) {
	for _, m := range s.of.Stability() {
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, m.Labels, m.Model, "label")
		to <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, m.Lengths, m.Model, "length")
	}
}
