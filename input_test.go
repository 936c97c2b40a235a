package main

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// marker stands in every hostile request as a value; it must never come back.
const marker = "zq7marker"

// hostile is a request that has to be refused.
type hostile struct {
	name, body string
	status     int
	code       string
	headers    []string
}

func refusedAlike(t *testing.T, h *house, r *recorder, cases []hostile) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a, err := send(t.Context(), h.client, h.url, h.tokens["analyst"], c.body, c.headers...)
			if err != nil {
				t.Fatal(err)
			}
			if a.status != c.status || a.code() != c.code || len(a.Data) > 0 {
				t.Errorf("%d %s, want %d %s: %.600s", a.status, a.code(), c.status, c.code, a.body)
			}
			if bytes.Contains(bytes.ToLower(a.body), []byte(marker)) {
				t.Errorf("the request is echoed: %.600s", a.body)
			}
			if n := r.count(); n > 0 {
				t.Errorf("%d fetches before the refusal", n)
			}
			if len(a.body) > 16<<10 {
				t.Errorf("a refusal of %d bytes", len(a.body))
			}
		})
	}
}

// watchedHouse is a house whose sources are watched.
func watchedHouse(t *testing.T) (*house, *recorder) {
	r := &recorder{}
	return build(t, demoDir(t), houseOptions{wrap: r.wrap}), r
}

const plain = `{ fluWeeks { totalCount } }`

func TestBodiesThatAreNoRequest(t *testing.T) {
	h, r := watchedHouse(t)
	good := operation(plain, nil)
	bad := func(name, body string) hostile {
		return hostile{name: name, body: body, status: 400, code: "BAD_USER_INPUT"}
	}
	refusedAlike(t, h, r, []hostile{
		bad("empty", ""), bad("not JSON", marker), bad("cut off", `{"query": "`+marker), bad("null", "null"), bad("number", "7"), bad("text", `"`+marker+`"`),
		bad("batch", "["+good+","+good+"]"), bad("empty batch", "[]"), bad("no query", `{"operationName": "`+marker+`"}`),
		bad("query is a number", `{"query": 7}`), bad("query is null", `{"query": null}`), bad("variables are a list", `{"query": "{ me { id } }", "variables": ["`+marker+`"]}`),
		bad("variables are a text", `{"query": "{ me { id } }", "variables": "`+marker+`"}`),
		bad("a member twice", `{"query": "{ me { id } }", "query": "`+marker+`"}`), bad("variables twice", `{"query": "{ me { id } }", "variables": {}, "variables": {}}`),
		bad("bytes after the body", good+marker), bad("a second body", good+good), bad("invalid UTF-8", "{\"query\": \"\xff\xfe\"}"),
		bad("NUL", "{\"query\": \"\x00\"}"), bad("deep JSON", `{"query": "x", "variables": {"a": `+strings.Repeat("[", 20000)+`}}`),
		{"too large", `{"query": "` + strings.Repeat(marker, 40000) + `"}`, 413, "REQUEST_TOO_LARGE", nil},
		{"multipart", good, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", `multipart/form-data; boundary=` + marker}},
		{"text/plain", good, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", "text/plain"}},
		{"form", "query=" + marker, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"application/graphql", plain, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", "application/graphql"}},
		{"UTF-16", good, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", "application/json; charset=utf-16"}},
		{"no content type", good, 415, "UNSUPPORTED_MEDIA_TYPE", []string{"Content-Type", ""}},
		{"accepts pages only", good, 406, "NOT_ACCEPTABLE", []string{"Accept", "text/html"}},
	})
}

// Other methods are refused before anything is read, and say which one is taken.
func TestOnlyPostIsTaken(t *testing.T) {
	g := common(t)
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions} {
		request, err := http.NewRequestWithContext(t.Context(), method, g.url+"graphql?query="+marker, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+g.tokens["analyst"])
		a, err := do(g.client, request)
		if err != nil || a.status != 405 || a.code() != "METHOD_NOT_ALLOWED" || a.header.Get("Allow") != "POST" || bytes.Contains(a.body, []byte(marker)) {
			t.Errorf("%s: %v %d %s", method, err, a.status, a.body)
		}
	}
}

// fragments is n fragments, each of which spreads the next one twice.
func fragments(n int, last string) string {
	var b strings.Builder
	b.WriteString("{ districts { nodes { ...F0 } } }\n")
	for i := range n {
		fmt.Fprintf(&b, "fragment F%d on District { ...F%d ...F%d }\n", i, i+1, i+1)
	}
	fmt.Fprintf(&b, "fragment F%d on District { %s }\n", n, last)
	return b.String()
}

// numbered is n copies of a text, each with its number in place of %d.
func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+" ", i)
	}
	return b.String()
}

