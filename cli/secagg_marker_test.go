package cli

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"concordat/federation/agent"
	"concordat/privacy/secagg"
)

// marker is one agency's only row: values that occur nowhere else. They are kept masked, and made plain only for a
// moment in buffers that are wiped, so that a search of this process's own memory does not find what the test holds.
type marker struct{ patient, cost [9]byte }

const mask = 0x5a

func newMarker(n int) marker {
	var m marker
	copy(m.patient[:], fmt.Sprintf("qzx%06d", 731_994+n*17))
	copy(m.cost[:], fmt.Sprintf("4%06d73", 918_273+n*31)) // in cents
	for i := range m.patient {
		m.patient[i] ^= mask
		m.cost[i] ^= mask
	}
	return m
}

// needle gives one encoding of the marker, still masked.
func (m marker) needles() map[string][]byte {
	plain := func(b []byte) []byte {
		out := make([]byte, len(b))
		for i := range b {
			out[i] = b[i] ^ mask
		}
		return out
	}
	patient, cost := plain(m.patient[:]), plain(m.cost[:])
	var v uint64
	for _, c := range cost {
		v = v*10 + uint64(c-'0')
	}
	out := map[string][]byte{
		"patient": patient, "cost in cents": cost, "cost as decimal": slices.Concat(cost[:7], []byte("."), cost[7:]),
		"cost, little endian": binary.LittleEndian.AppendUint64(nil, v), "cost, big endian": binary.BigEndian.AppendUint64(nil, v),
	}
	for _, name := range []string{"patient", "cost in cents"} {
		out[name+" in hex"] = []byte(hex.EncodeToString(out[name]))
		out[name+" in base64"] = []byte(base64.StdEncoding.EncodeToString(out[name]))
	}
	for _, b := range out {
		for i := range b {
			b[i] ^= mask
		}
	}
	return out
}

// holds searches for a masked needle without ever holding it in the clear.
func holds(haystack, masked []byte) bool {
	first := masked[0] ^ mask
	for at := 0; ; {
		i := bytes.IndexByte(haystack[at:], first)
		if i < 0 || at+i+len(masked) > len(haystack) {
			return false
		}
		at += i
		found := true
		for j := range masked {
			if haystack[at+j] != masked[j]^mask {
				found = false
				break
			}
		}
		if found {
			return true
		}
		at++
	}
}

// TestMarkersOfAnAgencyAreNowhereAtTheGateway runs four agencies as processes, this process being the gateway, and looks
// for their values in the gateway's heap, logs, state on disk and the answer.
func TestMarkersOfAnAgencyAreNowhereAtTheGateway(t *testing.T) {
	dir := t.TempDir()
	var logs bytes.Buffer
	r := &regions{dir: dir, hublog: &logs, members: map[string]ed25519.PublicKey{}, tables: map[string]*secagg.Table{}, processes: map[string]*exec.Cmd{}}
	var written [][]byte
	r.data = func(_ string, n uint64) ([]byte, *secagg.Table) {
		m := newMarker(int(n))
		text := []byte("patient,sex,age,ward,smoker,days,cost,died\n")
		for _, b := range m.patient {
			text = append(text, b^mask)
		}
		text = append(text, ",f,50,surgery,no,3,"...)
		for i, b := range m.cost {
			if i == 7 {
				text = append(text, '.')
			}
			text = append(text, b^mask)
		}
		text = append(text, ",0\n"...)
		written = append(written, text)
		return text, nil
	}
	stop, err := r.start(t.Context())
	defer func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}()
	if err != nil {
		t.Fatal(err)
	}
	for i := range written { // the positive control, and then away with it
		for name, needle := range newMarker(i).needles() {
			if (name == "patient" || name == "cost as decimal") && !holds(written[i], needle) {
				t.Fatal("the search does not find what is there:", name)
			}
		}
		clear(written[i])
	}
	s, err := r.hub.Prepare(t.Context(), agent.Plan{Members: r.members, Threshold: 3})
	if err != nil {
		t.Fatal(err)
	}
	q := demoMeasure{measure: secagg.Measure{Fn: secagg.Sum, Field: "cost"}}.question(s.ID(), r.key.Public().Thumbprint())
	q.Fields[0].Upper = 10_000_000_000
	token, err := r.token(q)
	if err != nil {
		t.Fatal(err)
	}
	report, err := s.Ask(t.Context(), q, r.key.Public(), token)
	if err != nil {
		t.Fatal(err, report)
	}
	answer, err := report.Answer.Encode()
	if err != nil {
		t.Fatal(err)
	}
	places := map[string][]byte{"answer": answer, "log": logs.Bytes(), "heap": heap(t)}
	for path, text := range files(t, filepath.Join(dir, "gateway")) {
		places[path] = text
	}
	for i := range written {
		for encoding, needle := range newMarker(i).needles() {
			for place, text := range places {
				if holds(text, needle) {
					t.Errorf("agency %d: %s is in the gateway's %s", i, encoding, place)
				}
			}
		}
	}
	opened, err := r.key.Open(report.Answer, q, r.members)
	if err != nil || opened[0] < 4*400_000_000 {
		t.Fatal(opened, err)
	}
}

// heap is a dump of this process's whole heap.
func heap(t *testing.T) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	debug.FreeOSMemory() // what the test itself held for a moment is collected
	debug.WriteHeapDump(f.Fd())
	text, err := os.ReadFile(f.Name())
	if err != nil || !bytes.HasPrefix(text, []byte("go1.7 heap dump")) {
		t.Fatal("no heap dump", err)
	}
	return text
}

func files(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "LOCK") {
			return err
		}
		out[path], err = os.ReadFile(path)
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatal("no state on disk", err)
	}
	return out
}
