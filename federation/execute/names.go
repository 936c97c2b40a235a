package execute

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"

	"concordat/inference"
)

// Tagger finds names in texts: the models that the gateway holds.
type Tagger interface {
	// Models are those that may be asked, in a fixed order.
	Models() []Model
	// Tag answers for each text, in order, or for none. party is whose share of the models' time is used.
	Tag(ctx context.Context, party string, texts []string) ([][]Name, error)
}

// Model is which model, to the byte.
type Model struct{ Name, Digest string }

// Name is a name in a text, and the model that found it.
type Name struct {
	inference.Entity
	Model string
}

// Bounds of what Names remembers.
const (
	knownTexts = 4096
	knownNames = 64 // of one text; a text with more is read again
)

// Names asks a Tagger, and remembers what it said of a text for the agreement and purpose that the text was read under:
// an answer that comes fast would else tell one party what another has read. It is good for one set of models.
type Names struct {
	tagger Tagger
	models string
	known  *lru.Cache[[sha256.Size]byte, []Name]
}

// NewNames puts a memory before a tagger.
func NewNames(t Tagger) (*Names, error) {
	known, err := lru.New[[sha256.Size]byte, []Name](knownTexts)
	if err != nil {
		return nil, fmt.Errorf("names: %w", err)
	}
	var models []string
	for _, m := range t.Models() {
		models = append(models, m.Name+" "+m.Digest)
	}
	return &Names{tagger: t, models: strings.Join(models, "; "), known: known}, nil
}

var errNoTagger = errors.New("no tagger is there")

// find is what is named in each text, in order.
func (n *Names) find(ctx context.Context, c Caller, texts []string) ([][]Name, error) {
	if n == nil {
		return nil, errNoTagger
	}
	out, keys := make([][]Name, len(texts)), make([][sha256.Size]byte, len(texts))
	var asked []string
	var places []int
	for i, t := range texts {
		keys[i] = n.key(c, t)
		if names, ok := n.known.Get(keys[i]); ok {
			out[i] = names
			continue
		}
		asked, places = append(asked, t), append(places, i)
	}
	if len(asked) == 0 {
		return out, nil
	}
	found, err := n.tagger.Tag(ctx, c.Party, asked)
	if err != nil {
		return nil, err
	}
	if len(found) != len(asked) {
		return nil, fmt.Errorf("%w: %d answers to %d texts", inference.ErrFailed, len(found), len(asked))
	}
	for k, i := range places {
		if err := checkNames(texts[i], found[k]); err != nil {
			return nil, err
		}
		out[i] = found[k]
		if len(found[k]) <= knownNames {
			n.known.Add(keys[i], found[k])
		}
	}
	return out, nil
}

// key is over length-prefixed parts.
func (n *Names) key(c Caller, text string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %s", n.models, c.Scope.Agreement, c.Scope.Purpose, text))
}

// checkNames holds names to their text: an offset that is off shows another word.
func checkNames(text string, names []Name) error {
	at := 0
	for _, e := range names {
		if e.ByteStart < at || e.ByteEnd <= e.ByteStart || e.ByteEnd > len(text) || e.Start < 0 || e.End <= e.Start ||
			!utf8.RuneStart(text[e.ByteStart]) || e.ByteEnd < len(text) && !utf8.RuneStart(text[e.ByteEnd]) {
			return fmt.Errorf("%w: a name that is not in its text", inference.ErrFailed)
		}
		at = e.ByteStart
	}
	return nil
}

// nameError is the code of a failure of the models.
func nameError(err error) string {
	if errors.Is(err, inference.ErrOverloaded) || errors.Is(err, context.DeadlineExceeded) {
		return "INFERENCE_OVERLOADED"
	}
	return "INFERENCE_FAILED"
}