func TestDocumentsThatAskTooMuch(t *testing.T) {
	h, r := watchedHouse(t)
	complex := func(name, document string) hostile {
		return hostile{name: name, body: operation(document, nil), status: 400, code: "OPERATION_TOO_COMPLEX"}
	}
	refusedAlike(t, h, r, []hostile{
		complex("20,000 repeated fields", "{ districts { nodes { "+strings.Repeat("id ", 20000)+"} } }"),
		complex("fragment bomb", fragments(22, "id")),
		complex("fragments as many as tokens allow", fragments(150, "id")),
		complex("depth", "{ districts { nodes { "+strings.Repeat("residents { nodes { district { ", 8)+"id"+strings.Repeat(" } } }", 8)+" } } }"),
		complex("roots", "{ "+numbered(16, "a%d: districts { totalCount }")+"}"),
		complex("roots in a fragment", "{ ...R } fragment R on Query { "+numbered(16, "a%d: districts { totalCount }")+"}"),
		complex("fields of a fragment that nobody spreads", "{ me { id } } fragment F on District { "+strings.Repeat("id ", 1500)+"}"),
		complex("aliases", "{ districts { nodes { "+strings.Repeat(`id `, 300)+numbered(350, "a%d: id")+"} } b: districts { nodes { ...F ...F ...F } } } fragment F on District { "+strings.Repeat("name ", 150)+"}"),
		complex("directives", "{ districts { totalCount "+strings.Repeat("@skip(if: false) ", 51)+"} }"),
		complex("unknown directives", "{ districts { totalCount "+numbered(51, "@d%d")+"} }"),
		complex("directives of the operation", "query "+numbered(300, "@d%d")+"{ districts { totalCount } }"),
		complex("directives of a fragment", "{ districts { ...F } } fragment F on DistrictConnection "+numbered(300, "@d%d")+"{ totalCount }"),
		complex("literals", `{ districts(where: {id: {in: [`+strings.Repeat(`"`+marker+`", `, 3000)+`]}}) { totalCount } }`),
		{"nested lists", operation(`{ districts(where: {id: {in: `+strings.Repeat("[", 3000)+strings.Repeat("]", 3000)+`}}) { totalCount } }`, nil), 400, "GRAPHQL_PARSE_FAILED", nil},
	})
}

