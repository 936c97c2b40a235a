package privacy

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

func orderScope() Scope {
	return Scope{Agreement: "a", Purpose: "p", Root: slices.Repeat([]byte{7}, RootKeySize)}
}

func hashOf(t *testing.T, s Scope, c Coordinate) *OrderHash {
	t.Helper()
	h, err := NewOrderHash(s, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOrderHashIsSHA256OverKeyAndText(t *testing.T) {
	h := hashOf(t, orderScope(), "T.id")
	for _, text := range []string{"", "a", string(make([]byte, 300))} {
		sum := sha256.Sum256(append(slices.Clone(h.key[:]), text...))
		if h.Of([]byte(text)) != int64(binary.BigEndian.Uint64(sum[:])) {
			t.Errorf("%d bytes", len(text))
		}
	}
}

func TestOrderHashDiffersByScopeAndField(t *testing.T) {
	seen := map[int64]string{}
	for _, agreement := range []string{"a", "b"} {
		for _, purpose := range []string{"p", "q"} {
			for _, field := range []Coordinate{"T.id", "T.other"} {
				s := orderScope()
				s.Agreement, s.Purpose = agreement, purpose
				n := hashOf(t, s, field).Of([]byte("x"))
				if other, ok := seen[n]; ok {
					t.Errorf("%s and %s %s %s share an order", other, agreement, purpose, field)
				}
				seen[n] = fmt.Sprint(agreement, purpose, field)
			}
		}
	}
	if _, err := NewOrderHash(Scope{}, "T.id"); !errors.Is(err, ErrRootKey) {
		t.Errorf("without a key: %v", err)
	}
}

// A hash tells two values apart and keeps them linkable: it may order rows and must never leave.
func TestOrderHashesAreNotReleased(t *testing.T) {
	c, err := hashOf(t, orderScope(), "Resident.name").Column(raw().Columns[0])
	if err != nil || c.Kind != BigInt || !c.IsNull(1) || c.Int(0) == c.Int(2) {
		t.Fatal(c, err)
	}
	table := &Table{Rows: 3, Columns: []*Column{c}}
	for _, o := range []Output{output(ReleaseRaw, Obligation{}), output(ReleaseTransformed, owed), output(ReleaseTransformed, scrambled)} {
		o.Kind = BigInt
		if _, err := Apply(table, []Output{o}, transforms(masked), orderScope()); err == nil {
			t.Errorf("released as %d %v", o.Release, o.Obligation)
		}
	}
}

func TestApplyTakesWhatMeetsItsObligationAlready(t *testing.T) {
	c, _ := masked(raw().Columns[0])
	table := &Table{Rows: 3, Columns: []*Column{c}}
	never := transforms(func(*Column) (*Column, error) { return nil, errors.New("transformed twice") })
	r, err := Apply(table, []Output{output(ReleaseTransformed, owed)}, never, Scope{})
	if err != nil || r.Column("n").Text(0) != "***" {
		t.Fatal(err)
	}
	other := output(ReleaseTransformed, Obligation{Method: "mask"})
	if _, err := Apply(table, []Output{other}, never, Scope{}); !errors.Is(err, ErrDomain) {
		t.Errorf("another obligation: %v", err)
	}
	c.Coordinate = "Resident.ward"
	if _, err := Apply(table, []Output{output(ReleaseTransformed, owed)}, never, Scope{}); !errors.Is(err, ErrRefused) {
		t.Errorf("another coordinate: %v", err)
	}
}
