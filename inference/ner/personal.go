package ner

import (
	"context"
	"strings"

	"concordat/inference"
)

// OpenAuto opens the shelf's taggers of both languages; with personal, also the tagger of personal data.
func OpenAuto(ctx context.Context, shelf *inference.Registry, personal bool) (*Auto, error) {
	a := &Auto{Name: "auto"}
	latin := []string{"ner-en"}
	if personal {
		latin = append(latin, "pii-en")
	}
	for _, side := range []struct {
		names []string
		to    *[]inference.Engine
	}{{latin, &a.Latin}, {[]string{"ner-zh"}, &a.Chinese}} {
		for _, name := range side.names {
			e, err := shelf.Engine(ctx, name)
			if err != nil {
				return nil, err
			}
			*side.to = append(*side.to, e)
		}
	}
	return a, nil
}

// broader is what redaction calls a label; labels that are not here keep their name.
func broader(label string) string {
	switch label {
	case "PER", "GIVEN_NAME", "SURNAME":
		return "PERSON"
	case "ORG":
		return "ORGANIZATION"
	case "LOC", "CITY", "STATE":
		return "LOCATION"
	case "BUILDING_NUMBER", "STREET_NAME", "SECONDARY_ADDRESS", "ZIP_CODE":
		return "ADDRESS"
	}
	return label
}

// Personal gives what Union gives, under the labels of redaction (PERSON, ADDRESS, LOCATION, ORGANIZATION, and the personal
// data tagger's own), with the parts of a name, and of an address, that one model found side by side joined to one.
func (a *Auto) Personal(ctx context.Context, texts []string) ([][]Found, error) {
	out, err := a.Union(ctx, texts)
	for i := range out {
		out[i] = joinParts(texts[i], out[i])
	}
	return out, err
}

func joinParts(text string, found []Found) []Found {
	out := found[:0]
	last := map[string]int{} // model -> its last span
	for _, f := range found {
		f.Label = broader(f.Label)
		if i, ok := last[f.Model]; ok && partsOfOne(text, out[i], f) {
			out[i].ByteEnd, out[i].End, out[i].Score = f.ByteEnd, f.End, min(out[i].Score, f.Score)
			continue
		}
		last[f.Model] = len(out)
		out = append(out, f)
	}
	return out
}

func partsOfOne(text string, a, b Found) bool {
	return a.Label == b.Label && (a.Label == "PERSON" || a.Label == "ADDRESS") && a.ByteEnd <= b.ByteStart &&
		strings.Trim(text[a.ByteEnd:b.ByteStart], " ,.") == ""
}
