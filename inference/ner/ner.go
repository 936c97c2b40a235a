// Package ner opens the name taggers of the shelf as inference engines.
//
//	engine, err := ner.Open(ctx, card, file)
//	results, err := engine.Infer(ctx, texts)
//
// Two kinds of model: a BERT encoder with BIO labels over words (English names, English personal data), and a character
// tagger whose words of the types PER, ORG and LOC are names (Chinese). Auto joins an English and a Chinese engine and
// hands each text, or each segment of a mixed text, to the one that reads its script.
//
// Long texts are read in overlapping windows, each word decided by one window. A whole call fails or answers; nothing
// here keeps text after a call returns.
//
// Not promised: that engines agree to the last digit between processors. Int8 arithmetic rounds activations, float sums
// differ in order.
package ner

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"concordat/inference"
	"concordat/inference/engine/bert"
	"concordat/inference/engine/gru"
	"concordat/inference/engine/kernel"
	"concordat/inference/tensor"
)

// ErrModel says that a model's parts do not fit together.
var ErrModel = errors.New("ner: model refused")

// Options choose the arithmetic. The zero value is the plain one; Fastest is what Open uses.
type Options struct {
	Kernel    kernel.Set
	Precision kernel.Precision // of encoders
	Recurrent kernel.Precision // of character taggers, whose rounding adds up along the text
	Workers   int              // goroutines of one call; 0 is GOMAXPROCS
}

// Fastest is the best arithmetic of this processor that costs no measurable quality: bytes for encoders, floats for the
// recurrent tagger (bytes change the tags of one sentence in seventeen).
func Fastest() Options { return Options{Kernel: kernel.Best(), Precision: kernel.Int8} }

// Open is an inference.Opener over both kinds of model, with the fastest arithmetic.
func Open(ctx context.Context, card inference.Card, file []byte) (inference.Engine, error) {
	return OpenWith(card, file, Fastest())
}

// OpenWith opens a model with chosen arithmetic.
func OpenWith(card inference.Card, file []byte, o Options) (inference.Engine, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	f, err := tensor.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", inference.ErrModelFile, err)
	}
	engine, err := openKind(card, f, o)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", inference.ErrModelFile, err)
	}
	return engine, nil
}

func openKind(card inference.Card, f *tensor.File, o Options) (inference.Engine, error) {
	switch f.Kind {
	case "bert":
		m, err := bert.Load(f, o.Kernel, o.Precision)
		if err != nil {
			return nil, err
		}
		return newWords(card, m, o)
	case "bigru-crf":
		m, err := gru.Load(f, o.Kernel, o.Recurrent)
		if err != nil {
			return nil, err
		}
		return newCharacters(card, m, o)
	}
	return nil, fmt.Errorf("%w: kind %.20q", ErrModel, f.Kind)
}

func describe(card inference.Card, o Options, p kernel.Precision) inference.Description {
	precision := "float32"
	if p == kernel.Int8 && o.Kernel.Level() >= kernel.VNNI {
		precision = "int8"
	}
	return inference.Description{Name: card.Name, Task: card.Task, Languages: card.Languages, Labels: card.Labels,
		Digest: card.Digest, Kernel: o.Kernel.Level().String() + " " + precision}
}

// workers hands out working memory: as many pieces as may run at once. Closing waits for those in use.
type workers[W any] struct {
	free   chan W
	size   int
	mu     sync.RWMutex
	closed bool
}

func newWorkers[W any](n int, make func() W) *workers[W] {
	w := &workers[W]{free: makeChan[W](n), size: n}
	for range n {
		w.free <- make()
	}
	return w
}

func makeChan[W any](n int) chan W { return make(chan W, n) }

// enter begins a call; leave ends it.
func (w *workers[W]) enter() error {
	w.mu.RLock()
	if w.closed {
		w.mu.RUnlock()
		return inference.ErrClosed
	}
	return nil
}

func (w *workers[W]) leave() { w.mu.RUnlock() }

// Close refuses new calls and waits for those under way.
func (w *workers[W]) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	return nil
}

// each runs do(i) for all i below n on the free workers, and stops at the first error or when ctx ends.
func (w *workers[W]) each(ctx context.Context, n int, do func(W, int)) error {
	if n == 1 {
		return w.one(ctx, 0, do)
	}
	var wg sync.WaitGroup
	errs := make([]error, min(n, w.size))
	var next counter
	for g := range errs {
		wg.Go(func() {
			for i := next.take(); i < n && errs[g] == nil; i = next.take() {
				errs[g] = w.one(ctx, i, do)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *workers[W]) one(ctx context.Context, i int, do func(W, int)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case ws := <-w.free:
		defer func() { w.free <- ws }()
		do(ws, i)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n - 1
}
