package plan

import (
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"golang.org/x/tools/txtar"

	"concordat/federation/compose"
	"concordat/federation/source"
	"concordat/policy"
	"concordat/schema"
)

// explained lists the fetches of the question that an archive asks.
func explained(t *testing.T, archive string) []Explained {
	t.Helper()
	text, err := os.ReadFile("testdata/" + archive + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	var sdl []compose.File
	var query string
	for _, f := range txtar.Parse(text).Files {
		if agency, ok := strings.CutSuffix(f.Name, ".graphqls"); ok {
			sdl = append(sdl, compose.File{Name: f.Name, Agency: policy.AgencyID(agency), Text: string(f.Data)})
		}
		if f.Name == "query.graphql" {
			query = string(f.Data)
		}
	}
	sg, problems := compose.Compose(sdl, compose.Options{ControlPlane: schema.ControlPlane()})
	if sg == nil {
		t.Fatal(problems)
	}
	doc, errs := gqlparser.LoadQueryWithRules(sg.Schema, query, rules.NewDefaultRules())
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	d := Read(doc, doc.Operations[0])
	p, err := Build(sg, d, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bind(d, nil)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Explain(b, func(_ string, q *source.Query) source.Explanation {
		if err := q.Check(); err != nil {
			t.Error(err)
		}
		return source.Explanation{Pushed: q.Needed()}
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAPlanListsASharedStatementOnce(t *testing.T) {
	all := explained(t, "shared-joins-to-one-type")
	if len(all) != 2 {
		t.Fatalf("%d fetches", len(all))
	}
	x := all[1]
	if x.Path != "stays.nodes.patient" || strings.Join(x.Select, " ") != "name id born" ||
		len(x.With) != 1 || x.With[0] != (Along{Step: 2, Path: "stays.nodes.relative", Join: "Stay.contact = Resident.id"}) {
		t.Errorf("%+v", x)
	}
}

func TestAPlanShowsTheKeysOfSharedRoots(t *testing.T) {
	all := explained(t, "shared-roots-by-key")
	if len(all) != 2 || len(all[0].With) != 1 || strings.Join(all[0].Pushed, " ") != "ward days id" || all[1].With != nil {
		t.Errorf("%+v", all)
	}
}
