package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"concordat/cli/tagger"
	executor "concordat/federation/execute"
	"concordat/federation/source"
	"concordat/federation/source/eval"
	"concordat/inference"
	"concordat/policy/ledger"
	"concordat/privacy"
)

// embedded is the models of the binary, for the houses of all tests.
var embedded = sync.OnceValues(tagger.New)

// scripted stands before the real models: it counts what they are asked, and fails where it is told to.
type scripted struct {
	executor.Tagger
	mu     sync.Mutex
	asked  [][]string
	party  []string
	err    error
	mangle func([][]executor.Name) [][]executor.Name
}

func (s *scripted) Tag(ctx context.Context, party string, texts []string) ([][]executor.Name, error) {
	s.mu.Lock()
	s.asked, s.party = append(s.asked, slices.Clone(texts)), append(s.party, party)
	s.mu.Unlock()
	if s.err != nil {
		return nil, s.err
	}
	found, err := s.Tagger.Tag(ctx, party, texts)
	if s.mangle != nil {
		found = s.mangle(found)
	}
	return found, err
}

func houseOfNames(t *testing.T) (*house, *scripted) {
	t.Helper()
	models, err := embedded()
	if err != nil {
		t.Fatal(err)
	}
	s := &scripted{Tagger: models.Names()}
	return build(t, demoDir(t), houseOptions{tagger: s}), s
}

// stays of hospital A in Norvale: two notes in English, two in Chinese.
const namesOfFour = `{ admissions(where: {id: {in: ["A-000001", "A-000002", "A-000004", "A-000015"]}}, orderBy: [{field: id}]) {
	nodes { id ward note entities { text label start end byteStart byteEnd score model } } } }`

type namedRows struct {
	Admissions struct {
		Nodes []struct {
			ID       string
			Ward     string
			Note     *string
			Entities []struct {
				Text, Label, Model             *string
				Start, End, ByteStart, ByteEnd *int
				Score                          *float64
			}
		}
	}
}

func namesIn(t *testing.T, a answer) namedRows {
	t.Helper()
	var rows namedRows
	if err := json.Unmarshal(a.Data, &rows); err != nil || len(rows.Admissions.Nodes) != 4 {
		t.Fatalf("%v: %s", err, a.body)
	}
	return rows
}

func TestNamesAreWhereTheirOffsetsSay(t *testing.T) {
	g, _ := houseOfNames(t)
	a := g.ask(t, "officer", namesOfFour, nil)
	found := 0
	for _, n := range namesIn(t, a).Admissions.Nodes {
		for _, e := range n.Entities {
			found++
			if (*n.Note)[*e.ByteStart:*e.ByteEnd] != *e.Text || utf16Slice(*n.Note, *e.Start, *e.End) != *e.Text {
				t.Errorf("%s: %q is not at its offsets", n.ID, *e.Text)
			}
		}
		if len(n.Entities) == 0 || *n.Entities[0].Label == "" || *n.Entities[0].Score <= 0.5 {
			t.Errorf("%s: %+v", n.ID, n.Entities)
		}
	}
	if found < 6 || a.code() != "" {
		t.Errorf("%d names: %s", found, a.body)
	}
}

func utf16Slice(text string, from, to int) string {
	at, start := 0, -1
	for i, r := range text {
		if at == from {
			start = i
		}
		if at == to {
			return text[start:i]
		}
		at++
		if r > 0xffff {
			at++
		}
	}
	return text[max(start, 0):]
}

// Who may not read a note learns of its words nothing: not the words, not where they stand, not their order.
func TestDeclassifiedLabelsTellNoWords(t *testing.T) {
	g, _ := houseOfNames(t)
	officer := namesIn(t, g.ask(t, "officer", namesOfFour, nil))
	a := g.ask(t, "analyst", namesOfFour, nil)
	for i, n := range namesIn(t, a).Admissions.Nodes {
		written := officer.Admissions.Nodes[i]
		if n.Note != nil || len(n.Entities) != len(written.Entities) {
			t.Errorf("%s: note %v, %d labels of %d names", n.ID, n.Note, len(n.Entities), len(written.Entities))
		}
		var labels, want []string
		for k, e := range n.Entities {
			if e.Text != nil || e.Start != nil || e.End != nil || e.ByteStart != nil || e.ByteEnd != nil {
				t.Errorf("%s: %+v", n.ID, e)
			}
			if s := fmt.Sprint(*e.Score); len(s) > len("0.9") {
				t.Errorf("a score of %s tells the name from others", s)
			}
			labels, want = append(labels, *e.Label), append(want, *written.Entities[k].Label)
			if strings.Contains(string(a.body), *written.Entities[k].Text) {
				t.Errorf("%s: the answer holds a name", n.ID)
			}
		}
		slices.Sort(want)
		if !slices.Equal(labels, want) {
			t.Errorf("%s: labels %v, want %v, in order", n.ID, labels, want)
		}
	}
}

