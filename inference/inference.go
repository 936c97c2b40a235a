// Package inference is what the rest of Concordat knows of models: an Engine runs one, a Registry finds it.
//
//	reg, err := inference.NewRegistry(models.Files(), ner.Open)
//	engine, err := reg.Engine(ctx, "ner-en")
//	results, err := engine.Infer(ctx, []string{"Marie Curie worked in Paris."})
//	results[0].Entities[0].Label // PER
//
// Offsets are stated twice: bytes, as Go slices text, and UTF-16 units, as the graph's clients do. Result i belongs to
// text i, always. An engine that cannot answer says so with one of the errors below and gives no result at all: there is
// no partial answer that a caller could take for "no names here". Errors never hold text.
//
// Not promised: that a tagger finds every name. Scores and limits stand on each model's Card.
package inference

import (
	"context"
	"errors"
)

// Limits of one call. Beyond them an engine refuses.
const (
	MaxTextBytes = 1 << 20 // of one text
	MaxTexts     = 100_000 // of one call
)

// What callers branch on. Overloaded and Failed are also codes of the graph (INFERENCE_OVERLOADED, INFERENCE_FAILED).
var (
	ErrOverloaded   = errors.New("inference: overloaded")
	ErrFailed       = errors.New("inference: failed")
	ErrClosed       = errors.New("inference: engine closed")
	ErrTextInvalid  = errors.New("inference: text is not valid UTF-8")
	ErrTextTooLarge = errors.New("inference: text too large")
	ErrTooManyTexts = errors.New("inference: too many texts in one call")
	ErrUnknownModel = errors.New("inference: no such model")
	ErrModelFile    = errors.New("inference: model file refused")
)

// Entity is a named span of a text. Ends are exclusive.
type Entity struct {
	Label              string
	Start, End         int // UTF-16 units
	ByteStart, ByteEnd int
	Score              float32 // probability of the label, 0 to 1
}

// Result is what a model says of one text.
type Result struct {
	Entities []Entity // in order, without overlap
}

// Description says which model an engine runs.
type Description struct {
	Name      string
	Task      string // "ner", "pii"
	Languages []string
	Labels    []string
	Digest    string // "sha256:HEX" of the model file
	Kernel    string // arithmetic in use, such as "avx2 float32"
}

// Engine runs one model. It is safe for concurrent use. Opening one is its Opener's work, so an Engine in hand is loaded.
type Engine interface {
	Describe() Description
	// Infer answers all texts or none.
	Infer(ctx context.Context, texts []string) ([]Result, error)
	Close() error
}

// Warmer is an Engine that can do its first-call work (tables, buffers) ahead of time.
type Warmer interface {
	Warm(ctx context.Context) error
}

// Embedder is an Engine that also gives one vector a text.
type Embedder interface {
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}
