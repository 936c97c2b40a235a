package agreement

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// keys are all keys of an agreement file; true: required.
var keys = map[string]bool{
	"id": true, "version": true, "title": true, "parties": true, "legalBasis": true, "purposes": true,
	"validFrom": true, "validUntil": true,
	"scopes": false, "datasets": false, "regions": false, "districts": false, "contact": false, "retention": false,
	"transforms": false, "renewedFrom": false, "justification": false, "recordDescription": false, "notice": false,
	"verification": false, "destruction": false, "security": false, "redisclosure": false, "accuracy": false,
	"signatures": false, "secureAggregation": false,
}

var (
	idPattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	versionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`) // it is part of a file's name
	datasetPattern = regexp.MustCompile(`^[_A-Za-z][_0-9A-Za-z]*(\.[_A-Za-z][_0-9A-Za-z]*)?$`)
)

// reader turns the YAML tree of one file into an Agreement and collects every mistake on the way. It walks nodes
// instead of decoding into a struct, because only nodes know their line and their kind: YAML would read an unquoted
// code as a number, and a repeated key or an alias silently.
type reader struct {
	file     string
	mistakes Mistakes
	fields   map[string]*yaml.Node
}

func (r *reader) fail(line int, path, message string) {
	r.mistakes = append(r.mistakes, Mistake{r.file, line, path, message})
}

func (r *reader) lineOf(key string) int {
	if node := r.fields[key]; node != nil {
		return node.Line
	}
	return 0
}

func (r *reader) agreement(text []byte) Agreement {
	root := r.document(text)
	if root == nil {
		return Agreement{}
	}
	r.mapping(root)
	a := Agreement{
		ID:         r.matching("id", idPattern, "must be letters, digits, '.', '_' and '-'"),
		Version:    r.matching("version", versionPattern, "must be up to 32 letters, digits, '.', '_' and '-'", "!!int", "!!float"),
		Title:      r.scalar("title", "!!str"),
		Parties:    r.texts("parties"),
		LegalBasis: r.scalar("legalBasis", "!!str"),
		Purposes:   r.texts("purposes"),
		Scopes:     r.texts("scopes"),
		Datasets:   r.datasets(),
		Regions:    r.texts("regions"),
		Districts:  r.texts("districts"),
		ValidFrom:  r.moment("validFrom", 0),
		ValidUntil: r.moment("validUntil", 1),
		Contact:    r.scalar("contact", "!!str"),
		Retention:  r.scalar("retention", "!!str", "!!int"),
		Transforms: r.transforms(), Secure: r.secure(), RenewedFrom: r.moment("renewedFrom", 0), Terms: r.terms(),
	}
	r.signatures()
	if !a.ValidFrom.IsZero() && !a.ValidUntil.IsZero() && !a.ValidUntil.After(a.ValidFrom) {
		r.fail(r.lineOf("validUntil"), "validUntil", "must be after validFrom")
	}
	if !a.RenewedFrom.IsZero() && !(a.RenewedFrom.After(a.ValidFrom) && a.RenewedFrom.Before(a.ValidUntil)) {
		r.fail(r.lineOf("renewedFrom"), "renewedFrom", "must be between validFrom and validUntil")
	}
	slices.SortStableFunc(r.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
	return a
}

// document returns the one mapping of the file, or nil.
func (r *reader) document(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	if err := decoder.Decode(&document); err != nil {
		r.fail(yamlLine(err), "", yamlMessage(err))
		return nil
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		r.fail(second.Line, "", "must be one document")
		return nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode || root.Anchor != "" {
		r.fail(root.Line, "", "must be a mapping")
		return nil
	}
	return root
}

// yamlLine finds the line in a syntax error: the library gives it only as text, "yaml: line 3: ...".
func yamlLine(err error) (line int) {
	_, _ = fmt.Sscanf(err.Error(), "yaml: line %d:", &line)
	return line
}

func yamlMessage(err error) string {
	if errors.Is(err, io.EOF) {
		return "the file is empty"
	}
	return "not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")
}

// mapping sorts the pairs of root into fields; what is unknown, repeated or missing is a mistake.
func (r *reader) mapping(root *yaml.Node) {
	r.fields = make(map[string]*yaml.Node, len(keys))
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		_, known := keys[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || !known:
			r.fail(key.Line, key.Value, "unknown key")
		case r.fields[key.Value] != nil:
			r.fail(key.Line, key.Value, "is given twice")
		default:
			r.fields[key.Value] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if keys[key] && r.fields[key] == nil {
			r.fail(root.Line, key, "is required")
		}
	}
}

// text reads one scalar of the given tags.
func (r *reader) text(node *yaml.Node, path string, tags ...string) string {
	value := strings.TrimSpace(node.Value)
	switch {
	case node.Kind != yaml.ScalarNode || node.Anchor != "":
		r.fail(node.Line, path, "must be a plain value")
	case !slices.Contains(tags, node.ShortTag()):
		r.fail(node.Line, path, "must be text; put it in quotes if it is")
	case value == "" || value != node.Value:
		r.fail(node.Line, path, "must not be empty, nor begin or end with a space")
	}
	return value
}

func (r *reader) scalar(key string, tags ...string) string {
	if node := r.fields[key]; node != nil {
		return r.text(node, key, tags...)
	}
	return ""
}

func (r *reader) matching(key string, pattern *regexp.Regexp, message string, tags ...string) string {
	value := r.scalar(key, append(tags, "!!str")...)
	if value != "" && !pattern.MatchString(value) {
		r.fail(r.lineOf(key), key, message)
	}
	return value
}

// texts reads a list of different texts. An empty list is only for keys that may be left out.
func (r *reader) texts(key string) []string {
	node := r.fields[key]
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode || node.Anchor != "" || (keys[key] && len(node.Content) == 0) {
		r.fail(node.Line, key, "must be a list of texts")
		return nil
	}
	texts := make([]string, 0, len(node.Content))
	for i, item := range node.Content {
		path := fmt.Sprintf("%s[%d]", key, i)
		value := r.text(item, path, "!!str")
		if slices.Contains(texts, value) {
			r.fail(item.Line, path, "is listed twice")
		}
		texts = append(texts, value)
	}
	return texts
}

func (r *reader) datasets() []string {
	datasets := r.texts("datasets")
	for i, dataset := range datasets {
		if !datasetPattern.MatchString(dataset) {
			r.fail(r.fields["datasets"].Content[i].Line, fmt.Sprintf("datasets[%d]", i), "must be Type or Type.field")
		}
	}
	return datasets
}

// moment reads a date or an RFC 3339 time. A bare date stands for its first moment plus days, in UTC.
func (r *reader) moment(key string, days int) time.Time {
	value := r.scalar(key, "!!str", "!!timestamp")
	if value == "" {
		return time.Time{}
	}
	if date, err := time.Parse(time.DateOnly, value); err == nil {
		return date.AddDate(0, 0, days)
	}
	moment, err := time.Parse(time.RFC3339, value)
	if err != nil {
		r.fail(r.lineOf(key), key, "must be a date or an RFC 3339 time")
	}
	return moment.UTC()
}
