package deid

import (
	"context"
	"errors"
	"strings"
	"testing"

	"concordat/privacy"
)

// about is notes with whom each is about; "" is nobody known.
func about(t *testing.T, rows ...[2]string) privacy.Released {
	t.Helper()
	note, who := privacy.NewColumn("note", "Stay.note", privacy.String, 0), privacy.NewColumn("patient", "Stay.patient", privacy.String, 0)
	for _, r := range rows {
		note.AppendText(r[1])
		if r[0] == "" {
			who.AppendState(privacy.Null)
		} else {
			who.AppendText(r[0])
		}
	}
	set := NewWithTagger(tagging(func(_ context.Context, texts []string) ([][]Span, error) {
		out := make([][]Span, len(texts))
		for i, text := range texts {
			if at := strings.Index(text, "Nora Quill"); at >= 0 {
				out[i] = []Span{{Start: at, End: at + len("Nora Quill"), Label: "PERSON", Score: 1}}
			}
		}
		return out, nil
	}), 0)
	ob := obligation("redact", `{"subject":"patient","text":"surrogate"}`)
	got, err := privacy.Apply(&privacy.Table{Rows: len(rows), Columns: []*privacy.Column{note, who}},
		[]privacy.Output{{Column: "note", As: "note", Coordinate: "Stay.note", Kind: privacy.String, Release: privacy.ReleaseTransformed, Obligation: ob, Subject: set.Subject(ob)}}, set, scope())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSurrogatesAreOnesOwnInEachPersonsRows(t *testing.T) {
	const text = "Nora Quill slept well."
	got := about(t, [2]string{"a", text}, [2]string{"b", text}, [2]string{"a", "Seen: Nora Quill."}, [2]string{"", text}, [2]string{"a", text})
	c := got.Column("note")
	name := func(row int) string { return strings.TrimSuffix(c.Text(row), " slept well.") }
	switch {
	case strings.Contains(c.Text(0), "Nora"), strings.Contains(c.Text(1), "Quill"), name(0) == "[PERSON]":
		t.Errorf("%q %q", c.Text(0), c.Text(1))
	case name(0) == name(1):
		t.Errorf("%q in the rows of two persons", name(0))
	case c.Text(2) != "Seen: "+name(0)+".", c.Text(4) != c.Text(0):
		t.Errorf("one person's rows: %q, %q, %q", c.Text(0), c.Text(2), c.Text(4))
	case c.Text(3) != "[PERSON] slept well.":
		t.Errorf("a row about nobody known: %q", c.Text(3))
	case c.Subject != nil:
		t.Error("whom rows are about leaves with them")
	}
	if got.Width() != 1 {
		t.Error("the column of subjects is released")
	}
}

func TestSurrogatesBySubjectNeedTheSubject(t *testing.T) {
	set := NewWithTagger(known(t), 0)
	do, err := set.Prepare(privacy.String, obligation("redact", `{"subject":"patient","text":"surrogate"}`), scope())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := do(column("Nora Quill")); !errors.Is(err, ErrSubject) || out != nil {
		t.Errorf("%v %v", out, err)
	}
	for _, arguments := range []string{`{"subject":"patient","text":"label"}`, `{"subject":"","text":"surrogate"}`, `{"subject":3,"text":"surrogate"}`} {
		if _, err := set.Prepare(privacy.String, obligation("redact", arguments), scope()); !errors.Is(err, ErrArguments) {
			t.Errorf("%s: %v", arguments, err)
		}
	}
	one := column("x")
	raw := &privacy.Table{Rows: one.Len(), Columns: []*privacy.Column{one}}
	o := privacy.Output{Column: raw.Columns[0].Name, As: "note", Coordinate: raw.Columns[0].Coordinate, Kind: privacy.String, Release: privacy.ReleaseTransformed,
		Obligation: obligation("redact", `{"subject":"patient","text":"surrogate"}`), Subject: "patient"}
	if _, err := privacy.Apply(raw, []privacy.Output{o}, set, scope()); !errors.Is(err, privacy.ErrMissing) {
		t.Errorf("a table without the column: %v", err)
	}
}
