package node

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"concordat/resolvers"
	"concordat/state"
)

// Checks says how the parts are that every answer needs.
func (n *Node) Checks(context.Context) []resolvers.Check {
	_, sizeErr := n.ledger.Size()
	stateErr := n.store.View(func(state.ReadTx) error { return nil })
	return []resolvers.Check{
		{Name: "bundles", Ready: n.bundlesInTime(time.Now())},
		{Name: "ledger", Ready: sizeErr == nil && !n.metrics.ledgerFailing.Load()},
		{Name: "snapshot", Ready: n.gateway.Snapshot() != nil},
		{Name: "state", Ready: stateErr == nil},
	}
}

// bundlesInTime reports whether no signed bundle in force is older than its limit. A bundle that grows too old is not
// thrown out, since nothing would take its place; the gateway says so until a newer one is signed.
func (n *Node) bundlesInTime(now time.Time) bool {
	s := n.gateway.Snapshot()
	if s == nil || n.config.Bundles == nil || n.config.Bundles.MaxAge == 0 {
		return true
	}
	dated, ok := s.Policy.(interface{ SignedAt() time.Time })
	return ok && now.Sub(dated.SignedAt()) <= n.config.Bundles.MaxAge
}

// live says that the process runs; it asks no dependency.
func live(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n")) //nolint:errcheck // a prober that left has its answer
}

// readiness is the body of /readyz.
type readiness struct {
	Ready    bool            `json:"ready"`
	Checks   map[string]bool `json:"checks"`
	Snapshot *snapshotInfo   `json:"snapshot,omitempty"`
	// Refused says that a newer version was refused, and since when; what is wrong with it names files and rules, and
	// is in the log and, for those entitled, in the control plane.
	Refused *time.Time `json:"newerVersionRefusedAt,omitempty"`
}

type snapshotInfo struct {
	Schema string    `json:"schema"`
	Policy string    `json:"policy"`
	Since  time.Time `json:"since"`
}

func (n *Node) ready(w http.ResponseWriter, r *http.Request) {
	body := readiness{Ready: true, Checks: map[string]bool{}}
	for _, c := range n.Checks(r.Context()) {
		body.Checks[c.Name] = c.Ready
		body.Ready = body.Ready && c.Ready
	}
	if s := n.gateway.Snapshot(); s != nil {
		body.Snapshot = &snapshotInfo{Schema: s.Supergraph.Hash, Policy: s.Policy.Revision(), Since: s.Activated.UTC()}
	}
	if p := n.problem.Load(); p != nil {
		at := p.at.UTC()
		body.Refused = &at
	}
	w.Header().Set("Content-Type", "application/json")
	if !body.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(body) //nolint:errcheck // a prober that left has its answer
}
