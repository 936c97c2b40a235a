package open_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concordat/federation/source"
	"concordat/federation/source/introspect"
	"concordat/federation/source/open"
	"concordat/policy/predicate"
	"concordat/privacy"
)

const sensorSDL = `type Sensor @key(fields: "id") { id: ID! name: String } type Query { sensors(ids: [ID!]): [Sensor!]! }`

// subgraph is a service of one sensor that notes its last request's headers.
type subgraph struct{ header http.Header }

func (s *subgraph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.header = r.Header.Clone()
	var body struct{ Query string }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		http.Error(w, "", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.Contains(body.Query, "_service"):
		text, _ := json.Marshal(sensorSDL)
		fmt.Fprintf(w, `{"data":{"_service":{"sdl":%s}}}`, text)
	case strings.Contains(body.Query, "_entities"):
		io.WriteString(w, `{"data":{"rows":[{"__typename":"Sensor","c0":"S1","c1":"bridge"}]}}`)
	default:
		io.WriteString(w, `{"data":{"rows":[{"c0":"S1","c1":"bridge"}]}}`)
	}
}

// pair is a certificate for 127.0.0.1 that signs itself, and its key, in PEM.
func pair(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func sensors() []*source.Relation {
	return []*source.Relation{{Type: "Sensor", Table: "sensors", Columns: map[string]source.Column{
		"id":   {Coordinate: "Sensor.id", Physical: "id", Kind: privacy.String},
		"name": {Coordinate: "Sensor.name", Physical: "name", Kind: privacy.String}}}}
}

// Mutual TLS, a header from the environment, a token and entities: from the file to the socket.
func TestASubgraphBehindMutualTLS(t *testing.T) {
	serverPEM, serverKey := pair(t)
	clientPEM, clientKey := pair(t)
	certificate, err := tls.X509KeyPair(serverPEM, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(clientPEM)
	service := &subgraph{}
	server := httptest.NewUnstartedServer(service)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients}
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"ca.pem": serverPEM, "client.pem": clientPEM, "client.key": clientKey})
	text := `
sources:
  transport:
    kind: graphql
    url: env:URL
    subgraph: true
    token: true
    headers: {X-Api-Key: env:KEY}
    tls: {ca: "file:ca.pem", certificate: "file:client.pem", key: "file:client.key"}
    tables:
      sensors: {field: sensors, entity: {type: Sensor, key: id}, arguments: {name: {}}}
`
	cfg, err := open.Parse("s.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	o := open.Options{Dir: dir, Relations: func(string) []*source.Relation { return sensors() },
		Getenv: func(name string) string { return map[string]string{"URL": server.URL, "KEY": "MARKER"}[name] }}
	ctx := source.WithCredential(t.Context(), func(audience string) (string, error) { return "token-for-" + audience, nil })
	opened, closer, err := open.Open(ctx, cfg, o)
	if err != nil {
		t.Fatal(err)
	}
	defer closer.Close()
	if service.header.Get("X-Api-Key") != "MARKER" || service.header.Get("Authorization") != "Bearer token-for-transport" {
		t.Errorf("the schema is asked for with %v", service.header)
	}
	q := &source.Query{Relation: sensors()[0], Select: []string{"id", "name"}, Where: predicate.Always(), MaxRows: 10,
		Keys: &source.Keys{Field: "id", Values: []predicate.Value{predicate.String("S1")}}}
	if got, err := opened["transport"].Fetch(ctx, q); err != nil || got.Rows != 1 || got.Column("name").Text(0) != "bridge" {
		t.Errorf("got %+v, %v", got, err)
	}
	wrong := strings.Replace(text, "type: Sensor", "type: Reading", 1)
	cfg, err = open.Parse("s.yaml", []byte(wrong))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := open.Open(ctx, cfg, o); !errors.Is(err, source.ErrInvalid) || !strings.Contains(err.Error(), "source transport") ||
		!strings.Contains(err.Error(), "Reading") || strings.Contains(err.Error(), server.URL) {
		t.Errorf("a schema that is not the configuration's: %v", err)
	}
}

func TestMistakesInAGraphQLSourceAreListed(t *testing.T) {
	_, err := open.Parse("s.yaml", []byte(`sources:
  a:
    kind: graphql
    url: https://a.test/
    subgraph: perhaps
    token: 1
    headers: {X-Api-Key: MARKER}
    tls: {certificate: "file:c.pem", ca: MARKER}
    tables:
      one: {}
      two: {field: two, entity: {type: Two}}
      three: {field: three, arguments: {id: {in: "ids: ID", eq: "id: [ID!]", gte: "from: ID) { x }", lte: "to: Int!"}}}
`))
	if err == nil || strings.Contains(err.Error(), "MARKER") {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"s.yaml:5: sources.a.subgraph: neither", "s.yaml:6: sources.a.token: neither", "s.yaml:7: sources.a.headers.X-Api-Key: not a reference",
		"s.yaml:8: sources.a.tls: a certificate needs", "s.yaml:8: sources.a.tls.ca: not a reference", "sources.a.tables.one.field: missing",
		"sources.a.tables.two.entity.key: missing", "three.arguments.id.in: in takes a list", "three.arguments.id.eq: in takes a list", "three.arguments.id.gte: not an argument"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
}

func TestSecretsThatAreNoneAreNamedNeverQuoted(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"no.pem": []byte("MARKER")})
	for config, want := range map[string]string{
		`headers: {X-Api-Key: env:NONE}`:                        "header X-Api-Key",
		`headers: {X-Api-Key: env:TWO}`:                         "X-Api-Key",
		`tls: {ca: "file:no.pem"}`:                              "tls.ca",
		`tls: {ca: "file:none.pem"}`:                            "tls.ca",
		`tls: {certificate: "file:no.pem", key: "file:no.pem"}`: "tls.certificate",
	} {
		cfg, err := open.Parse("s.yaml", []byte("sources:\n  a:\n    kind: graphql\n    url: https://127.0.0.1:1/\n    tables: {}\n    "+config+"\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = open.Open(t.Context(), cfg, open.Options{Dir: dir, Relations: func(string) []*source.Relation { return nil },
			Getenv: func(name string) string { return map[string]string{"TWO": "MARKER\nX-B: c"}[name] }})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "MARKER") {
			t.Errorf("%s: got %v", config, err)
		}
	}
}

func TestASubgraphNobodyPreparedIsDescribed(t *testing.T) {
	server := httptest.NewServer(&subgraph{})
	t.Cleanup(server.Close)
	tables, err := open.Describe(t.Context(), server.URL, 100, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text := introspect.Draft(tables); !strings.Contains(text, `type Sensor @source(table: "Sensor") @key(fields: "id") {`) {
		t.Errorf("got\n%s", text)
	}
}