func TestDocumentsThatAreWrong(t *testing.T) {
	h, r := watchedHouse(t)
	wrong := func(name, document string) hostile {
		return hostile{name: name, body: operation(document, nil), status: 400, code: "GRAPHQL_VALIDATION_FAILED"}
	}
	input := func(name, document string) hostile {
		return hostile{name: name, body: operation(document, nil), status: 400, code: "BAD_USER_INPUT"}
	}
	unread := func(name, document string) hostile {
		return hostile{name: name, body: operation(document, nil), status: 400, code: "GRAPHQL_PARSE_FAILED"}
	}
	refusedAlike(t, h, r, []hostile{
		unread("not GraphQL", "select * from "+marker), unread("open brace", "{ districts(where: {id: {eq: \""+marker+"\"}}"),
		unread("open text", `{ districts(where: {id: {eq: "`+marker), unread("type definition", "type "+marker+" { a: Int }"),
		wrong("circular fragments", "{ districts { nodes { ...A } } } fragment A on District { ...B } fragment B on District { ...A }"),
		wrong("a fragment of itself", "{ districts { nodes { ...A } } } fragment A on District { id ...A }"),
		wrong("an unknown directive", "{ districts { totalCount @nosuch } }"), wrong("an unknown fragment", "{ districts { ...Nowhere } }"),
		wrong("a text for a number", `{ districts(first: "`+marker+`") { totalCount } }`),
		wrong("a number for a text", `{ districts(where: {region: {eq: 7}}) { totalCount } }`),
		wrong("a number too large", `{ districts(first: 2147483648) { totalCount } }`), input("a negative number", `{ districts(first: -1) { totalCount } }`),
		wrong("an unknown enum value", `{ districts(orderBy: [{field: `+marker+`}]) { totalCount } }`),
		wrong("an unknown operator", `{ districts(where: {id: {zz: "`+marker+`"}}) { totalCount } }`),
		input("a list of mixed types", `{ districts(where: {id: {in: ["`+marker+`", 7, {}]}}) { totalCount } }`),
		wrong("an integer beyond 32 bits in a filter", `{ districts(where: {population: {gt: 3000000000}}) { totalCount } }`),
		wrong("an integer beyond 32 bits in a list", `{ districts(where: {population: {in: [1, -2147483649]}}) { totalCount } }`),
		wrong("a default beyond 32 bits", `query($n: Int = 2147483648) { districts(first: $n) { totalCount } }`),
		wrong("incremental delivery", `{ ... @defer { districts { totalCount } } }`),
		unread("half of a surrogate pair", `{ districts(where: {id: {eq: "\uD83D `+marker+`"}}) { totalCount } }`),
		wrong("a default of another type", `query($n: Int = "`+marker+`") { districts(first: $n) { totalCount } }`),
		wrong("a subscription", `subscription { districts { totalCount } }`), wrong("no operation", `fragment A on District { id }`),
	})
}

// variables is a request whose variables do not fit.
func variables(name, types, use, values string) hostile {
	document := fmt.Sprintf(`query(%s) { %s }`, types, use)
	return hostile{name: name, status: 400, code: "BAD_USER_INPUT",
		body: fmt.Sprintf(`{"query": %q, "variables": %s}`, document, values)}
}

func TestVariablesThatDoNotFit(t *testing.T) {
	h, r := watchedHouse(t)
	const page = `districts(first: $v) { totalCount }`
	const where = `districts(where: $v) { totalCount }`
	const week = `fluWeeks(where: {week: {gte: $v}}) { totalCount }`
	const after = `districts(first: 1, after: $v) { totalCount }`
	refusedAlike(t, h, r, []hostile{
		variables("over 32 bits", "$v: Int", page, `{"v": 2147483648}`), variables("far over", "$v: Int", page, `{"v": 1e400}`),
		variables("fraction", "$v: Int", page, `{"v": 1.5}`), variables("text", "$v: Int", page, `{"v": "`+marker+`"}`),
		variables("truth", "$v: Int", page, `{"v": true}`), variables("list", "$v: Int", page, `{"v": [[1]]}`),
		variables("object", "$v: Int", page, `{"v": {"`+marker+`": 1}}`), variables("negative", "$v: Int", page, `{"v": -1}`),
		variables("missing", "$v: Int!", page, `{}`), variables("null", "$v: Int!", page, `{"v": null}`),
		variables("unknown member", "$v: DistrictFilter", where, `{"v": {"`+marker+`": {"eq": "x"}}}`),
		variables("filter is a text", "$v: DistrictFilter", where, `{"v": "`+marker+`"}`),
		variables("operator on a list", "$v: DistrictFilter", where, `{"v": {"id": ["`+marker+`"]}}`),
		variables("deep filter", "$v: DistrictFilter", where, `{"v": `+strings.Repeat(`{"not": `, 5000)+`{}`+strings.Repeat(`}`, 5000)+`}`),
		variables("a member over 32 bits", "$v: DistrictFilter", where, `{"v": {"population": {"eq": 2147483648}}}`),
		variables("a member of a list over 32 bits", "$v: DistrictFilter", where, `{"v": {"population": {"in": [1, 2147483648]}}}`),
		variables("a number as a text", "$v: Int", page, `{"v": "7"}`),
		variables("an enum value in another case", "$v: [DistrictOrder!]", `districts(orderBy: $v) { totalCount }`, `{"v": [{"field": "ID"}]}`),
		variables("half of a surrogate pair", "$v: DistrictFilter", where, `{"v": {"id": {"eq": "`+marker+`\ude00"}}}`),
		variables("no date", "$v: Date", week, `{"v": "`+marker+`"}`), variables("a day that is not", "$v: Date", week, `{"v": "2025-02-30"}`),
		variables("date is a number", "$v: Date", week, `{"v": 20250101}`),
		variables("cursor of noise", "$v: String", after, `{"v": "`+marker+`"}`), variables("cursor of base64", "$v: String", after, `{"v": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`),
		variables("cursor is a number", "$v: String", after, `{"v": 7}`),
	})
}

