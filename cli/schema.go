package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"concordat/cli/node"
	"concordat/federation/compose"
	"concordat/policy"
	"concordat/schema"
)

const schemaUsage = `usage: concordat schema compose FILE...|DIR [--json]
       concordat schema check   FILE...|DIR [--strict]
       concordat schema print   FILE...|DIR
       concordat schema diff    OLD NEW [--json] [--fail-on breaking|weaker|either]
       concordat schema plan    DOCUMENT.graphql [--schema FILE|DIR]... [--sources FILE] [--data DIR] [--json]

A FILE is one agency's, named for it: health.graphqls is the agency health's. A DIR stands for its *.graphqls files.
Without any, the demo's agencies are taken.

compose reports every mistake as file:line: coordinate: message (CODE) and says what was composed.
check reports the same and is silent where all is well; --strict makes a warning fail.
print writes the public schema.
diff says what NEW, a FILE or DIR, changes against OLD: what breaks consumers, and what weakens protection unless policy
says otherwise: a class lowered, a field, join or source that was not there, a column, table or agency exchanged.
--fail-on makes the exit code 1 where there is such a change.
plan prints the fetches of an operation: source, statement, what is pushed down and what the gateway does itself.
Statements need the sources: --sources names their configuration, --data the directory of their files.
`

// SchemaEnv is what the schema verbs are given by the program.
type SchemaEnv struct {
	// Default is the files to take where the command line names none; nil: they must be named.
	Default func() ([]compose.File, error)
	// Plan prints how a document would be run; nil: there is no verb plan.
	Plan func(sg *compose.Supergraph, o PlanOptions) error
}

// Schema runs the verb "schema".
func Schema(args []string, stdout, stderr io.Writer, env SchemaEnv) int {
	v := schemaVerb{stdout, stderr, env}
	if len(args) == 0 {
		return v.misuse("")
	}
	switch verb, rest := args[0], args[1:]; verb {
	case "compose":
		return v.compose(rest)
	case "check":
		return v.check(rest)
	case "print":
		return v.print(rest)
	case "diff":
		return v.diff(rest)
	case "plan":
		return v.plan(rest)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, schemaUsage)
		return 0
	default:
		return v.misuse("unknown verb " + fmt.Sprintf("%q", verb))
	}
}

type schemaVerb struct {
	stdout, stderr io.Writer
	env            SchemaEnv
}

func (v schemaVerb) misuse(what string) int {
	if what != "" {
		fmt.Fprintln(v.stderr, "concordat schema:", what)
	}
	fmt.Fprint(v.stderr, schemaUsage)
	return 2
}

// errNoFiles is wrong use, not a failure.
var errNoFiles = errors.New("name at least one file or directory")

func (v schemaVerb) fail(err error) int {
	if errors.Is(err, errNoFiles) {
		return v.misuse(err.Error())
	}
	fmt.Fprintln(v.stderr, "concordat schema:", err)
	return 1
}

func (v schemaVerb) compose(args []string) int {
	set := newCredentialFlags("schema compose", v.stderr)
	asJSON := set.Bool("json", false, "print JSON")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	sg, problems, err := v.read(paths)
	if err == nil && *asJSON {
		err = writeProblems(v.stdout, problems)
	}
	if err != nil {
		return v.fail(err)
	}
	if !*asJSON {
		reportProblems(v.stdout, problems)
	}
	if sg == nil {
		return 1
	}
	if !*asJSON {
		fmt.Fprintf(v.stdout, "composed %d types with %d agency fields and %d roots, revision %s\n",
			len(sg.Entities), len(sg.Catalog.Fields), len(sg.Roots), sg.Hash[:12])
	}
	return 0
}

func (v schemaVerb) check(args []string) int {
	set := newCredentialFlags("schema check", v.stderr)
	strict := set.Bool("strict", false, "a warning fails")
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	sg, problems, err := v.read(paths)
	if err != nil {
		return v.fail(err)
	}
	reportProblems(v.stdout, problems)
	if sg == nil || *strict && len(problems) > 0 {
		return 1
	}
	return 0
}

