package scenario

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"concordat/policy"
)

// maxFile is the size in bytes of the largest file that is read.
const maxFile = 1 << 20

// scenario is one element of a file.
type scenario struct {
	Name         string            `yaml:"name"`
	Persona      string            `yaml:"persona"`
	Subject      *subject          `yaml:"subject"`
	Purpose      string            `yaml:"purpose"`
	Time         string            `yaml:"time"`
	Query        string            `yaml:"query"`
	Answer       yaml.Node         `yaml:"answer"`
	Fields       map[string]string `yaml:"fields"`
	Rows         []row             `yaml:"rows"`
	MinimumGroup *int              `yaml:"minimumGroup"`

	file   string
	line   int
	agency policy.AgencyID
	at     time.Time
	want   Answer
}

// subject is a caller who is no persona.
type subject struct {
	ID           string   `yaml:"id"`
	Organisation string   `yaml:"organisation"`
	Client       string   `yaml:"client"`
	Scopes       []string `yaml:"scopes"`
	Agreement    string   `yaml:"agreement"`
	Purposes     []string `yaml:"purposes"`
	Anonymous    bool     `yaml:"anonymous"`
}

func (s *subject) subject() policy.Subject {
	if s == nil {
		return policy.Subject{}
	}
	out := policy.Subject{ID: s.ID, Organisation: s.Organisation, Client: s.Client, Scopes: s.Scopes, Agreement: s.Agreement,
		Purposes: s.Purposes, Anonymous: s.Anonymous}
	if len(s.Purposes) > 0 {
		out.Purpose = s.Purposes[0]
	}
	return out
}

// row is a row as a source would give it, and what becomes of it.
type row struct {
	Type   string               `yaml:"type"`
	Agency string               `yaml:"agency"`
	Row    map[string]yaml.Node `yaml:"row"`
	Seen   *bool                `yaml:"seen"`
	Values map[string]yaml.Node `yaml:"values"`
}

// parse reads a file. An unknown key is a mistake: a misspelt expectation would expect nothing.
func parse(f File) ([]*scenario, error) {
	wrong := func(line int, what any) error { return fmt.Errorf("%s:%d: %w: %v", f.Name, line, ErrFile, what) }
	if len(f.Text) > maxFile {
		return nil, wrong(1, "the file is longer than 1 MiB")
	}
	var nodes []yaml.Node
	if err := yaml.Unmarshal(f.Text, &nodes); err != nil {
		return nil, wrong(1, err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(f.Text))
	decoder.KnownFields(true)
	var list []*scenario
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, wrong(1, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, wrong(1, "more than one document")
	}
	if len(list) == 0 {
		return nil, wrong(1, "the file holds no scenario")
	}
	for i, s := range list {
		if s == nil {
			return nil, wrong(nodes[i].Line, "empty")
		}
		s.file, s.line, s.agency = f.Name, nodes[i].Line, f.Agency
		if err := s.complete(); err != nil {
			return nil, wrong(s.line, err)
		}
	}
	return list, nil
}

// complete checks what the decoder cannot, and reads time and answer.
func (s *scenario) complete() error {
	switch {
	case s.Name == "":
		return errors.New("name is missing")
	case (s.Persona == "") == (s.Subject == nil):
		return errors.New("give either persona or subject")
	case len(s.Fields) == 0 && len(s.Rows) == 0 && s.MinimumGroup == nil && s.Query == "":
		return errors.New("it expects nothing: give fields, rows, minimumGroup or query")
	case s.Query == "" && !s.Answer.IsZero():
		return errors.New("answer belongs to a query")
	}
	for _, r := range s.Rows {
		if r.Type == "" || r.Row == nil || r.Seen == nil || !*r.Seen && len(r.Values) > 0 {
			return errors.New("a row has type, row and seen, and values only where it is seen")
		}
	}
	s.at = time.Date(2025, 1, 1, 12, 0, 0, 0, time.UTC)
	if s.Time != "" {
		at, err := time.Parse(time.RFC3339, s.Time)
		if err != nil {
			return errors.New("time is not RFC 3339")
		}
		s.at = at
	}
	return s.readAnswer()
}

func (s *scenario) readAnswer() error {
	switch s.Answer.Kind {
	case 0:
		return nil // everything asked for is given
	case yaml.ScalarNode:
		s.want = Answer{Invalid: s.Answer.Value == "invalid", Refused: s.Answer.Value == "refused"}
		if !s.want.Invalid && !s.want.Refused {
			return errors.New("answer is invalid, refused or {denied: [...]}")
		}
		return nil
	}
	var doc map[string][]string
	if err := s.Answer.Decode(&doc); err != nil || len(doc) != 1 || doc["denied"] == nil {
		return errors.New("answer is invalid, refused or {denied: [...]}")
	}
	s.want.Denied = doc["denied"]
	slices.Sort(s.want.Denied)
	return nil
}
