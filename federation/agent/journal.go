package agent

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"concordat/privacy/budget"
	"concordat/privacy/secagg"
	"concordat/state"
)

// Entry is one session in an agency's own ledger: what was asked of it, by whom, and how far it went. No value of the
// data is in it.
type Entry struct {
	Session      string   `json:"session"`
	Stage        string   `json:"stage"` // joined, contributed, released
	Joined       int64    `json:"joined"`
	Contributed  int64    `json:"contributed,omitempty"`
	Released     int64    `json:"released,omitempty"`
	Query        string   `json:"query,omitempty"` // hash
	Measures     []string `json:"measures,omitempty"`
	Agreement    string   `json:"agreement,omitempty"`
	Dataset      string   `json:"dataset,omitempty"`
	Purpose      string   `json:"purpose,omitempty"`
	Subject      string   `json:"subject,omitempty"`
	Organisation string   `json:"organisation,omitempty"`
	Querier      string   `json:"querier,omitempty"`
	Epsilon      int64    `json:"epsilonMillionths,omitempty"`
}

// The stages of an entry.
const (
	Joined      = "joined"
	Contributed = "contributed"
	Released    = "released"
)

// journal is an agency's ledger of contributions. A session goes through its stages once, also over restarts.
type journal struct{ store *state.Store }

func entryKey(session string) []byte { return []byte("secagg/session/" + session) }

func (j journal) move(ctx context.Context, session, from string, change func(state.Tx, *Entry) error) error {
	return j.store.Commit(ctx, func(tx state.Tx) error {
		e := Entry{Session: session}
		value, err := tx.Get(entryKey(session))
		if err == nil {
			err = json.Unmarshal(value, &e)
		}
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if e.Stage != from {
			return CodeSession.failure()
		}
		if err := change(tx, &e); err != nil {
			return err
		}
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		return tx.Set(entryKey(session), text)
	})
}

func (j journal) join(ctx context.Context, session string, now time.Time) error {
	return j.move(ctx, session, "", func(_ state.Tx, e *Entry) error {
		e.Stage, e.Joined = Joined, now.Unix()
		return nil
	})
}

// contribute writes down what is asked, and spends this agency's own budget in the same transaction.
func (j journal) contribute(ctx context.Context, q *secagg.Question, g Grant, now time.Time) error {
	return j.move(ctx, q.Session, Joined, func(tx state.Tx, e *Entry) error {
		hash := q.Hash()
		e.Stage, e.Contributed, e.Query = Contributed, now.Unix(), hex.EncodeToString(hash[:])
		e.Agreement, e.Dataset, e.Purpose = q.Agreement, q.Dataset, q.Purpose
		e.Subject, e.Organisation, e.Querier = g.Subject, g.Organisation, q.Querier
		for _, m := range q.Measures {
			e.Measures = append(e.Measures, m.Fn)
		}
		spent, err := spend(tx, q)
		if errors.Is(err, budget.ErrExhausted) {
			return fmt.Errorf("%w: %w", CodeRefused.failure(), err)
		}
		e.Epsilon = int64(spent)
		return err
	})
}

// SpendID names what a session spends, at the gateway and at each agency alike.
func SpendID(session string) string { return "secagg/" + session }

// Costs is what a question spends. Without noise it is nothing: what may be asked then is the policy's business.
func Costs(q *secagg.Question) ([]budget.Cost, error) {
	if q.Noise == nil {
		return nil, nil
	}
	epsilon, err := budget.Per(q.Noise.EpsilonNum, q.Noise.EpsilonDen)
	if err != nil {
		return nil, err
	}
	account := budget.Account{Agreement: q.Agreement, Dataset: q.Dataset}
	costs := []budget.Cost{{Account: account, Epsilon: epsilon}}
	if q.Noise.Mechanism == secagg.Skellam {
		costs = append(costs, budget.Cost{Account: account.Delta(), Epsilon: budget.Trillionths(q.Noise.DeltaExponent)})
	}
	return costs, nil
}

// spend charges a question's costs, once per session.
func spend(tx state.Tx, q *secagg.Question) (budget.Epsilon, error) {
	costs, err := Costs(q)
	if err != nil || len(costs) == 0 {
		return 0, err
	}
	spent, err := budget.Spend(tx, SpendID(q.Session), costs)
	return spent.Epsilon(costs[0].Account), err
}

// once is the journal as one release sees it.
type once struct {
	ctx     context.Context // of the request that carries this release; it does not outlive it
	journal journal
	now     func() time.Time
}

// Release implements secagg.Journal.
func (o once) Release(session string, _ [32]byte) error {
	return o.journal.move(o.ctx, session, Contributed, func(_ state.Tx, e *Entry) error {
		e.Stage, e.Released = Released, o.now().Unix()
		return nil
	})
}

// Entries lists an agency's ledger of contributions, by session.
func Entries(store *state.Store) ([]Entry, error) {
	var out []Entry
	err := store.View(func(tx state.ReadTx) error {
		return tx.Iterate([]byte("secagg/session/"), func(_, value []byte) error {
			var e Entry
			if err := json.Unmarshal(value, &e); err != nil {
				return err
			}
			out = append(out, e)
			return nil
		})
	})
	return out, err
}

// Budget is the gateway's Charger: it spends in the gateway's state, before any agency is asked.
type Budget struct{ Store *state.Store }

// Charge implements Charger.
func (b *Budget) Charge(ctx context.Context, q *secagg.Question) error {
	if q.Noise == nil {
		return nil
	}
	return b.Store.Commit(ctx, func(tx state.Tx) error {
		_, err := spend(tx, q)
		return err
	})
}