// The text seen redacted is read redacted: the models never get what the partner may not see.
func TestModelsReadWhatTheSubjectSees(t *testing.T) {
	g, s := houseOfNames(t)
	written := namesIn(t, g.ask(t, "officer", namesOfFour, nil))
	s.asked = nil
	a := g.ask(t, "partner", namesOfFour, nil)
	seen := namesIn(t, a)
	if len(s.asked) != 1 || len(s.asked[0]) != 4 || s.party[len(s.party)-1] != "norvale-aid" {
		t.Fatalf("asked %d times, by %v", len(s.asked), s.party)
	}
	for i, n := range seen.Admissions.Nodes {
		if s.asked[0][i] != *n.Note || *n.Note == *written.Admissions.Nodes[i].Note || !strings.Contains(*n.Note, "[PERSON]") {
			t.Errorf("%s: the models read another text than the partner", n.ID)
		}
		for _, e := range written.Admissions.Nodes[i].Entities {
			if *e.Label == "PER" && strings.Contains(string(a.body), *e.Text) {
				t.Errorf("%s: the partner reads a name", n.ID)
			}
		}
	}
}

func TestLedgerNamesModelsAndDeclassification(t *testing.T) {
	for persona, want := range map[string]string{"analyst": "declassified:labels", "officer": "", "partner": "redact"} {
		t.Run(persona, func(t *testing.T) {
			g := start(t, demoDir(t))
			a := g.ask(t, persona, namesOfFour, nil)
			g.stop(t)
			e := entryOf(t, g, a.Extensions.Concordat.Receipt.Index)
			models, err := embedded()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range models.Names().Models() {
				if !strings.Contains(e.Extra["models"], m.Name+" sha256:") || !strings.Contains(e.Extra["models"], m.Digest) {
					t.Errorf("models %q lack %s", e.Extra["models"], m.Name)
				}
			}
			method := ""
			for _, o := range e.Obligations {
				if o.Coordinate == "Admission.entities" {
					method = o.Method
				}
			}
			told := slices.ContainsFunc(a.Extensions.Concordat.Obligations, func(o map[string]string) bool {
				return o["coordinate"] == "Admission.entities" && o["method"] == want
			})
			if method != want || told != (want != "") || !slices.Contains(e.Coordinates, "Admission.note") {
				t.Errorf("method %q, coordinates %v, obligations %v", method, e.Coordinates, a.Extensions.Concordat.Obligations)
			}
		})
	}
}

