package node

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"concordat/federation"
	"concordat/policy/ledger"
)

// metrics counts what an operator watches: outcomes and durations, never subjects or values.
type metrics struct {
	registry      *prometheus.Registry
	requests      *prometheus.CounterVec
	duration      prometheus.Histogram
	reloads       *prometheus.CounterVec
	refused       prometheus.Gauge
	appends       *prometheus.CounterVec
	ledgerFailing atomic.Bool
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_requests_total",
			Help: "GraphQL requests by the code of their refusal, empty where they were answered."}, []string{"code"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "concordat_request_seconds",
			Help: "Time from a request's arrival to its reply.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 16)}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_reloads_total",
			Help: "Loads of schema, policy and agreements, by result."}, []string{"result"}),
		refused: prometheus.NewGauge(prometheus.GaugeOpts{Name: "concordat_newer_version_refused",
			Help: "1 while a newer version of schema, policy or agreements is refused and an older one stays in force."}),
		appends: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concordat_ledger_appends_total",
			Help: "Entries appended to the ledger, by result."}, []string{"result"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.reloads, m.refused, m.appends,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Answered counts one request.
func (m *metrics) Answered(code federation.Code, took time.Duration) {
	m.requests.WithLabelValues(string(code)).Inc()
	m.duration.Observe(took.Seconds())
}

func (m *metrics) reload(good bool) {
	if good {
		m.reloads.WithLabelValues("activated").Inc()
		m.refused.Set(0)
		return
	}
	m.reloads.WithLabelValues("refused").Inc()
	m.refused.Set(1)
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// watchLedger notes whether the last append succeeded, for /readyz.
func (m *metrics) watchLedger(l federation.Ledger) federation.Ledger {
	return watchedLedger{ledger: l, metrics: m}
}

type watchedLedger struct {
	ledger  federation.Ledger
	metrics *metrics
}

func (w watchedLedger) Append(ctx context.Context, e ledger.Entry) (ledger.Receipt, error) {
	r, err := w.ledger.Append(ctx, e)
	w.metrics.appended(err)
	return r, err
}

// appended counts one append, and notes whether it came to be.
func (m *metrics) appended(err error) {
	m.ledgerFailing.Store(err != nil)
	result := "durable"
	if err != nil {
		result = "failed"
	}
	m.appends.WithLabelValues(result).Inc()
}
