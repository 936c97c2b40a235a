package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concordat/inference"
)

func model(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Model(context.Background(), args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

func TestModelListNamesEveryModelWithItsDigest(t *testing.T) {
	code, out, _ := model(t, "", "list", "--json")
	var list struct{ Models []listedModel }
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitDone || len(list.Models) < 3 {
		t.Fatal(code, err, out)
	}
	for _, m := range list.Models {
		if len(m.Digest) != len("sha256:")+64 || len(m.Labels) == 0 || len(m.Languages) == 0 {
			t.Errorf("%+v", m)
		}
		if code, page, _ := model(t, "", "card", m.Name); code != exitDone || !strings.Contains(page, m.Digest) || !strings.Contains(page, "licence") {
			t.Errorf("card of %s: %d %s", m.Name, code, page)
		}
	}
}

func TestModelTagAnswersLineByLine(t *testing.T) {
	code, out, errs := model(t, "张三在北京。\n\n😀 张三\r\n没有", "tag", "ner-zh", "--json")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if code != exitDone || len(lines) != 4 {
		t.Fatalf("%d, %d lines: %s", code, len(lines), errs)
	}
	if want := `{"text":"","entities":[]}`; lines[1] != want {
		t.Errorf("%s, want %s", lines[1], want)
	}
	var third taggedText
	if err := json.Unmarshal([]byte(lines[2]), &third); err != nil || third.Text != "😀 张三" || len(third.Entities) != 1 {
		t.Fatal(lines[2])
	}
	if e := third.Entities[0]; e.Text != "张三" || e.Label != "PER" || e.Start != 3 || e.End != 5 || e.ByteStart != 5 || e.ByteEnd != 11 || e.Model != "ner-zh" {
		t.Errorf("%+v", e)
	}
}

func TestModelEvalScoresWholeEntitiesByCharacter(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.conll")
	if err := os.WriteFile(file, []byte("张三\tB-PER\n在\tO\n北京\tB-LOC\n。\tO\n\n你好\tO\n。\tO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := model(t, "", "eval", "ner-zh", file, "--json")
	var r evaluated
	if err := json.Unmarshal([]byte(out), &r); err != nil || code != exitDone {
		t.Fatal(code, errs)
	}
	if r.Model != "ner-zh" || r.Sentences != 2 || r.Micro.F1 != 1 || r.Micro.Support != 2 || r.Types["PER"].Support != 1 {
		t.Errorf("%+v", r)
	}
}

func TestTokensTakeTheTagsOfEntitiesThatTouchThem(t *testing.T) {
	tokens := strings.Fields("The U.N. met in New York .")
	got := tagsOf(tokens, 1, []inference.Entity{{Label: "ORG", ByteStart: 4, ByteEnd: 7}, {Label: "LOC", ByteStart: 16, ByteEnd: 24}})
	if want := "O B-ORG O O B-LOC I-LOC O"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestModelWrongUse(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
	}{
		{nil, exitUsage}, {[]string{"nothing"}, exitUsage}, {[]string{"tag"}, exitUsage}, {[]string{"tag", "a", "b"}, exitUsage},
		{[]string{"list", "--wrong"}, exitUsage}, {[]string{"card", "none"}, exitFailed}, {[]string{"eval", "ner-zh", "/none"}, exitFailed},
		{[]string{"--help"}, exitDone}, {[]string{"tag", "--help"}, exitDone},
	} {
		if code, _, errs := model(t, "", c.args...); code != c.code {
			t.Errorf("%v: exit %d, want %d: %s", c.args, code, c.code, errs)
		}
	}
	code, out, errs := model(t, "geheim \xff\n", "tag", "ner-zh")
	if code != exitFailed || out != "" || strings.Contains(errs, "geheim") {
		t.Errorf("a line that is not UTF-8: %d %q %q", code, out, errs)
	}
}

func TestModelEvalGivesTheDistributionsOfACard(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.conll")
	if err := os.WriteFile(file, []byte("张三\tB-PER\n在\tO\n北京\tB-LOC\n。\tO\n\n你好\tO\n。\tO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := model(t, "", "eval", "ner-zh", file, "--json", "--reference")
	var got evaluated
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitDone || got.Reference == nil {
		t.Fatal(code, err, out, errs)
	}
	if r := got.Reference; r.Of != "a.conll" || r.Lengths[0] != 1 || r.Labels["PER"] != 0.3333 || r.Labels[""] != 0.3333 {
		t.Errorf("%+v", r)
	}
	if code, _, _ := model(t, "", "list", "--reference"); code != exitUsage {
		t.Errorf("list --reference: %d", code)
	}
}
