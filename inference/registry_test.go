package inference

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
)

type fake struct{ closed atomic.Bool }

func (f *fake) Describe() Description { return Description{Name: "m"} }
func (f *fake) Close() error          { f.closed.Store(true); return nil }
func (f *fake) Infer(context.Context, []string) ([]Result, error) {
	return nil, nil
}

func shelf(card string) fstest.MapFS {
	return fstest.MapFS{"m.json": {Data: []byte(card)}, "m.model": {Data: []byte("weights")}}
}

func cardFor(file string) string {
	sum := sha256.Sum256([]byte(file))
	return fmt.Sprintf(`{"name":"m","task":"ner","file":"m.model","licence":"MIT","digest":"sha256:%s"}`, hex.EncodeToString(sum[:]))
}

func TestModelIsOpenedOnceAtFirstUse(t *testing.T) {
	opened := atomic.Int32{}
	engine := &fake{}
	reg, err := NewRegistry(shelf(cardFor("weights")), func(_ context.Context, c Card, file []byte) (Engine, error) {
		opened.Add(1)
		if string(file) != "weights" || c.Name != "m" {
			t.Errorf("opened %q with %q", c.Name, file)
		}
		return engine, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if opened.Load() != 0 {
		t.Error("a model is open before anybody asked")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := reg.Engine(context.Background(), "m"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if opened.Load() != 1 {
		t.Errorf("opened %d times", opened.Load())
	}
	if err := reg.Close(); err != nil || !engine.closed.Load() {
		t.Error("closing the shelf leaves an engine open")
	}
	if _, err := reg.Engine(context.Background(), "m"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestModelFileOfAnotherDigestIsRefused(t *testing.T) {
	reg, err := NewRegistry(shelf(cardFor("other weights")), func(context.Context, Card, []byte) (Engine, error) {
		t.Error("a file with the wrong digest reaches the opener")
		return &fake{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Engine(context.Background(), "m"); !errors.Is(err, ErrModelFile) {
		t.Error(err)
	}
	if _, err := reg.Engine(context.Background(), "n"); !errors.Is(err, ErrUnknownModel) {
		t.Error(err)
	}
}

func TestFailedOpeningIsTriedAgain(t *testing.T) {
	fail := true
	reg, err := NewRegistry(shelf(cardFor("weights")), func(context.Context, Card, []byte) (Engine, error) {
		if fail {
			return nil, ErrFailed
		}
		return &fake{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reg.Engine(context.Background(), "m"); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
	fail = false
	if _, err := reg.Engine(context.Background(), "m"); err != nil {
		t.Error(err)
	}
}

func TestCardsThatLackWhatAReaderNeedsAreRefused(t *testing.T) {
	for name, card := range map[string]string{
		"name":    `{"name":"x","task":"ner","file":"m.model","licence":"MIT","digest":"sha256:00"}`,
		"licence": `{"name":"m","task":"ner","file":"m.model","digest":"sha256:00"}`,
		"digest":  `{"name":"m","task":"ner","file":"m.model","licence":"MIT"}`,
		"unknown": `{"name":"m","task":"ner","file":"m.model","licence":"MIT","digest":"sha256:00","more":1}`,
		"twice":   `{"name":"m","file":"m.model","licence":"MIT","digest":"sha256:00"}{}`,
		"json":    `{`,
	} {
		if _, err := NewRegistry(shelf(card), nil); !errors.Is(err, ErrModelFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
