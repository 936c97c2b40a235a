package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"concordat/policy/ledger"
	"concordat/state"

	"golang.org/x/mod/sumdb/note"
)

// LedgerStateDir is the folder of a gateway's directory in which its state lies.
const LedgerStateDir = "store"

const defaultLedgerURL = "http://127.0.0.1:8080"

// ledgerSource is a log to read: in a directory or behind a URL.
type ledgerSource interface {
	// Checkpoint covers index, or is the newest where index is negative.
	Checkpoint(ctx context.Context, index int64) ([]byte, error)
	Prove(ctx context.Context, r ledger.Receipt) (ledger.Proof, error)
	// Records are those of the bundle that holds the index, in a log of that size.
	Records(ctx context.Context, index, size int64) ([]ledger.Record, error)
	Close() error
}

// ledgerPlace holds the flags that say where a log is and who asks.
type ledgerPlace struct{ url, dir, token, key *string }

func ledgerPlaceFlags(set *flag.FlagSet) ledgerPlace {
	return ledgerPlace{
		url:   set.String("url", "", "a running gateway"),
		dir:   set.String("dir", "", "the directory of a gateway that does not run"),
		token: set.String("token", os.Getenv("CONCORDAT_TOKEN"), "an auditor's token"),
		key:   set.String("key", "", "verifier key, or a file that holds it"),
	}
}

// open opens the log. The verifier is nil where no key is known: then signatures are passed on unchecked.
func (p ledgerPlace) open() (ledgerSource, note.Verifier, error) {
	if *p.url != "" && *p.dir != "" {
		return nil, nil, fmt.Errorf("%w: --url and --dir exclude each other", errLedgerUse)
	}
	var verifier note.Verifier
	if *p.key != "" {
		v, err := ledgerKey(*p.key)
		if err != nil {
			return nil, nil, err
		}
		verifier = v
	}
	if *p.dir != "" {
		return openLedgerDir(*p.dir, verifier)
	}
	base := *p.url
	if base == "" {
		base = defaultLedgerURL
	}
	if !strings.HasPrefix(base, "http://") && !strings.HasPrefix(base, "https://") {
		return nil, nil, fmt.Errorf("%w: --url must begin with http:// or https://", errLedgerUse)
	}
	client := &http.Client{Timeout: 30 * time.Second, CheckRedirect: noRedirect}
	return remoteLedger{strings.TrimSuffix(base, "/"), *p.token, client}, verifier, nil
}

// noRedirect keeps token and digest from following a redirect to another host.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// localLedger is a log in a directory that no gateway holds.
type localLedger struct {
	*ledger.Ledger
	store *state.Store
}

// openLedgerDir never makes a key or a store where there is none.
func openLedgerDir(dir string, verifier note.Verifier) (ledgerSource, note.Verifier, error) {
	signer, own, err := ledger.LoadKey(dir)
	if err != nil {
		return nil, nil, err
	}
	if verifier == nil {
		verifier = own
	}
	where := filepath.Join(dir, LedgerStateDir)
	if _, err := os.Stat(where); err != nil {
		return nil, nil, err
	}
	store, err := state.Open(state.Options{Dir: where})
	if errors.Is(err, state.ErrInUse) {
		return nil, nil, fmt.Errorf("a gateway is running on %s: ask it with --url", dir)
	}
	if err != nil {
		return nil, nil, err
	}
	log, err := ledger.Open(store, ledger.Options{Origin: own.Name(), Signer: signer, Verifier: own})
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return localLedger{log, store}, verifier, nil
}

func (l localLedger) Checkpoint(_ context.Context, _ int64) ([]byte, error) {
	return l.Ledger.Checkpoint()
}

func (l localLedger) Prove(ctx context.Context, r ledger.Receipt) (ledger.Proof, error) {
	file, err := l.Ledger.Prove(ctx, r.Index)
	if err != nil {
		return ledger.Proof{}, err
	}
	return ledger.ParseProof(file)
}

func (l localLedger) Records(ctx context.Context, index, size int64) ([]ledger.Record, error) {
	t := ledger.Bundle(index, size)
	return l.Entries(ctx, t.N<<ledger.TileHeight, t.W)
}

func (l localLedger) Close() error { return l.store.Close() }
