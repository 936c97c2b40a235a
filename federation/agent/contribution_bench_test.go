package agent_test

import (
	"crypto/ed25519"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
)

const wards = 1024

// million is a file of a million stays in 1,024 wards.
func million(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "million.db")
	db, err := sql.Open("sqlite", path)
	must(b, err)
	defer db.Close()
	for _, statement := range []string{"CREATE TABLE stays (patient TEXT, ward TEXT, sex TEXT, days INTEGER, cost INTEGER, died INTEGER, home BOOLEAN, weight REAL)",
		`INSERT INTO stays (ward, cost) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000)
		 SELECT printf('ward-%04d', x * 7919 % 1024), CASE WHEN x % 50 THEN x * 31 % 9001 END FROM c`} {
		_, err := db.Exec(statement)
		must(b, err)
	}
	return path
}

// byHand is the SQL's own time: the same sums by a statement written for them.
func byHand(b *testing.B, s *sql.Stmt) time.Duration {
	begin := time.Now()
	rows, err := s.Query()
	must(b, err)
	defer rows.Close()
	for rows.Next() {
		var ward string
		var n, sum, squares int64
		must(b, rows.Scan(&ward, &n, &sum, &squares))
	}
	must(b, rows.Err())
	return time.Since(begin)
}

// prepared is one party of a ceremony of two that has ended.
func prepared(b *testing.B, session string) *secagg.Party {
	b.Helper()
	c := &secagg.Ceremony{Session: session, Set: secagg.SetA, Threshold: 2}
	keys := map[string]ed25519.PrivateKey{}
	for _, name := range []string{"a", "b"} {
		public, key, err := ed25519.GenerateKey(nil)
		must(b, err)
		c.Members, keys[name] = append(c.Members, secagg.Member{Name: name, Identity: public}), key
	}
	parties := make([]*secagg.Party, 2)
	round := func(act func(*secagg.Party) (*secagg.Message, error)) (out []*secagg.Message) {
		for _, p := range parties {
			m, err := act(p)
			must(b, err)
			out = append(out, m)
		}
		return out
	}
	for i, m := range c.Members {
		p, err := secagg.NewParty(c, m.Name, keys[m.Name])
		must(b, err)
		parties[i] = p
	}
	hellos := round((*secagg.Party).Hello)
	commits := round(func(p *secagg.Party) (*secagg.Message, error) { return p.Commit(hellos) })
	deals := map[string][]*secagg.Message{}
	reveals := round(func(p *secagg.Party) (*secagg.Message, error) {
		m, dealt, err := p.Reveal(commits)
		for _, d := range dealt {
			deals[d.To] = append(deals[d.To], d)
		}
		return m, err
	})
	next := 0
	agreements := round(func(p *secagg.Party) (*secagg.Message, error) {
		next++
		return p.Agree(reveals, deals[c.Members[next-1].Name])
	})
	must(b, parties[0].Prepared(agreements))
	return parties[0]
}

// BenchmarkContribution is one agency's contribution of count, sum and sum of squares of a million rows in 1,024
// groups, computed and encrypted, beside the SQL's own time, in turn.
func BenchmarkContribution(b *testing.B) {
	path := million(b)
	db, err := sql.Open("sqlite", path)
	must(b, err)
	defer db.Close()
	hand, err := db.Prepare("SELECT ward, count(cost), sum(cost), sum(cost * cost) FROM stays GROUP BY ward")
	must(b, err)
	r := staysOf(b, path)
	q := &secagg.Question{Agreement: "a", Dataset: "d", Purpose: "p", Minimum: 2, Until: 1 << 40, Querier: key(b).Public().Thumbprint(),
		Fields:   []secagg.Field{{Name: "ward", Kind: secagg.Text}, {Name: "cost", Kind: secagg.Integer, Upper: 9000}},
		Measures: []secagg.Measure{{Fn: secagg.Variance, Field: "cost", By: "ward"}}}
	for i := range wards {
		q.Fields[0].Domain = append(q.Fields[0].Domain, fmt.Sprintf("ward-%04d", i))
	}
	var own, peer []time.Duration
	for b.Loop() {
		q.Session = fmt.Sprint("s", len(own))
		p := prepared(b, q.Session)
		peer = append(peer, byHand(b, hand))
		begin := time.Now()
		values, err := agent.Values(b.Context(), r, q, 2)
		must(b, err)
		_, err = p.Contribute(q, key(b).Public(), values)
		must(b, err)
		own = append(own, time.Since(begin))
	}
	slices.Sort(own)
	slices.Sort(peer)
	ms := func(d []time.Duration) float64 { return float64(d[len(d)/2].Microseconds()) / 1000 }
	b.ReportMetric(ms(own), "ms/ready")
	b.ReportMetric(ms(peer), "ms/sql")
	fmt.Printf("BENCH name=secagg-contribution ours=%.1f peer=%.1f ratio=%.3f unit=ms\n", ms(own), ms(peer), ms(peer)/ms(own))
}
