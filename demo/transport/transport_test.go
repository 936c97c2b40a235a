package transport

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(t *testing.T, options Options, query string, variables map[string]any) map[string]any {
	t.Helper()
	service, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	recorder := httptest.NewRecorder()
	service.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body))))
	var out map[string]any
	if err := json.Unmarshal(recorder.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v in %s", err, recorder.Body)
	}
	return out
}

func list(t *testing.T, out map[string]any, name string) []any {
	t.Helper()
	data, ok := out["data"].(map[string]any)
	if !ok {
		t.Fatalf("no data: %v", out["errors"])
	}
	return data[name].([]any)
}

func TestAllSensorsAndAllReadingsAreServed(t *testing.T) {
	out := ask(t, Options{}, `{ sensors { id districtId name kind } readings { id } }`, nil)
	if got := len(list(t, out, "sensors")); got != 40 {
		t.Errorf("%d sensors, want 40", got)
	}
	if got := len(list(t, out, "readings")); got != 40*168 {
		t.Errorf("%d readings, want %d", got, 40*168)
	}
}

func TestArgumentsFilterAndPage(t *testing.T) {
	query := `query Q($d: [ID!], $from: String, $to: String, $n: Int, $skip: Int) {
	  all: readings(districtIds: $d, from: $from, to: $to) { ...R }
	  page: readings(districtIds: $d, from: $from, to: $to, limit: $n, offset: $skip) { ...R }
	}
	fragment R on Reading { id districtId time speed __typename }`
	out := ask(t, Options{}, query, map[string]any{"d": []string{"D01"}, "from": "2025-11-07T08:00:00Z",
		"to": "2025-11-07T09:00:00Z", "n": 3, "skip": 2})
	all, page := list(t, out, "all"), list(t, out, "page")
	if len(all) != 8 { // four sensors, two hours
		t.Fatalf("%d readings, want 8", len(all))
	}
	for i, row := range page {
		if row.(map[string]any)["id"] != all[i+2].(map[string]any)["id"] {
			t.Errorf("row %d of the page is not row %d of the list", i, i+2)
		}
	}
	if len(page) != 3 {
		t.Errorf("%d rows on the page, want 3", len(page))
	}
	for _, row := range all {
		if row.(map[string]any)["districtId"] != "D01" || row.(map[string]any)["__typename"] != "Reading" {
			t.Errorf("unexpected row %v", row)
		}
	}
}

func TestAnEmptyListOfKeysMatchesNothing(t *testing.T) {
	out := ask(t, Options{}, `{ readings(sensorIds: []) { id } }`, nil)
	if got := len(list(t, out, "readings")); got != 0 {
		t.Errorf("%d readings for no sensor", got)
	}
}

func TestMistakesAreErrorsNotPanics(t *testing.T) {
	for _, query := range []string{"", "{", "{ nothing }", "{ readings(limit: -1) { id } }", `{ readings(from: "noon") { id } }`,
		"query A { sensors { id } } query B { sensors { id } }"} {
		if out := ask(t, Options{}, query, nil); out["errors"] == nil {
			t.Errorf("%q was answered", query)
		}
	}
}

func TestALeavingClientIsObserved(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	arrived, left := make(chan struct{}, 1), make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Serve(ctx, listener, Options{Delay: time.Hour,
			OnRequest: func() { arrived <- struct{}{} }, OnCancel: func() { left <- struct{}{} }})
	}()
	asking, leave := context.WithCancel(t.Context())
	go func() { <-arrived; leave() }()
	r, err := http.NewRequestWithContext(asking, http.MethodPost, "http://"+listener.Addr().String(), strings.NewReader(`{"query":"{sensors{id}}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if response, err := http.DefaultClient.Do(r); err == nil {
		response.Body.Close()
		t.Error("an answer came before the delay")
	}
	<-left
	stop()
	if err := <-done; err != nil {
		t.Errorf("stopped with %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestItIsASubgraph(t *testing.T) {
	out := ask(t, Options{}, `{ _service { sdl } }`, nil)
	if out["data"].(map[string]any)["_service"].(map[string]any)["sdl"] != schemaText {
		t.Errorf("got %v", out)
	}
	query := `query($r: [_Any!]!) { rows: _entities(representations: $r) { __typename ... on Sensor { c0: id c1: name } ...R } } fragment R on Reading { id }`
	out = ask(t, Options{}, query, map[string]any{"r": []any{
		map[string]any{"__typename": "Reading", "id": "nothing"}, map[string]any{"__typename": "Sensor", "id": "S-773869"}}})
	rows := list(t, out, "rows")
	if len(rows) != 2 || rows[0] != nil || rows[1].(map[string]any)["__typename"] != "Sensor" || rows[1].(map[string]any)["c0"] != "S-773869" {
		t.Errorf("got %v", rows)
	}
	for _, r := range []any{map[string]any{"__typename": "Road", "id": "1"}, map[string]any{}, "x"} {
		if out := ask(t, Options{}, query, map[string]any{"r": []any{r}}); out["errors"] == nil {
			t.Errorf("%v was answered", r)
		}
	}
}
