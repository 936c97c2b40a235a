package review

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"concordat/policy"
)

func text(s string) *string { return &s }

func inForce() []policy.Bundle {
	return []policy.Bundle{{Agency: "north", Files: fstest.MapFS{"access.rego": {Data: []byte("old")}, "deep/data.json": {Data: []byte("{}")},
		"a_test.rego": {Data: []byte("test")}, ".manifest": {Data: []byte("m")}, "notes.txt": {Data: []byte("n")}}},
		{Agency: "south", Files: fstest.MapFS{"access.rego": {Data: []byte("south")}}}}
}

func contents(t *testing.T, files fs.FS) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		out[name] = string(body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAProposalChangesWhatItNamesAndNothingElse(t *testing.T) {
	before := inForce()
	p := Proposal{Agency: "north", Files: []File{{"access.rego", text("new")}, {"a_test.rego", nil}, {"more/x.rego", text("x")}}}
	after, err := p.Over(before)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"access.rego": "new", "deep/data.json": "{}", "more/x.rego": "x"}
	if got := contents(t, after[0].Files); !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
	if got := contents(t, after[1].Files); got["access.rego"] != "south" {
		t.Errorf("another agency's: %v", got)
	}
	if got := contents(t, before[0].Files); got["access.rego"] != "old" || got["a_test.rego"] == "" {
		t.Errorf("what is in force was changed: %v", got)
	}
	fresh, err := Proposal{Agency: "east", Files: []File{{"a.rego", text("a")}}}.Over(before)
	if err != nil || len(fresh) != 3 || len(before) != 2 || fresh[2].Agency != "east" {
		t.Errorf("an agency without a bundle: %v %v", fresh, err)
	}
}

func TestFrozenBundlesDoNotChange(t *testing.T) {
	files := fstest.MapFS{"access.rego": {Data: []byte("old")}}
	frozen, err := Frozen([]policy.Bundle{{Agency: "north", Files: files}})
	if err != nil {
		t.Fatal(err)
	}
	files["access.rego"] = &fstest.MapFile{Data: []byte("new")}
	if got := contents(t, frozen[0].Files); got["access.rego"] != "old" {
		t.Errorf("%v", got)
	}
}

func TestWhatIsNoProposalIsRefusedWithoutItsText(t *testing.T) {
	many := make([]File, maxFiles+1)
	for i := range many {
		many[i] = File{fmt.Sprintf("f%d.rego", i), text("")}
	}
	secret := func(names ...string) (out []File) {
		for _, n := range names {
			out = append(out, File{n, text("secret")})
		}
		return out
	}
	for name, files := range map[string][]File{
		"none": nil, "many": many, "twice": secret("a.rego", "a.rego"), "up": secret("../a.rego"), "up inside": secret("a/../b.rego"),
		"absolute": secret("/a.rego"), "empty name": secret(""), "backslash": secret(`a\b.rego`), "zero": secret("a\x00.rego"),
		"no policy": secret("a.txt"), "a manifest": secret(".manifest"), "signatures": secret(".signatures.json"),
		"a long name": secret(strings.Repeat("a", maxFileName) + ".rego"), "long": {{"a.rego", text(strings.Repeat("s", maxText+1))}},
	} {
		_, err := Proposal{Agency: "north", Files: files}.Over(inForce())
		if !errors.Is(err, ErrProposal) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a bundle in force holds besides policy, as its signature, is no part of what is reviewed.
func TestOnlyPolicyIsReviewed(t *testing.T) {
	frozen, err := Frozen(inForce())
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(contents(t, frozen[0].Files)))
	if !slices.Equal(got, []string{"a_test.rego", "access.rego", "deep/data.json"}) {
		t.Errorf("%v", got)
	}
}
