package federation

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"concordat/federation/execute"
	"concordat/policy/ledger"
)

// Content types of GraphQL over HTTP.
const (
	typeGraphQL = "application/graphql-response+json"
	typeJSON    = "application/json"
)

type executeError = execute.Error

// responseError is one error of an answer: a fixed sentence, a place, a code.
type responseError struct {
	Message    string          `json:"message"`
	Locations  []location      `json:"locations,omitempty"`
	Path       []string        `json:"-"`
	At         []any           `json:"path,omitempty"`
	Extensions errorExtensions `json:"extensions"`
}

type errorExtensions struct {
	Code       Code   `json:"code"`
	Coordinate string `json:"coordinate,omitempty"`
	Agency     string `json:"agency,omitempty"` // that refused by rules of its own, with FORBIDDEN
	ID         string `json:"id,omitempty"`     // of the request, with INTERNAL
}

type location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

func locations(in []gqlerror.Location) []location {
	var out []location
	for _, l := range in {
		out = append(out, location{l.Line, l.Column})
	}
	return out
}

// negotiate checks method and media types, which need no body.
func (x *exchange) negotiate() *refusal {
	x.accept = typeJSON
	if x.request.Method != http.MethodPost {
		r := refuse(MethodNotAllowed, nil)
		r.Header = [2]string{"Allow", "POST"}
		return r
	}
	media, params, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != typeJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return refuse(UnsupportedMediaType, err)
	}
	accept, ok := acceptable(x.request.Header.Values("Accept"))
	if !ok {
		return refuse(NotAcceptable, nil)
	}
	x.accept = accept
	return nil
}

// acceptable picks the answer's type: what the client names first of ours, application/json for a wildcard.
func acceptable(headers []string) (string, bool) {
	if len(headers) == 0 {
		return typeJSON, true
	}
	for _, part := range strings.Split(strings.Join(headers, ","), ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil || params["q"] == "0" {
			continue
		}
		switch media {
		case typeGraphQL:
			return typeGraphQL, true
		case typeJSON, "application/*", "*/*":
			return typeJSON, true
		}
	}
	return typeJSON, false
}

var (
	errDuplicate = errors.New("a member stands twice")
	errTrailing  = errors.New("bytes after the body")
	errShape     = errors.New("not the shape of a GraphQL request")
)

// read reads the body: one JSON object with each member once and nothing behind it, so that what is logged and what
// is executed cannot differ.
func (x *exchange) read(limit int64) *refusal {
	var buffer bytes.Buffer
	if n := x.request.ContentLength; n > 0 && n <= limit {
		buffer.Grow(int(n) + bytes.MinRead) // room for the last read, which finds the end
	}
	_, err := buffer.ReadFrom(http.MaxBytesReader(x.writer, x.request.Body, limit))
	body := buffer.Bytes()
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return refuse(RequestTooLarge, err)
	}
	if err != nil || !utf8.Valid(body) {
		return refuse(BadUserInput, errors.Join(errShape, err))
	}
	if halfInJSON(body) {
		return refuse(BadUserInput, errSurrogate)
	}
	x.params, err = parseBody(body)
	if err != nil {
		return refuse(BadUserInput, err)
	}
	return nil
}

func parseBody(body []byte) (*graphql.RawParams, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errShape
	}
	p := &graphql.RawParams{}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errShape
		}
		if seen[name] {
			return nil, errDuplicate
		}
		seen[name] = true
		if err := member(d, name, p); err != nil {
			return nil, errShape
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errShape
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errTrailing
	}
	if p.Query == "" {
		return nil, errShape
	}
	return p, nil
}

func member(d *json.Decoder, name string, p *graphql.RawParams) error {
	switch name {
	case "query":
		return d.Decode(&p.Query)
	case "operationName":
		return d.Decode(&p.OperationName)
	case "variables":
		return d.Decode(&p.Variables)
	}
	var ignored json.RawMessage // extensions, and members a later edition may add
	return d.Decode(&ignored)
}

// reply is all that leaves.
type reply struct {
	status      int
	contentType string
	header      [2]string
	body        []byte
	code        Code
}

type answerExtensions struct {
	Receipt     ledger.Receipt   `json:"receipt"`
	Obligations []obligationJSON `json:"obligations"`
	Privacy     *privacySpent    `json:"privacy,omitempty"`
	Sources     []sourceJSON     `json:"sources,omitempty"`
	Plan        *planJSON        `json:"plan,omitempty"`
	Invented    bool             `json:"invented,omitempty"` // no value is anybody's: the gateway was started for trying out
}

// planJSON has the shape of what `schema plan --json` prints, and what became of each fetch.
type planJSON struct {
	Steps []execute.Traced `json:"steps"`
}

type obligationJSON struct {
	Coordinate string `json:"coordinate"`
	Method     string `json:"method"`
}

// answerReply makes a reply of an assembled answer and its receipt.
func answerReply(x *exchange, receipt ledger.Receipt) reply {
	ext := answerExtensions{Receipt: receipt, Obligations: []obligationJSON{}, Privacy: x.spent(), Invented: x.snapshot.Invented}
	for _, o := range x.authorized.Obligations() {
		ext.Obligations = append(ext.Obligations, obligationJSON{string(o.Coordinate), o.Method})
	}
	ext.Sources = x.freshness()
	if x.trace != nil {
		ext.Plan = &planJSON{x.trace.Fetches()}
	}
	r := reply{status: http.StatusOK, contentType: x.accept}
	if x.answer.denied {
		r.status, r.code = http.StatusForbidden, Forbidden
	}
	r.body = finish(x.answer.body, x.answer.errors, ext)
	return r
}

// refusalReply makes a reply that holds no data.
func refusalReply(x *exchange, refused *refusal, receipt *ledger.Receipt) reply {
	info := infoOf(refused.Code)
	errs := refused.errors()
	if refused.Code == Internal {
		errs[0].Extensions.ID = x.id
	}
	r := reply{status: info.Status, contentType: x.accept, header: refused.Header, code: refused.Code}
	var ext any
	if receipt != nil {
		ext = answerExtensions{Receipt: *receipt, Obligations: []obligationJSON{}}
	}
	r.body = finish([]byte("{"), errs, ext)
	return r
}

// finish appends errors and extensions. Marshalling what is made of fixed sentences, names and numbers cannot fail;
// if it did, the member is left out and the rest is still JSON.
func finish(body []byte, errs []responseError, ext any) []byte {
	comma := func() {
		if len(body) > 1 {
			body = append(body, ',')
		}
	}
	for i := range errs {
		if errs[i].At == nil {
			for _, p := range errs[i].Path {
				errs[i].At = append(errs[i].At, p)
			}
		}
	}
	if len(errs) > 0 {
		if text, err := json.Marshal(errs); err == nil {
			comma()
			body = append(append(body, `"errors":`...), text...)
		}
	}
	if ext != nil {
		if text, err := json.Marshal(ext); err == nil {
			comma()
			body = append(append(append(body, `"extensions":{"concordat":`...), text...), '}')
		}
	}
	return append(body, '}')
}

func (r reply) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", r.contentType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(r.body)))
	if r.header[0] != "" {
		h.Set(r.header[0], r.header[1])
	}
	w.WriteHeader(r.status)
	w.Write(r.body) //nolint:errcheck // the client has gone: its receipt says what was decided
}