func entryOf(t *testing.T, g *gateway, index int64) ledger.Entry {
	t.Helper()
	code, out := tool(t, "ledger", "export", "--dir", g.dir)
	if code != 0 {
		t.Fatal(out)
	}
	for line := range strings.Lines(out) {
		var e struct {
			Index int64        `json:"index"`
			Entry ledger.Entry `json:"entry"`
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Index == index {
			return e.Entry
		}
	}
	t.Fatalf("no entry %d in %.500s", index, out)
	return ledger.Entry{}
}

// A failure of the models costs the field, and nothing else; no inner error reaches the caller.
func TestFailureOfTheModelsCostsTheFieldAlone(t *testing.T) {
	g, s := houseOfNames(t)
	for _, c := range []struct {
		err    error
		mangle func([][]executor.Name) [][]executor.Name
		code   string
	}{
		{err: fmt.Errorf("the queue of secret-host: %w", inference.ErrOverloaded), code: "INFERENCE_OVERLOADED"},
		{err: context.DeadlineExceeded, code: "INFERENCE_OVERLOADED"},
		{err: errors.New("weights of secret-host are gone"), code: "INFERENCE_FAILED"},
		{mangle: func(f [][]executor.Name) [][]executor.Name { return f[1:] }, code: "INFERENCE_FAILED"},
		{mangle: func(f [][]executor.Name) [][]executor.Name { f[0][0].ByteEnd = 1 << 20; return f }, code: "INFERENCE_FAILED"},
		{mangle: func(f [][]executor.Name) [][]executor.Name { f[0][0].ByteEnd--; return f }, code: "INFERENCE_FAILED"}, // within a character
	} {
		s.err, s.mangle = c.err, c.mangle
		a := g.ask(t, "officer", namesOfFour, nil)
		rows := namesIn(t, a)
		if a.status != 200 || a.code() != c.code || len(a.Errors) != 1 || strings.Contains(string(a.body), "secret-host") || a.Extensions.Concordat.Receipt == nil {
			t.Errorf("%s", a.body)
		}
		for _, n := range rows.Admissions.Nodes {
			if n.Entities != nil || n.Note == nil || n.Ward == "" {
				t.Errorf("%+v", n)
			}
		}
	}
	s.err, s.mangle = nil, nil
	if a := g.ask(t, "officer", namesOfFour, nil); a.code() != "" || namesIn(t, a).Admissions.Nodes[0].Entities == nil {
		t.Errorf("nothing of a failure may be remembered: %s", a.body)
	}
}

// What was found is remembered for the agreement and purpose that asked, and for no other.
func TestNamesAreRememberedWithinOneAgreement(t *testing.T) {
	g, s := houseOfNames(t)
	g.ask(t, "officer", namesOfFour, nil)
	first := g.ask(t, "officer", namesOfFour, nil)
	if len(s.asked) != 1 {
		t.Errorf("the models were asked %d times for the same texts", len(s.asked))
	}
	if len(namesIn(t, first).Admissions.Nodes[0].Entities) == 0 {
		t.Error("nothing was remembered")
	}
	g.ask(t, "analyst", namesOfFour, nil)
	if len(s.asked) != 2 || len(s.asked[1]) != 4 {
		t.Errorf("another agreement's questions: %d", len(s.asked))
	}
}

// One level of the selection is one batch, whatever the number of parents, fields and equal texts.
func TestALevelIsOneBatch(t *testing.T) {
	g, s := houseOfNames(t)
	a := g.ask(t, "officer", `{ districts(first: 20) { nodes { id admissions(first: 3) { nodes { id entities { label } again: entities { text } } } } } }`, nil)
	if a.code() != "" || len(s.asked) != 1 || len(s.asked[0]) < 12 {
		t.Fatalf("%d batches: %.500s", len(s.asked), a.body)
	}
	texts := slices.Clone(s.asked[0])
	slices.Sort(texts)
	if len(slices.Compact(texts)) != len(s.asked[0]) {
		t.Error("a text was asked twice")
	}
}

// A text that no model reads costs its own row.
func TestTextThatIsTooLongCostsItsOwnRow(t *testing.T) {
	long := func(name string, s source.Source) source.Source {
		return fetcher(func(ctx context.Context, q *source.Query) (*privacy.Table, error) {
			rows, err := source.Fetch(ctx, s, q, eval.Run)
			if err != nil || rows.Column("note") == nil {
				return rows, err
			}
			note := privacy.NewColumn("note", "Admission.note", privacy.String, rows.Rows)
			for row := range rows.Rows {
				if text := rows.Column("note").Text(row); row == 1 {
					note.AppendText(text + strings.Repeat(" and so on", inference.MaxTextBytes/10))
				} else {
					note.AppendText(text)
				}
			}
			for i, c := range rows.Columns {
				if c.Name == "note" {
					rows.Columns[i] = note
				}
			}
			return rows, nil
		})
	}
	g := build(t, demoDir(t), houseOptions{wrap: long})
	a := g.ask(t, "officer", strings.Replace(namesOfFour, "note", "", 1), nil)
	for i, n := range namesIn(t, a).Admissions.Nodes {
		if (n.Entities == nil) != (i == 1) {
			t.Errorf("%s: %v", n.ID, n.Entities)
		}
	}
	if a.code() != "INFERENCE_FAILED" || len(a.Errors) != 1 {
		t.Errorf("%.300s", a.body)
	}
}

// A model is not run for who may not see what it finds, and the note is not fetched.
func TestDeniedNamesRunNoModel(t *testing.T) {
	g, s := houseOfNames(t)
	a := g.ask(t, "analyst", `{ admissions(where: {id: {in: ["B-000003"]}}) { nodes { _source entities { label } } } }`, nil)
	if len(s.asked) != 0 || a.Errors == nil || a.code() != "FORBIDDEN" {
		t.Errorf("asked %v: %s", s.asked, a.body)
	}
}

func TestAGatewayWithoutModelsFailsTheFieldAlone(t *testing.T) {
	g := build(t, demoDir(t), houseOptions{untagged: true})
	a := g.ask(t, "officer", namesOfFour, nil)
	if a.code() != "INFERENCE_FAILED" || namesIn(t, a).Admissions.Nodes[0].Note == nil {
		t.Errorf("%s", a.body)
	}
	if a := g.ask(t, "partner", `{ admission(id: "A-000002") { note } }`, nil); !strings.Contains(string(a.Data), `"[REDACTED]"`) {
		t.Errorf("without a tagger nothing of a text may be shown: %s", a.body)
	}
}
