package compose

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"concordat/policy"
	"concordat/schema"
)

var update = flag.Bool("update", false, "rewrite golden parts of testdata")

// TestArchives composes each archive's files and compares problems and schema. A file is its agency's by its stem;
// control.graphqls is the control plane.
func TestArchives(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { testArchive(t, name) })
	}
}

func testArchive(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files, opt, golden := readArchive(archive)
	sg, problems := Compose(files, opt)
	got := map[string]string{"problems.txt": lines(problems), "schema.graphqls": ""}
	if sg != nil {
		got["schema.graphqls"] = sg.Print()
	}
	for part, text := range got {
		if text != golden[part] && !*update {
			t.Errorf("%s differs (run with -update to accept):\n%s", part, text)
		}
	}
	if *update {
		rewrite(t, name, archive, got)
	}
}

func readArchive(archive *txtar.Archive) ([]File, Options, map[string]string) {
	var files []File
	var opt Options
	golden := map[string]string{}
	for _, f := range archive.Files {
		stem, isSDL := strings.CutSuffix(f.Name, ".graphqls")
		switch {
		case f.Name == "schema.graphqls" || f.Name == "problems.txt":
			golden[f.Name] = string(f.Data)
		case f.Name == "control.graphqls":
			opt.ControlPlane = string(f.Data)
		case f.Name == "sources.txt":
			opt.Sources = strings.Fields(string(f.Data))
		case isSDL:
			agency, _, _ := strings.Cut(stem, "-") // a-2.graphqls: a second file of agency a
			files = append(files, File{Name: f.Name, Agency: policy.AgencyID(agency), Text: string(f.Data)})
		}
	}
	return files, opt, golden
}

func rewrite(t *testing.T, name string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	kept := archive.Files[:0]
	for _, f := range archive.Files {
		if _, ok := got[f.Name]; !ok {
			kept = append(kept, f)
		}
	}
	archive.Files = kept
	for _, part := range []string{"problems.txt", "schema.graphqls"} {
		if got[part] != "" {
			archive.Files = append(archive.Files, txtar.File{Name: part, Data: []byte(got[part])})
		}
	}
	if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

func lines(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(string(p.Severity) + ": " + p.String() + "\n")
	}
	return b.String()
}

// one composes a single agency's text.
func one(text string) (*Supergraph, []Problem) {
	return Compose([]File{{Name: "a.graphqls", Agency: "a", Text: text}}, Options{})
}

func codesOf(problems []Problem) []Code {
	var codes []Code
	for _, p := range problems {
		codes = append(codes, p.Code)
	}
	return codes
}

func TestFileThatIsNotUTF8IsNamedByLine(t *testing.T) {
	sg, problems := one("type A {\n id: \xff\n}")
	if sg != nil || len(problems) != 1 || problems[0].Code != InvalidUTF8 || problems[0].Line != 2 {
		t.Fatalf("%v", problems)
	}
}

func TestFileOverTheLimitIsNotRead(t *testing.T) {
	text := `type A @source(table: "a") @key(fields: "id") { id: ID @classify(as: NON_SENSITIVE) }`
	if sg, problems := one(text + strings.Repeat(" ", MaxFile-len(text))); sg == nil {
		t.Fatalf("a file of exactly the limit: %v", problems)
	}
	sg, problems := one(text + strings.Repeat(" ", MaxFile-len(text)+1))
	if sg != nil || len(problems) != 1 || problems[0].Code != FileTooLarge {
		t.Fatalf("%v", problems)
	}
}

func TestDeepNestingIsRefusedNotFollowed(t *testing.T) {
	deep := strings.Repeat("[", 400_000)
	if sg, problems := one("type A { id: " + deep); sg != nil || len(problems) == 0 {
		t.Fatalf("%v", problems)
	}
}

func TestOrderOfFilesDoesNotMatter(t *testing.T) {
	a := File{"a.graphqls", "a", `type T @source(table: "t") @key(fields: "id") { id: ID, x: Int, a: Int }`}
	b := File{"b.graphqls", "b", `type T @source(table: "t") @key(fields: "id") { id: ID, x: Int, b: Int }`}
	first, _ := Compose([]File{a, b}, Options{})
	second, _ := Compose([]File{b, a}, Options{})
	if first.Hash != second.Hash || first.Print() != second.Print() {
		t.Error("two orders of the same files give two supergraphs")
	}
	if _, err := hex.DecodeString(first.Hash); err != nil || len(first.Hash) != 64 {
		t.Errorf("hash %q", first.Hash)
	}
	b.Text += " "
	third, _ := Compose([]File{a, b}, Options{})
	if third.Hash == first.Hash {
		t.Error("a changed file keeps the hash")
	}
}

func TestEveryReportedCodeIsInTheTable(t *testing.T) {
	table := map[Code]Severity{}
	for _, e := range Codes() {
		if e.Severity != e.Code.severity() {
			t.Errorf("%s is %s in the table, %s when reported", e.Code, e.Severity, e.Code.severity())
		}
		table[e.Code] = e.Severity
	}
	seen := map[Code]bool{}
	names, _ := filepath.Glob("testdata/*.txtar")
	for _, name := range names {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files, opt, _ := readArchive(archive)
		_, problems := Compose(files, opt)
		for _, p := range problems {
			if table[p.Code] == "" {
				t.Errorf("%s is not in the table", p.Code)
			}
			seen[p.Code] = true
		}
	}
	tested := map[Code]bool{InvalidUTF8: true, FileTooLarge: true, SchemaInvalid: true} // the last: no known way
	for code := range table {
		if !seen[code] && !tested[code] {
			t.Errorf("no archive shows %s", code)
		}
	}
}

func TestShippedControlPlaneComposes(t *testing.T) {
	_, problems := Compose(nil, Options{ControlPlane: schema.ControlPlane()})
	for _, p := range problems {
		t.Error(p)
	}
}
