package agreement

import (
	"fmt"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"
)

func (r *reader) terms() Terms {
	return Terms{
		Justification:     r.scalar("justification", "!!str"),
		RecordDescription: r.scalar("recordDescription", "!!str"),
		Notice:            r.scalar("notice", "!!str"),
		Verification:      r.scalar("verification", "!!str"),
		Destruction:       r.scalar("destruction", "!!str"),
		Security:          r.scalar("security", "!!str"),
		Redisclosure:      r.scalar("redisclosure", "!!str"),
		Accuracy:          r.scalar("accuracy", "!!str"),
	}
}

// transforms reads the list of what is owed:
//
//	transforms:
//	  - {field: Admission.birthDate, method: year}
//	  - {classification: DIRECT_IDENTIFIER, method: pseudonym}
//	  - {field: Resident.postcode, method: prefix, args: {keep: 3}}
func (r *reader) transforms() []Owed {
	var all []Owed
	for i, item := range r.items("transforms") {
		path := fmt.Sprintf("transforms[%d]", i)
		members := r.members(item, path, "field", "type", "classification", "method", "args")
		word := func(key string) string {
			if members[key] == nil {
				return ""
			}
			return r.text(members[key], path+"."+key, "!!str")
		}
		t := Owed{On: Target{word("field"), word("type"), word("classification")}, Method: word("method"), Arguments: r.arguments(members["args"], path+".args")}
		r.check(item.Line, path, t)
		all = append(all, t)
	}
	return all
}

func (r *reader) check(line int, path string, t Owed) {
	names := 0
	for _, name := range []string{t.On.Coordinate, t.On.Type, t.On.Classification} {
		if name != "" {
			names++
		}
	}
	if names != 1 {
		r.fail(line, path, "names one of field, type and classification")
	}
	if t.Method == "" {
		r.fail(line, path, "needs a method")
	}
}

// items are the elements of a list that may be left out.
func (r *reader) items(key string) []*yaml.Node {
	node := r.fields[key]
	if node == nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode || node.Anchor != "" {
		r.fail(node.Line, key, "must be a list")
		return nil
	}
	return node.Content
}

// members are the pairs of a mapping with these keys alone, each at most once.
func (r *reader) members(node *yaml.Node, path string, keys ...string) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	if node.Kind != yaml.MappingNode || node.Anchor != "" {
		r.fail(node.Line, path, "must be a mapping")
		return found
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || keys != nil && !slices.Contains(keys, key.Value):
			r.fail(key.Line, path+"."+key.Value, "unknown key")
		case found[key.Value] != nil:
			r.fail(key.Line, path+"."+key.Value, "is given twice")
		default:
			found[key.Value] = value
		}
	}
	return found
}

// arguments reads a transform's arguments: plain values and lists of them. Whether the method takes them is for Check.
func (r *reader) arguments(node *yaml.Node, path string) map[string]any {
	if node == nil {
		return nil
	}
	members := r.members(node, path)
	out := make(map[string]any, len(members))
	for _, key := range slices.Sorted(maps.Keys(members)) {
		out[key] = r.plain(members[key], path+"."+key)
	}
	return out
}

func (r *reader) plain(node *yaml.Node, path string) any {
	if node.Kind == yaml.SequenceNode && node.Anchor == "" {
		list := make([]any, len(node.Content))
		for i, item := range node.Content {
			list[i] = r.plain(item, fmt.Sprintf("%s[%d]", path, i))
		}
		return list
	}
	switch tag := node.ShortTag(); {
	case node.Kind != yaml.ScalarNode || node.Anchor != "":
	case tag == "!!str":
		return node.Value
	case tag == "!!int":
		var n int64
		if node.Decode(&n) == nil {
			return float64(n)
		}
	case tag == "!!bool":
		var b bool
		if node.Decode(&b) == nil {
			return b
		}
	}
	r.fail(node.Line, path, "must be text, a whole number, true, false, or a list of them")
	return nil
}

// signatures checks the form of what the parties signed. They are kept in the file and not verified: the place where
// k of n parties will sign the exact bytes of a version.
func (r *reader) signatures() {
	keys := []string{"party", "key", "signature"}
	for i, item := range r.items("signatures") {
		path := fmt.Sprintf("signatures[%d]", i)
		members := r.members(item, path, keys...)
		for _, key := range keys {
			if members[key] == nil {
				r.fail(item.Line, path, key+" is required")
				continue
			}
			r.text(members[key], path+"."+key, "!!str")
		}
	}
}
