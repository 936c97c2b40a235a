package secagg

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// wireAnswer is an answer as a file: JSON, with messages and sums in base64.
type wireAnswer struct {
	Ceremony    json.RawMessage `json:"ceremony"`
	Transcript  string          `json:"transcript"`
	Question    json.RawMessage `json:"question"`
	Commitments [][]byte        `json:"commitments"`
	Activations [][]byte        `json:"activations"`
	Sums        [][]byte        `json:"sums"`
}

// Encode writes the answer as JSON.
func (a *Answer) Encode() ([]byte, error) {
	w := wireAnswer{Ceremony: a.Ceremony.Encode(), Transcript: hex.EncodeToString(a.Transcript[:]), Question: a.Question.Encode(), Sums: a.Sums}
	for _, m := range a.Commitments {
		w.Commitments = append(w.Commitments, m.Marshal())
	}
	for _, m := range a.Activations {
		w.Activations = append(w.Activations, m.Marshal())
	}
	return json.Marshal(w)
}

// ParseAnswer reads what Encode wrote. It checks form only; Open checks the rest.
func ParseAnswer(text []byte) (*Answer, error) {
	var w wireAnswer
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&w); err != nil {
		return nil, fmt.Errorf("%w: answer", ErrWire)
	}
	return w.answer()
}

func (w *wireAnswer) answer() (*Answer, error) {
	a := &Answer{Sums: w.Sums}
	transcript, err := hex.DecodeString(w.Transcript)
	if err != nil || len(transcript) != 32 {
		return nil, fmt.Errorf("%w: transcript", ErrWire)
	}
	a.Transcript = [32]byte(transcript)
	if a.Ceremony, err = ParseCeremony(w.Ceremony); err != nil {
		return nil, err
	}
	if a.Question, err = ParseQuestion(w.Question, len(a.Ceremony.Members)); err != nil {
		return nil, err
	}
	if a.Commitments, err = ParseMessages(w.Commitments); err != nil {
		return nil, err
	}
	a.Activations, err = ParseMessages(w.Activations)
	return a, err
}

// ParseMessages parses each.
func ParseMessages(list [][]byte) ([]*Message, error) {
	out := make([]*Message, len(list))
	for i, b := range list {
		m, err := ParseMessage(b)
		if err != nil {
			return nil, err
		}
		out[i] = m
	}
	return out, nil
}
