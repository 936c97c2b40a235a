package authn

import "testing"

func TestTheSameIssuersAreThoseWithTheSameKeys(t *testing.T) {
	first, err := CreateIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	second, err := CreateIssuer(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKeys(first.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	same := first.Trusted()
	same.Keys = again
	other := first.Trusted()
	other.Audience = "https://elsewhere.test"
	if !SameIssuers([]Trusted{first.Trusted()}, []Trusted{same}) {
		t.Error("the same keys, read again, differ")
	}
	for _, b := range [][]Trusted{{second.Trusted()}, {other}, nil, {first.Trusted(), second.Trusted()}} {
		if SameIssuers([]Trusted{first.Trusted()}, b) {
			t.Errorf("%v is the same", b)
		}
	}
}
