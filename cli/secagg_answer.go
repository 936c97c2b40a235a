package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"concordat/privacy/secagg"
)

// secureAnswer is the part of a GraphQL answer that opens.
type secureAnswer struct {
	Layout      json.RawMessage `json:"layout"`
	Ciphertexts []string        `json:"ciphertexts"`
}

var (
	errNoSecureAnswer = errors.New("the answer holds no secure aggregate: ask for layout and ciphertexts")
	errWhichAnswer    = errors.New("the answer holds several secure aggregates: name one with --field")
)

// parseAnswer reads an answer: a GraphQL response, or a file that `secagg demo` left. From a response, field names one
// of its root fields; it may be empty where only one is a secure aggregate.
func parseAnswer(text []byte, field string) (a *secagg.Answer, response bool, err error) {
	var said struct {
		Data   map[string]json.RawMessage `json:"data"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(text, &said) != nil || said.Data == nil && len(said.Errors) == 0 {
		a, err = secagg.ParseAnswer(text)
		return a, false, err
	}
	var found []secureAnswer
	for _, key := range slices.Sorted(maps.Keys(said.Data)) {
		var one secureAnswer
		if (field == "" || field == key) && json.Unmarshal(said.Data[key], &one) == nil && len(one.Layout) > 0 && len(one.Ciphertexts) > 0 {
			found = append(found, one)
		}
	}
	switch {
	case len(found) == 0 && len(said.Errors) > 0:
		return nil, true, fmt.Errorf("%w (%s)", errNoSecureAnswer, said.Errors[0].Message)
	case len(found) == 0:
		return nil, true, errNoSecureAnswer
	case len(found) > 1:
		return nil, true, errWhichAnswer
	}
	a, err = secagg.ParseLayout(found[0].Layout, found[0].Ciphertexts)
	return a, true, err
}
