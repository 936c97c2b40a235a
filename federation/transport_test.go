package federation

import "testing"

func TestBodyIsOneObjectWithEachMemberOnce(t *testing.T) {
	good := `{"query":"{a}","variables":{"x":1},"operationName":"q","extensions":{"y":[1]}}`
	p, err := parseBody([]byte(good))
	if err != nil || p.Query != "{a}" || p.OperationName != "q" || len(p.Variables) != 1 {
		t.Fatalf("parseBody = %+v, %v", p, err)
	}
	for name, body := range map[string]string{
		"duplicate": `{"query":"{a}","query":"{b}"}`,
		"trailing":  `{"query":"{a}"}{}`,
		"batch":     `[{"query":"{a}"}]`,
		"no query":  `{"variables":{}}`,
		"wrong":     `{"query":1}`,
		"open":      `{"query":"{a}"`,
		"empty":     ``,
	} {
		if _, err := parseBody([]byte(body)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
