// Package demo is an invented country of six agencies: its data, schemas, policies, agreements, personas and
// questions, embedded in the binary so that `concordat demo` needs nothing else.
//
//	if err := demo.Prepare(ctx, dir); err != nil { ... }   // the agencies' databases, built once
//	for _, q := range demo.Questions() { ... }             // ready to run
//
// The population, the stays and the notes are generated; the weekly, hourly and road series are published ones,
// moved to invented places and to the year 2025 (data/ATTRIBUTION.md). Nobody in it exists. The package does not
// promise that any series means anything for a real place, and its policies are examples, not advice.
package demo

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Files holds agencies/, policies/, agreements/, questions/, personas.json, sources.yaml and README.md.
//
//go:embed agencies policies agreements questions personas.json sources.yaml README.md
var Files embed.FS

//go:embed data
var data embed.FS

// Persona is what the development issuer puts into one persona's token.
type Persona struct {
	Subject      string   `json:"sub"`
	Organisation string   `json:"organisation"`
	Client       string   `json:"client_id"`
	Scope        string   `json:"scope"`
	Agreement    string   `json:"agreement"`
	Purposes     []string `json:"purposes"`
}

// Personas returns every persona by name. The names are also in PersonaNames.
func Personas() map[string]Persona {
	text, err := Files.ReadFile("personas.json")
	if err != nil {
		panic(err) // embedded: cannot be absent
	}
	personas := map[string]Persona{}
	if err := json.Unmarshal(text, &personas); err != nil {
		panic(err) // embedded: a test reads it
	}
	return personas
}

// PersonaNames is the order in which the README introduces them.
func PersonaNames() []string {
	return []string{"developer", "analyst", "officer", "partner", "auditor"}
}

// Question is one file of questions/.
type Question struct {
	Name      string // file name without its ending: "03-epidemic-weeks"
	Title     string // the first comment: the question in words
	Document  string // the whole file
	Variables json.RawMessage
}

// Questions returns the demo's questions in the order of their numbers.
func Questions() []Question {
	entries, err := fs.ReadDir(Files, "questions")
	if err != nil {
		panic(err) // embedded: cannot be absent
	}
	var questions []Question
	for _, entry := range entries {
		if path.Ext(entry.Name()) == ".graphql" {
			questions = append(questions, question(entry.Name()))
		}
	}
	return questions
}

func question(file string) Question {
	text, err := Files.ReadFile("questions/" + file)
	if err != nil {
		panic(err) // embedded: just listed
	}
	q := Question{Name: strings.TrimSuffix(file, ".graphql"), Document: string(text)}
	for line := range strings.Lines(q.Document) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		comment = strings.TrimSpace(comment)
		if variables, ok := strings.CutPrefix(comment, "variables:"); ok {
			q.Variables = json.RawMessage(strings.TrimSpace(variables))
		} else if q.Title == "" {
			q.Title = comment
		}
	}
	if q.Variables != nil && !json.Valid(q.Variables) {
		panic(fmt.Sprintf("demo: %s: variables are not JSON", file)) // embedded: a test reads it
	}
	return q
}