// A cursor opens only for the caller and the list that it was given for.
func TestForeignCursorsAreRefused(t *testing.T) {
	g := common(t)
	const document = `query($c: String) { fluWeeks(first: 1, after: $c, orderBy: [{field: week}]) { nodes { week } pageInfo { endCursor } } }`
	first := g.ask(t, "analyst", document, nil)
	var data struct {
		FluWeeks struct{ PageInfo struct{ EndCursor string } }
	}
	mustDecode(t, first.Data, &data)
	cursor := data.FluWeeks.PageInfo.EndCursor
	c := map[string]any{"c": cursor}
	if a := g.ask(t, "analyst", document, c); a.status != 200 || essence(a) == essence(first) {
		t.Fatalf("the next page: %d %s", a.status, a.body)
	}
	changed := map[string]any{"c": string(flipped([]byte(cursor), len(cursor)/2))}
	for name, a := range map[string]answer{
		"another caller": g.ask(t, "partner", document, c), "an altered cursor": g.ask(t, "analyst", document, changed),
		"another list":   g.ask(t, "analyst", `query($c: String) { districts(first: 1, after: $c) { nodes { id } } }`, c),
		"another order":  g.ask(t, "analyst", strings.Replace(document, "field: week", "field: region", 1), c),
		"another filter": g.ask(t, "analyst", strings.Replace(document, "first: 1,", `first: 1, where: {region: {eq: "Norvale"}},`, 1), c),
	} {
		if a.status != 400 || a.code() != "BAD_USER_INPUT" || bytes.Contains(a.body, []byte(cursor)) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

// What is wrong with a token is said only as RFC 6750 does, and never repeats it.
func TestRequestsWithoutAValidToken(t *testing.T) {
	g := common(t)
	good := g.tokens["analyst"]
	for name, token := range map[string]string{
		"none": "", "noise": marker, "three parts of noise": marker + "." + marker + "." + marker, "cut off": good[:len(good)-8],
		"another signature": good[:len(good)-8] + "AAAAAAAA", "huge": strings.Repeat(marker, 2000),
	} {
		a, err := send(t.Context(), g.client, g.url, token, "this is not even JSON")
		if err != nil || a.status != 401 || a.code() != "UNAUTHENTICATED" || !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") ||
			bytes.Contains(a.body, []byte(marker)) || a.Extensions.Concordat.Receipt != nil {
			t.Errorf("%s: %v %d %s", name, err, a.status, a.body)
		}
	}
	a, err := send(t.Context(), g.client, g.url, good, operation(plain, nil), "Concordat-Purpose", marker)
	if err != nil || a.status != 403 || a.code() != "PURPOSE_REQUIRED" || bytes.Contains(a.body, []byte(marker)) || a.Extensions.Concordat.Receipt == nil {
		t.Errorf("another purpose: %v %d %s", err, a.status, a.body)
	}
}
