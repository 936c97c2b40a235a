package secagg

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// layout is an answer less its sums, as GraphQL carries it. Question and ceremony are texts, since their bytes are what
// was signed: a client that reads and writes JSON again must not change them.
type layout struct {
	Activations [][]byte `json:"activations"`
	Ceremony    string   `json:"ceremony"`
	Commitments [][]byte `json:"commitments"`
	Components  []place  `json:"components"`
	Question    string   `json:"question"`
	Transcript  string   `json:"transcript"`
}

// place says where a component stands among the values of all ciphertexts.
type place struct {
	From    int    `json:"from"`
	Measure int    `json:"measure"`
	Name    string `json:"name"`
	Slots   int    `json:"slots"`
	Unit    int64  `json:"unit"`
}

// Layout is everything of an answer but its sums, as JSON with members in order of name.
func (a *Answer) Layout() ([]byte, error) {
	l := layout{Ceremony: string(a.Ceremony.Encode()), Question: string(a.Question.Encode()), Transcript: hex.EncodeToString(a.Transcript[:])}
	for _, m := range a.Commitments {
		l.Commitments = append(l.Commitments, m.Marshal())
	}
	for _, m := range a.Activations {
		l.Activations = append(l.Activations, m.Marshal())
	}
	from := 0
	for _, c := range a.Question.Components() {
		l.Components = append(l.Components, place{from, c.Measure, c.Name, c.Slots, c.Unit})
		from += c.Slots
	}
	return json.Marshal(l)
}

// ParseLayout puts an answer together again from what GraphQL carried. It checks form only; Open checks the rest.
func ParseLayout(text []byte, ciphertexts []string) (*Answer, error) {
	var l layout
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return nil, fmt.Errorf("%w: layout", ErrWire)
	}
	w := wireAnswer{Ceremony: []byte(l.Ceremony), Transcript: l.Transcript, Question: []byte(l.Question), Commitments: l.Commitments, Activations: l.Activations}
	for _, c := range ciphertexts {
		sum, err := base64.StdEncoding.DecodeString(c)
		if err != nil {
			return nil, fmt.Errorf("%w: ciphertext", ErrWire)
		}
		w.Sums = append(w.Sums, sum)
	}
	return w.answer()
}
