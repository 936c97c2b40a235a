package main

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func TestAnswersSayHowFreshTheirSourcesAre(t *testing.T) {
	world := maps.Clone(mockWorld)
	world["sources.yaml"] = `sources:
  library:
    kind: memory
    tables: {libraries: libraries.csv, loans: loans.csv}
    freshness: {type: Loan, field: lentAt, precision: 24h}
`
	world["libraries.csv"] = "id,name,region,email,opened,seats\nL1,Alderwick,Norvale,a@example.org,2001-02-03,12\n"
	world["loans.csv"] = "id,libraryId,reader,lentAt,fine\n00000000-0000-8000-8000-000000000001,L1,r1,2025-03-04T05:06:07Z,1.5\n"
	ask := libraryGateway(t, world)
	const want = `"sources":[{"name":"library","asOf":"2025-03-04T00:00:00Z","read":"20`
	deadline := time.Now().Add(patience)
	for again := time.Tick(20 * time.Millisecond); ; <-again { // the first reading is on its way when the gateway is ready
		body := ask(`{ libraries { nodes { name } } }`)
		if strings.Contains(body, want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in %s", want, body)
		}
	}
	if body := ask(`{ __typename }`); strings.Contains(body, "asOf") {
		t.Errorf("a source that was not asked: %s", body)
	}
}
