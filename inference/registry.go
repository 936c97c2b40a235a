package inference

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Card is what a model's page says: what it is, where it comes from, what it can and cannot do.
type Card struct {
	Name        string             `json:"name"`
	Task        string             `json:"task"`
	Summary     string             `json:"summary"`
	Languages   []string           `json:"languages"`
	Labels      []string           `json:"labels"`
	File        string             `json:"file"`
	Digest      string             `json:"digest"` // sha256:HEX of File
	Licence     string             `json:"licence"`
	Attribution []string           `json:"attribution"`
	Data        []string           `json:"data"`
	Made        string             `json:"made"` // the script, and how to run it
	Scores      map[string]float64 `json:"scores"`
	Limits      []string           `json:"limits"`
	Window      int                `json:"window,omitempty"` // pieces read at once, where fewer than the model can take do better
	Reference   *Reference         `json:"reference,omitempty"`
}

// Reference is what a model read and said when its card was written: shares of classes of length, and of labels, "" for a
// text in which nothing was found. Package drift makes and compares them.
type Reference struct {
	Of      string             `json:"of"` // which texts
	Lengths []float64          `json:"lengths"`
	Labels  map[string]float64 `json:"labels"`
}

// Stability is how far what a model reads and says has moved from its card: population stability indices.
type Stability struct {
	Model           string
	Labels, Lengths float64
}

// Opener turns a model file, whose digest has been checked, into an engine.
type Opener func(ctx context.Context, card Card, file []byte) (Engine, error)

// Registry is a shelf of models: one NAME.json each, and the file that it names. Engines are opened at first use.
type Registry struct {
	files  fs.FS
	open   Opener
	models map[string]*shelved
}

type shelved struct {
	card   Card
	mu     sync.Mutex
	engine Engine
	closed bool
}

// NewRegistry reads every card of files. Weights are not read yet.
func NewRegistry(files fs.FS, open Opener) (*Registry, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("model shelf: %w", err)
	}
	r := &Registry{files: files, open: open, models: map[string]*shelved{}}
	for _, name := range names {
		card, err := readCard(files, name)
		if err != nil {
			return nil, err
		}
		r.models[card.Name] = &shelved{card: card}
	}
	return r, nil
}

func readCard(files fs.FS, name string) (Card, error) {
	var card Card
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return card, fmt.Errorf("model card %s: %w", name, err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&card); err != nil {
		return card, fmt.Errorf("%w: card %s: %v", ErrModelFile, name, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return card, fmt.Errorf("%w: card %s: more than one value", ErrModelFile, name)
	}
	if card.Name+".json" != name || card.File == "" || card.Licence == "" || !strings.HasPrefix(card.Digest, "sha256:") {
		return card, fmt.Errorf("%w: card %s: name, file, licence and digest are needed", ErrModelFile, name)
	}
	return card, nil
}

// Cards lists the shelf by name.
func (r *Registry) Cards() []Card {
	var out []Card
	for _, name := range slices.Sorted(maps.Keys(r.models)) {
		out = append(out, r.models[name].card)
	}
	return out
}

// Card is one model's page.
func (r *Registry) Card(name string) (Card, error) {
	m, ok := r.models[name]
	if !ok {
		return Card{}, ErrUnknownModel
	}
	return m.card, nil
}

// Engine opens a model, or gives the engine already open. A file whose digest is not the card's is refused. A failed
// opening is tried again at the next call.
func (r *Registry) Engine(ctx context.Context, name string) (Engine, error) {
	m, ok := r.models[name]
	if !ok {
		return nil, ErrUnknownModel
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if m.engine != nil {
		return m.engine, nil
	}
	file, err := r.file(m.card)
	if err != nil {
		return nil, err
	}
	engine, err := r.open(ctx, m.card, file)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", name, err)
	}
	m.engine = engine
	return engine, nil
}

func (r *Registry) file(card Card) ([]byte, error) {
	file, err := fs.ReadFile(r.files, card.File)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrModelFile, card.Name, err)
	}
	sum := sha256.Sum256(file)
	if "sha256:"+hex.EncodeToString(sum[:]) != card.Digest {
		return nil, fmt.Errorf("%w: %s: the file is not the one its card names", ErrModelFile, card.Name)
	}
	return file, nil
}

// Close closes every open engine; later calls of Engine are refused.
func (r *Registry) Close() error {
	var first error
	for _, m := range r.models {
		m.mu.Lock()
		m.closed = true
		if m.engine != nil {
			if err := m.engine.Close(); err != nil && first == nil {
				first = err
			}
		}
		m.mu.Unlock()
	}
	return first
}
