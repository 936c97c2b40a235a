package ner

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"concordat/inference"
)

// Auto reads each text, and each part of a mixed text, with the engines of its language. It does not own them.
type Auto struct {
	Name    string
	Latin   []inference.Engine // for stretches of alphabetic script
	Chinese []inference.Engine // for stretches that hold Chinese characters
}

// part is a stretch of a text.
type part struct{ text, from, to int }

// Found is an entity and the model that found it.
type Found struct {
	inference.Entity
	Model string
}

// Describe names the languages and labels of all engines. Auto has no digest: its engines have.
func (a *Auto) Describe() inference.Description {
	d := inference.Description{Name: a.Name, Task: "ner"}
	for _, e := range append(slices.Clone(a.Latin), a.Chinese...) {
		one := e.Describe()
		d.Languages = append(d.Languages, one.Languages...)
		d.Labels = append(d.Labels, one.Labels...)
		d.Kernel = one.Kernel
	}
	d.Languages, d.Labels = distinct(d.Languages), distinct(d.Labels)
	return d
}

func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// Close leaves the engines open.
func (a *Auto) Close() error { return nil }

// Infer gives what Tag gives, without the models.
func (a *Auto) Infer(ctx context.Context, texts []string) ([]inference.Result, error) {
	found, err := a.Tag(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([]inference.Result, len(texts))
	for i, all := range found {
		for _, f := range all {
			out[i].Entities = append(out[i].Entities, f.Entity)
		}
	}
	return out, nil
}

// Tag gives entities without overlap, in order: of two that overlap the longer wins, then the likelier.
func (a *Auto) Tag(ctx context.Context, texts []string) ([][]Found, error) {
	found, err := a.Union(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([][]Found, len(texts))
	for i, all := range found {
		slices.SortStableFunc(all, func(x, y Found) int {
			return cmp.Or(cmp.Compare(y.ByteEnd-y.ByteStart, x.ByteEnd-x.ByteStart), cmp.Compare(y.Score, x.Score))
		})
		for _, f := range all {
			if !slices.ContainsFunc(out[i], func(e Found) bool { return f.ByteStart < e.ByteEnd && e.ByteStart < f.ByteEnd }) {
				out[i] = append(out[i], f)
			}
		}
		slices.SortFunc(out[i], func(x, y Found) int { return cmp.Compare(x.ByteStart, y.ByteStart) })
	}
	return out, nil
}

// Union gives everything that any engine found, in order of beginning: for redaction, which hides the sum.
func (a *Auto) Union(ctx context.Context, texts []string) ([][]Found, error) {
	if err := inference.CheckTexts(texts); err != nil {
		return nil, err
	}
	var latin, chinese []part
	for i, t := range texts {
		latin, chinese = divide(t, i, latin, chinese)
	}
	out := make([][]Found, len(texts))
	for _, side := range []struct {
		engines []inference.Engine
		parts   []part
	}{{a.Latin, latin}, {a.Chinese, chinese}} {
		for _, e := range side.engines {
			if err := gather(ctx, e, texts, side.parts, out); err != nil {
				return nil, err
			}
		}
	}
	for i := range out {
		slices.SortStableFunc(out[i], func(x, y Found) int { return cmp.Compare(x.ByteStart, y.ByteStart) })
		setUTF16(texts[i], out[i])
	}
	return out, nil
}

// setUTF16 is inference.SetUTF16 for entities that may overlap.
func setUTF16(text string, found []Found) {
	for i := range found {
		one := []inference.Entity{{ByteStart: 0, ByteEnd: found[i].ByteStart}, {ByteStart: found[i].ByteStart, ByteEnd: found[i].ByteEnd}}
		if i > 0 && found[i-1].ByteStart == found[i].ByteStart && found[i-1].ByteEnd == found[i].ByteEnd {
			found[i].Start, found[i].End = found[i-1].Start, found[i-1].End
			continue
		}
		inference.SetUTF16(text, one)
		found[i].Start, found[i].End = one[1].Start, one[1].End
	}
}

// gather runs one engine over the parts and puts what it finds where the texts have it.
func gather(ctx context.Context, e inference.Engine, texts []string, parts []part, out [][]Found) error {
	for chunk := range slices.Chunk(parts, inference.MaxTexts) {
		pieces := make([]string, len(chunk))
		for i, p := range chunk {
			pieces[i] = texts[p.text][p.from:p.to]
		}
		results, err := e.Infer(ctx, pieces)
		if err != nil {
			return err
		}
		name := e.Describe().Name
		for i, p := range chunk {
			for _, entity := range results[i].Entities {
				entity.ByteStart += p.from
				entity.ByteEnd += p.from
				out[p.text] = append(out[p.text], Found{entity, name})
			}
		}
	}
	return nil
}

// divide finds the stretches of a text. A text without Chinese characters is one stretch. Otherwise lines with Chinese
// characters are read by the Chinese engines whole (Latin words among them are context), and every run between Chinese
// characters that holds two letters together is read by the others.
func divide(text string, index int, latin, chinese []part) (l, c []part) {
	if !strings.ContainsFunc(text, isHan) {
		return append(latin, part{index, 0, len(text)}), chinese
	}
	for at := 0; at < len(text); {
		end := at + len(text[at:])
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			end = at + n + 1
		}
		if line := text[at:end]; strings.ContainsFunc(line, isHan) {
			chinese = append(chinese, part{index, at, end})
		}
		at = end
	}
	start := 0
	for i, r := range text {
		if isHan(r) {
			latin = addRun(latin, text, index, start, i)
			start = i + utf8.RuneLen(r)
		}
	}
	return addRun(latin, text, index, start, len(text)), chinese
}

func addRun(parts []part, text string, index, from, to int) []part {
	before := false
	for _, r := range text[from:to] {
		letter := unicode.IsLetter(r)
		if letter && before {
			return append(parts, part{index, from, to})
		}
		before = letter
	}
	return parts
}
