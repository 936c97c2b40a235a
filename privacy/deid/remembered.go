package deid

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"

	"concordat/privacy"
)

// Bounds of what is remembered of a tagger's answers.
const (
	rememberedTexts = 4096
	rememberedSpans = 64 // of one text; a text with more is read again
)

// memory is what a set's tagger said of texts, by the digest of the text and the agreement and purpose that it was read
// under: an answer that comes fast would else tell one party what another has read. It holds offsets and labels, no text.
type memory struct {
	known *lru.Cache[[sha256.Size]byte, []Span]
}

func newMemory() memory {
	known, err := lru.New[[sha256.Size]byte, []Span](rememberedTexts)
	if err != nil {
		panic(err) // only a size below one is refused
	}
	return memory{known}
}

// of is a tagger that is asked only for what is not remembered. Without an agreement nothing is.
func (m memory) of(t Tagger, s privacy.Scope) Tagger {
	if t == nil || s.Agreement == "" {
		return t
	}
	return remembering{m, t, s}
}

type remembering struct {
	memory memory
	tagger Tagger
	scope  privacy.Scope
}

func (r remembering) Tag(ctx context.Context, texts []string) ([][]Span, error) {
	out, keys := make([][]Span, len(texts)), make([][sha256.Size]byte, len(texts))
	var asked []string
	var places []int
	for i, t := range texts {
		keys[i] = r.key(t)
		spans, ok := r.memory.known.Get(keys[i])
		if !ok {
			asked, places = append(asked, t), append(places, i)
		}
		out[i] = slices.Clone(spans)
	}
	if len(asked) == 0 {
		return out, nil
	}
	found, err := r.tagger.Tag(ctx, asked)
	if err != nil {
		return nil, err
	}
	if len(found) != len(asked) {
		return nil, ErrTagger
	}
	for k, i := range places {
		out[i] = found[k]
		if len(found[k]) <= rememberedSpans && allFit(texts[i], found[k]) {
			r.memory.known.Add(keys[i], slices.Clone(found[k]))
		}
	}
	return out, nil
}

func (r remembering) key(text string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %s", r.scope.Agreement, r.scope.Purpose, text))
}

func allFit(text string, spans []Span) bool {
	return !slices.ContainsFunc(spans, func(s Span) bool { return !fits(text, s) })
}
