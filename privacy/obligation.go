package privacy

import (
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"
)

// Obligation is what is owed on one coordinate before its values may leave. The zero value is no permission to
// release raw values: Apply takes a disposition for every column and refuses what has none.
type Obligation struct {
	Method    string // "pseudonym", "mask", ...: a name in the set of transforms
	Arguments string // canonical JSON object, "" for none
}

// Algebra is what still means something on the values of a transform. It is what policy reads to refuse, or to
// rewrite, a filter, order, group or join that a caller writes over a field it sees only transformed.
type Algebra struct {
	Equality bool // equal exactly when the raw values are (within one scope and domain)
	Order    bool // never reverses the order of raw values
	Range    bool // a range of transformed values is a range of raw ones
	Group    bool // groups are unions of the raw value's groups, and tell which
	Join     bool // equals in another column of the same domain
}

// CanonicalArguments is the one spelling of a transform's arguments (RFC 8785), "" for none: two obligations are the
// same exactly when their methods and canonical arguments are.
func CanonicalArguments(args map[string]any) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	text, err := json.Marshal(args)
	if err != nil {
		return "", fmt.Errorf("arguments: %w", err)
	}
	canonical, err := jcs.Transform(text)
	if err != nil {
		return "", fmt.Errorf("arguments: %w", err)
	}
	return string(canonical), nil
}
