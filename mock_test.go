package main

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mockWorld is a configuration without any source.
var mockWorld = map[string]string{
	"agencies/library.graphqls": `
"A public library."
type Library @source(table: "libraries") @key(fields: "id") {
  id: ID! @classify(as: NON_SENSITIVE)
  name: String! @classify(as: NON_SENSITIVE)
  region: String! @classify(as: NON_SENSITIVE) @example(values: ["Norvale", "Eastmere"])
  email: String! @classify(as: NON_SENSITIVE)
  opened: Date! @classify(as: NON_SENSITIVE)
  seats: Int! @classify(as: NON_SENSITIVE)
  loans: [Loan!] @join(on: "id = libraryId") @classify(as: NON_SENSITIVE)
}

type Loan @source(table: "loans") @key(fields: "id") {
  id: UUID! @classify(as: NON_SENSITIVE)
  libraryId: ID! @classify(as: NON_SENSITIVE)
  reader: String! @classify(as: DIRECT_IDENTIFIER)
  lentAt: DateTime! @classify(as: QUASI_IDENTIFIER)
  fine: Decimal! @classify(as: SENSITIVE)
  library: Library @join(on: "libraryId = id") @classify(as: NON_SENSITIVE)
}
`,
	"policies/library/access.rego": `package concordat.access.library

import data.concordat.lib
import rego.v1

planning if lib.purpose("planning")

fields contains {"type": "Library", "effect": "allow", "reason": "public"} if planning
fields contains {"coordinate": c, "effect": "allow", "reason": "planning"} if {
	planning
	some c in ["Loan.id", "Loan.libraryId", "Loan.library", "Loan.lentAt", "Loan.fine"]
}

include.Library if {
	planning
	input.row.region in lib.regions
}

include.Loan if planning
`,
	"agreements/planning.yaml": `id: planning
version: 1
title: Planning
parties: [library, office]
legalBasis: invented
purposes: [planning]
regions: [Norvale]
validFrom: 2025-01-01
validUntil: 2035-01-01
`,
	"concordat.yaml": `listen: ADDRESS
state: state
origin: library.example/ledger
resource: https://gateway.concordat.example
schemas: agencies
policies: policies
bundles: {unsigned: true}
agreements: agreements
sources: sources.yaml
issuers:
  - {issuer: https://issuer.concordat.example, audience: https://gateway.concordat.example, jwks: file:issuers.json}
`,
}

// mockGateway starts `serve --mock` and asks it.
func mockGateway(t *testing.T, document string) string {
	t.Helper()
	return libraryGateway(t, mockWorld, "--mock")(document)
}

// libraryGateway starts `serve` on a configuration and returns what asks it.
func libraryGateway(t *testing.T, world map[string]string, flags ...string) func(document string) string {
	t.Helper()
	g := serveLibrary(t, world, flags...)
	token := libraryToken(t, g.dir)
	return func(document string) string {
		t.Helper()
		a, err := send(t.Context(), g.client, g.url, token, operation(document, nil))
		if err != nil {
			t.Fatal(err)
		}
		return string(a.body)
	}
}

// serveLibrary starts `serve` on a configuration in a directory of its own, whose development issuer it believes.
func serveLibrary(t testing.TB, world map[string]string, flags ...string) *gateway {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	for name, text := range world {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, strings.ReplaceAll(text, "ADDRESS", address))
	}
	writeFile(t, filepath.Join(dir, "issuers.json"), keySet(t, dir, "new"))
	return startIn(t, dir, append([]string{"serve", "--config", "concordat.yaml"}, flags...)...)
}

// keySet makes or rotates the issuer's key, and is its JWK set.
func keySet(t testing.TB, dir, how string, flags ...string) string {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(verb(t, dir, append([]string{"key", how, "--dir", "."}, flags...)...)), "\n")
	return lines[len(lines)-1]
}

func libraryToken(t testing.TB, dir string) string {
	t.Helper()
	return strings.TrimSpace(verb(t, dir, "token", "mint", "--dir", ".", "--sub", "me", "--client", "notebook", "--org", "office", "--agreement", "planning", "--purpose", "planning"))
}

// startIn starts a verb that serves, in its directory, until the test ends.
func startIn(t testing.TB, dir string, args ...string) *gateway {
	t.Helper()
	g := &gateway{dir: dir, command: exec.Command(binary(t), args...), stderr: &lockedBuffer{}, ended: make(chan error, 1), client: &http.Client{}}
	g.command.Dir, g.command.Stderr = dir, g.stderr
	out, err := g.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	g.url = strings.TrimSpace(strings.TrimPrefix(line, "ready "))
	processes.add(g)
	go func() {
		err := g.command.Wait()
		processes.remove(g)
		g.ended <- err
	}()
	if err != nil {
		<-g.ended
		t.Fatalf("%v did not start: %s", args, g.stderr)
	}
	t.Cleanup(func() { g.stop(t) })
	return g
}

// verb runs the binary and returns its standard output.
func verb(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(binary(t), args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return string(out)
}

func TestMockAnswersFromTheSchemaUnderPolicyWithAReceipt(t *testing.T) {
	const document = `{ libraries(first: 3) { totalCount nodes { id name region email opened seats loans(first: 2) { nodes { id libraryId lentAt fine reader library { id } } } } }
		librariesAggregate { groups { count } } }`
	body := mockGateway(t, document)
	for _, want := range []string{
		`"invented":true`, `"leaf":"`, `"name":"Example name \d`, `"region":"Norvale"`, `"email":"example\d+@example\.org"`, `"opened":"2025-\d\d-\d\d"`,
		`"id":"00000000-0000-8000-8000-[0-9a-f]{12}"`, `"lentAt":"2025-\d\d-\d\dT`, `"fine":"\d+\.\d\d"`, `"reader":null`, `"code":"FORBIDDEN","coordinate":"Loan.reader"`,
	} {
		if !regexp.MustCompile(want).MatchString(body) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "Eastmere") {
		t.Error("the row rule does not hold over invented rows")
	}
	if !regexp.MustCompile(`"library":\{"id":"example-library-\d{4}"\}`).MatchString(body) {
		t.Errorf("no key resolves: %s", body)
	}
	again := mockGateway(t, document)
	if data(body) != data(again) {
		t.Error("a second start invents other values")
	}
}

func data(body string) string {
	before, _, _ := strings.Cut(body, `,"errors"`)
	return before
}
