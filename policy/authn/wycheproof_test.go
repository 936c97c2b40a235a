package authn

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// The vectors are those of Project Wycheproof (github.com/C2SP/wycheproof, testvectors_v1, commit dac1dd4), under
// the Apache License 2.0 beside them.

type wycheproofGroup struct {
	Comment string          `json:"comment"`
	Private json.RawMessage `json:"private"`
	Public  json.RawMessage `json:"public"`
	Tests   []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		JWS     json.RawMessage `json:"jws"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

func wycheproof(t *testing.T, file string) []wycheproofGroup {
	t.Helper()
	text, err := os.ReadFile("testdata/wycheproof/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Groups []wycheproofGroup `json:"testGroups"`
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors.Groups) == 0 {
		t.Fatalf("%d groups, %v", len(vectors.Groups), err)
	}
	return vectors.Groups
}

// acceptsVector asks the parts of the gate that a plain JWS meets: form, key, algorithm and signature. The header's
// members and typ are left out, since no vector is an access token.
func acceptsVector(keys *Keys, raw json.RawMessage) bool {
	var token string
	if json.Unmarshal(raw, &token) != nil {
		return false // a JSON serialisation
	}
	parts, err := split(token)
	if err != nil {
		return false
	}
	header, err := parseObject(parts.header)
	if err != nil {
		return false
	}
	algorithm, _ := header["alg"].(string)
	kid, named := header["kid"].(string)
	for id := range keys.byID {
		if !named {
			kid = id // older vectors name no key; each of those sets has one
		}
	}
	return verifySignature(keys, kid, algorithm, token, parts.signature, testNow) == nil
}

// strictRefusals are the vectors that JOSE allows and the gate does not: a token without claims, and a header whose
// alg is PS384 over a key that says PS256.
var strictRefusals = []int{259, 272, 346, 350}

func TestWycheproofSignatures(t *testing.T) {
	accepted := 0
	var refused []int
	for _, group := range wycheproof(t, "json_web_signature_test.json") {
		keys, err := ParseKeys([]byte(`{"keys":[` + string(withKid(t, group)) + `]}`))
		if err != nil {
			keys = &Keys{} // a key that we refuse lets nothing through
		}
		for _, c := range group.Tests {
			pass := acceptsVector(keys, c.JWS)
			if pass {
				accepted++
			}
			if pass && c.Result != "valid" {
				t.Errorf("%s %d %s: accepted", group.Comment, c.ID, c.Comment)
			}
			if !pass && c.Result == "valid" && err == nil {
				refused = append(refused, c.ID)
			}
		}
	}
	if accepted != 14 || !slices.Equal(refused, strictRefusals) {
		t.Errorf("%d accepted, %v refused although valid", accepted, refused)
	}
}

// withKid gives a key without a name one, which our sets need and the vectors do not all have.
func withKid(t *testing.T, group wycheproofGroup) []byte {
	t.Helper()
	raw := group.Public
	if raw == nil {
		raw = group.Private // symmetric groups have no public half
	}
	var key map[string]any
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	if key["kid"] == nil {
		key["kid"] = "unnamed"
	}
	return must(json.Marshal(key))
}

func TestWycheproofKeySets(t *testing.T) {
	for _, group := range wycheproof(t, "json_web_key_test.json") {
		set := group.Public
		if set == nil {
			set = group.Private
		}
		keys, err := ParseKeys(set)
		if err != nil {
			keys = &Keys{}
		}
		for _, c := range group.Tests {
			pass := acceptsVector(keys, c.JWS)
			if pass && c.Result != "valid" {
				t.Errorf("%s %d %s: accepted", group.Comment, c.ID, c.Comment)
			}
			if !pass && c.Result == "valid" && group.Public != nil {
				t.Errorf("%s %d %s: refused: %v", group.Comment, c.ID, c.Comment, err)
			}
		}
	}
}
