package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
	_ "modernc.org/sqlite" // the driver of the same library that the gateway reads with

	"concordat/policy/authn"
)

// peer is what a team would write by hand for this one question: it verifies the token once and remembers it, joins
// by key with statements prepared in advance, and encodes with encoding/json. It knows no policy, no schema and no
// ledger.
type peer struct {
	keys     jwk.Set
	verified sync.Map // SHA-256 of a token -> when it expires

	admissions, residents, conditions *sql.Stmt
}

// runPeer serves until its standard input ends, and says on standard output where.
func runPeer(dir string) error {
	p, err := newPeer(dir)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("ready http://%s/\n", l.Addr())
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql", p.answer)
	mux.HandleFunc("GET /metrics", memory)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		os.Stdin.Read(make([]byte, 1)) //nolint:errcheck // its end is the message
		s.Close()                      //nolint:errcheck // the process ends
	}()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func newPeer(dir string) (*peer, error) {
	text, err := os.ReadFile(filepath.Join(dir, "jwks.json"))
	if err != nil {
		return nil, err
	}
	p := &peer{}
	if p.keys, err = jwk.Parse(text); err != nil {
		return nil, err
	}
	hospital, err := database(dir, "hospital_a.db")
	if err != nil {
		return nil, err
	}
	registry, err := database(dir, "registry.db")
	if err != nil {
		return nil, err
	}
	twenty := "(?" + strings.Repeat(",?", first-1) + ")"
	for _, s := range []struct {
		into *(*sql.Stmt)
		db   *sql.DB
		text string
	}{
		{&p.admissions, hospital, "SELECT id, ward, admitted_on, diagnosis, days_in_hospital, patient_id FROM admissions WHERE ward = ? ORDER BY id LIMIT ?"},
		{&p.residents, registry, "SELECT national_id, name, sex, birth_date, postcode, district_id FROM residents WHERE national_id IN " + twenty},
		{&p.conditions, hospital, "SELECT admission_id, id, code, description, onset FROM conditions WHERE admission_id IN " + twenty + " ORDER BY id"},
	} {
		if *s.into, err = s.db.Prepare(s.text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func database(dir, name string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, name)+"?mode=ro")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	db.SetMaxIdleConns(4)
	return db, nil
}

// request is what the peer understands: the question is fixed, its variables are not.
type request struct {
	Query     string `json:"query"`
	Variables struct {
		Ward  string `json:"ward"`
		First int    `json:"first"`
	} `json:"variables"`
}

func (p *peer) answer(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !p.verify(token) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	var q request
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<18)).Decode(&q); err != nil || q.Variables.First > first {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	stays, err := p.read(r.Context(), q.Variables.Ward, q.Variables.First)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var out reply
	out.Data.Admissions.Nodes = stays
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out) //nolint:errcheck // the client has gone
}

// verify checks signature, issuer, audience and expiry, once for each token.
func (p *peer) verify(token string) bool {
	key := sha256.Sum256([]byte(token))
	if expires, ok := p.verified.Load(key); ok {
		return time.Now().Before(expires.(time.Time))
	}
	t, err := jwt.Parse([]byte(token), jwt.WithKeySet(p.keys, jws.WithRequireKid(true)), jwt.WithIssuer(authn.DevelopmentIssuer),
		jwt.WithAudience(authn.DevelopmentAudience), jwt.WithValidate(true))
	if err != nil {
		return false
	}
	expires, ok := t.Expiration()
	if ok {
		p.verified.Store(key, expires)
	}
	return ok
}

type reply struct {
	Data struct {
		Admissions struct {
			Nodes []*stay `json:"nodes"`
		} `json:"admissions"`
	} `json:"data"`
}

type stay struct {
	ID         string        `json:"id"`
	Ward       string        `json:"ward"`
	AdmittedOn string        `json:"admittedOn"`
	Diagnosis  string        `json:"diagnosis"`
	Days       *int64        `json:"daysInHospital"`
	PatientID  string        `json:"patientId"`
	Patient    *resident     `json:"patient"`
	Conditions conditionList `json:"conditions"`
}

type resident struct {
	NationalID string `json:"nationalId"`
	Name       string `json:"name"`
	Sex        string `json:"sex"`
	BirthDate  string `json:"birthDate"`
	Postcode   string `json:"postcode"`
	District   string `json:"districtId"`
}

type conditionList struct {
	Nodes []condition `json:"nodes"`
}

type condition struct {
	ID          string `json:"id"`
	Code        string `json:"code"`
	Description string `json:"description"`
	Onset       string `json:"onset"`
}

func (p *peer) read(ctx context.Context, ward string, first int) ([]*stay, error) {
	stays, err := p.stays(ctx, ward, first)
	if err != nil {
		return nil, err
	}
	patients, conditions := make(chan error, 1), make(chan error, 1)
	go func() { patients <- p.patients(ctx, stays) }()
	go func() { conditions <- p.conditionsOf(ctx, stays) }()
	return stays, errors.Join(<-patients, <-conditions)
}

func (p *peer) stays(ctx context.Context, ward string, first int) ([]*stay, error) {
	rows, err := p.admissions.QueryContext(ctx, ward, first)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stays := make([]*stay, 0, first)
	for rows.Next() {
		s := &stay{Conditions: conditionList{[]condition{}}}
		if err := rows.Scan(&s.ID, &s.Ward, &s.AdmittedOn, &s.Diagnosis, &s.Days, &s.PatientID); err != nil {
			return nil, err
		}
		stays = append(stays, s)
	}
	return stays, rows.Err()
}

// keys are the arguments of a statement for twenty keys; fewer are filled up with NULL, which equals nothing.
func keys(stays []*stay, of func(*stay) string) []any {
	out := make([]any, first)
	for i, s := range stays {
		out[i] = of(s)
	}
	return out
}

func (p *peer) patients(ctx context.Context, stays []*stay) error {
	rows, err := p.residents.QueryContext(ctx, keys(stays, func(s *stay) string { return s.PatientID })...)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := make(map[string]*resident, len(stays))
	for rows.Next() {
		r := &resident{}
		if err := rows.Scan(&r.NationalID, &r.Name, &r.Sex, &r.BirthDate, &r.Postcode, &r.District); err != nil {
			return err
		}
		found[r.NationalID] = r
	}
	for _, s := range stays {
		s.Patient = found[s.PatientID]
	}
	return rows.Err()
}

func (p *peer) conditionsOf(ctx context.Context, stays []*stay) error {
	rows, err := p.conditions.QueryContext(ctx, keys(stays, func(s *stay) string { return s.ID })...)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := make(map[string][]condition, len(stays))
	for rows.Next() {
		var id string
		var c condition
		if err := rows.Scan(&id, &c.ID, &c.Code, &c.Description, &c.Onset); err != nil {
			return err
		}
		if len(found[id]) < 10 {
			found[id] = append(found[id], c)
		}
	}
	for _, s := range stays {
		if of := found[s.ID]; of != nil {
			s.Conditions.Nodes = of
		}
	}
	return rows.Err()
}

// memory says how much was allocated so far, by the names that the gateway's metrics have.
func memory(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_alloc_bytes_total %d\n", m.Mallocs, m.TotalAlloc)
}
