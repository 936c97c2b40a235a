package tensor

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"sort"
	"strings"
)

// safeEntry is one tensor of a safetensors header.
type safeEntry struct {
	Type    string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

var safeSizes = map[string]int{"F32": 4, "I64": 8, "F16": 2, "BF16": 2, "I8": 1, "U8": 1, "I32": 4, "F64": 8, "BOOL": 1, "I16": 2}

// Safetensors is a checked safetensors file.
type Safetensors struct {
	entries map[string]safeEntry
	data    []byte
}

// ReadSafetensors checks a safetensors file: u64 header length, JSON header, data. As the format asks, tensors cover the
// data without gap or overlap, and the header is at most 100 MB (here: 1 MB).
func ReadSafetensors(blob []byte) (*Safetensors, error) {
	if len(blob) < 8 {
		return nil, refuse("too short for safetensors")
	}
	n := binary.LittleEndian.Uint64(blob)
	if n > maxHeader || n > uint64(len(blob)-8) || n == 0 || blob[8] != '{' {
		return nil, refuse("header length")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(blob[8:8+n], &raw); err != nil {
		return nil, refuse("header is not JSON")
	}
	if err := onceEach(blob[8 : 8+n]); err != nil {
		return nil, err
	}
	delete(raw, "__metadata__")
	if len(raw) > maxItems {
		return nil, refuse("too many tensors")
	}
	s := &Safetensors{entries: map[string]safeEntry{}, data: blob[8+n:]}
	for name, text := range raw {
		var e safeEntry
		if err := strictJSON(text, &e); err != nil {
			return nil, err
		}
		s.entries[name] = e
	}
	return s, s.check()
}

// onceEach refuses a header that names a tensor twice, which encoding/json would let pass.
func onceEach(text []byte) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return refuse("header is not JSON")
	}
	seen := map[string]bool{}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		var skip json.RawMessage
		if err != nil || !ok || seen[name] || d.Decode(&skip) != nil {
			return refuse("a name is there twice")
		}
		seen[name] = true
	}
	return nil
}

func (s *Safetensors) check() error {
	all := make([]safeEntry, 0, len(s.entries))
	for _, e := range s.entries {
		n, ok := safeSizes[e.Type]
		for _, d := range e.Shape {
			if d < 0 || d > 0 && n > math.MaxInt32/d {
				return refuse("shape")
			}
			n *= d
		}
		if !ok || e.Offsets[0] < 0 || e.Offsets[1]-e.Offsets[0] != n {
			return refuse("type, shape and offsets do not agree")
		}
		all = append(all, e)
	}
	sort.Slice(all, func(i, j int) bool {
		return all[i].Offsets[0] < all[j].Offsets[0] || all[i].Offsets[0] == all[j].Offsets[0] && all[i].Offsets[1] < all[j].Offsets[1]
	})
	at := 0
	for _, e := range all {
		if e.Offsets[0] != at {
			return refuse("a gap or an overlap")
		}
		at = e.Offsets[1]
	}
	if at != len(s.data) {
		return refuse("bytes after the last tensor")
	}
	return nil
}

// Float copies an F32 tensor out. A dimension of -1 fits any.
func (s *Safetensors) Float(name string, shape ...int) ([]float32, error) {
	e, ok := s.entries[name]
	if !ok || e.Type != "F32" || !sameShape(e.Shape, shape) {
		return nil, refuse("tensor %.60q of type F32 and shape %v is not there", name, shape)
	}
	return floats(s.data[e.Offsets[0]:e.Offsets[1]], name)
}