func (v schemaVerb) print(args []string) int {
	set := newCredentialFlags("schema print", v.stderr)
	paths, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	sg, problems, err := v.read(paths)
	if err != nil {
		return v.fail(err)
	}
	reportProblems(v.stderr, problems)
	if sg == nil {
		return 1
	}
	fmt.Fprint(v.stdout, sg.Print())
	return 0
}

func (v schemaVerb) plan(args []string) int {
	set := newCredentialFlags("schema plan", v.stderr)
	asJSON := set.Bool("json", false, "print JSON")
	sources := set.String("sources", "", "configuration `file` of the sources")
	data := set.String("data", ".", "`directory` of the sources' files")
	var paths []string
	set.Func("schema", "agency file or directory; may be repeated", func(p string) error {
		paths = append(paths, p)
		return nil
	})
	documents, code := parseCredentialFlags(set, args)
	if code >= 0 {
		return code
	}
	if len(documents) != 1 || v.env.Plan == nil {
		return v.misuse("")
	}
	document, err := os.ReadFile(documents[0])
	if err != nil {
		return v.fail(err)
	}
	sg, problems, err := v.read(paths)
	if err != nil {
		return v.fail(err)
	}
	if sg == nil {
		reportProblems(v.stderr, problems)
		return 1
	}
	if err := v.env.Plan(sg, PlanOptions{Document: string(document), Sources: *sources, Data: *data, Demo: len(paths) == 0, JSON: *asJSON}); err != nil {
		return v.fail(err)
	}
	return 0
}

// read composes the files that the paths stand for.
func (v schemaVerb) read(paths []string) (*compose.Supergraph, []compose.Problem, error) {
	files, err := v.files(paths)
	if err != nil {
		return nil, nil, err
	}
	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
	return sg, problems, nil
}

func (v schemaVerb) files(paths []string) ([]compose.File, error) {
	if len(paths) > 0 {
		return SchemaFiles(paths...)
	}
	if v.env.Default == nil {
		return nil, errNoFiles
	}
	return v.env.Default()
}

// SchemaFiles reads agencies' files: each path is one, or a directory of *.graphqls.
func SchemaFiles(paths ...string) ([]compose.File, error) {
	var files []compose.File
	for _, path := range paths {
		names, err := schemaNames(path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := readAtMost(name, compose.MaxFile+1) // one more, so that composition sees that it is too large
			if err != nil {
				return nil, err
			}
			stem := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
			files = append(files, compose.File{Name: name, Agency: policy.AgencyID(stem), Text: text})
			levels, err := node.LevelFiles(name, policy.AgencyID(stem))
			if err != nil {
				return nil, err
			}
			files = append(files, levels...)
		}
	}
	return files, nil
}

// schemaNames lists the files of a directory in order of name. An empty directory is a mistake, not an empty schema.
func schemaNames(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && filepath.Ext(e.Name()) == ".graphqls" {
			names = append(names, filepath.Join(path, e.Name()))
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no *.graphqls files", path)
	}
	return names, nil
}

func readAtMost(name string, limit int64) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit))
	return string(text), err
}

func reportProblems(w io.Writer, problems []compose.Problem) {
	for _, p := range problems {
		if p.Severity == compose.Warning {
			p.Message = "warning: " + p.Message
		}
		fmt.Fprintln(w, p)
	}
}

func writeProblems(w io.Writer, problems []compose.Problem) error {
	out := struct {
		Errors []compose.Problem `json:"errors"`
		Hints  []compose.Problem `json:"hints"`
	}{[]compose.Problem{}, []compose.Problem{}}
	for _, p := range problems {
		if p.Severity == compose.Warning {
			out.Hints = append(out.Hints, p)
		} else {
			out.Errors = append(out.Errors, p)
		}
	}
	return json.NewEncoder(w).Encode(out)
}
