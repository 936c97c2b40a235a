package tensor

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// testdata/small.model and small.safetensors were written by scripts/models/make_tensor_vectors.py with shelf.py and the
// safetensors package.
func vector(t testing.TB, name string) []byte {
	t.Helper()
	blob, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func TestModelFileReadsAsWritten(t *testing.T) {
	f, err := Read(vector(t, "small.model"))
	if err != nil {
		t.Fatal(err)
	}
	if f.Kind != "test" || string(f.Meta) != `{"a":1}` || f.Rows("m") != 3 || !f.Has("m", I8) {
		t.Errorf("%+v", f)
	}
	bias, err := f.Float("bias", -1)
	if err != nil || len(bias) != 3 || bias[2] != -2.5 {
		t.Error(bias, err)
	}
	q, scale, err := f.Int8("m", 3, 2)
	if err != nil || q[0] != 127 || q[1] != -127 || math.Abs(float64(scale[1])-4.0/127) > 1e-7 {
		t.Error(q, scale, err)
	}
	text, err := f.Text("vocab")
	if err != nil || text != "a\nß\n" {
		t.Error(text, err)
	}
}

func TestWrongNameTypeOrShapeIsRefused(t *testing.T) {
	f, err := Read(vector(t, "small.model"))
	if err != nil {
		t.Fatal(err)
	}
	_, e1 := f.Float("none", 3)
	_, e2 := f.Float("bias", 4)
	_, e3 := f.Float("m", 3, 2)
	_, _, e4 := f.Int8("bias", 3, 1)
	_, e5 := f.Text("bias")
	_, _, e6 := f.Int8("m", 2, 3)
	for i, err := range []error{e1, e2, e3, e4, e5, e6} {
		if !errors.Is(err, ErrFile) {
			t.Errorf("case %d: %v", i+1, err)
		}
	}
}

func TestEveryChangedFrameIsRefused(t *testing.T) {
	good := vector(t, "small.model")
	data := 16 + int(binary.LittleEndian.Uint32(good[8:]))
	for name, change := range map[string]func([]byte) []byte{
		"magic":         func(b []byte) []byte { b[0] = 'X'; return b },
		"cut":           func(b []byte) []byte { return b[:len(b)-1] },
		"longer":        func(b []byte) []byte { return append(b, 0) },
		"reserved":      func(b []byte) []byte { b[12] = 1; return b },
		"header length": func(b []byte) []byte { binary.LittleEndian.PutUint32(b[8:], 1<<31); return b },
		"padding":       func(b []byte) []byte { b[data+63] = 1; return b },
		"unknown field": func(b []byte) []byte { return []byte(strings.Replace(string(b), `"kind"`, `"kinx"`, 1)) },
		"empty":         func([]byte) []byte { return nil },
	} {
		if _, err := Read(change(append([]byte(nil), good...))); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFloatsThatAreNotFiniteAreRefused(t *testing.T) {
	blob := vector(t, "small.model")
	var h header
	n := binary.LittleEndian.Uint32(blob[8:])
	if err := json.Unmarshal(blob[16:16+n], &h); err != nil {
		t.Fatal(err)
	}
	for _, e := range h.Tensors {
		if e.Name == "bias" {
			binary.LittleEndian.PutUint32(blob[16+int(n)+e.Offset:], math.Float32bits(float32(math.NaN())))
		}
	}
	f, err := Read(blob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float("bias", 3); !errors.Is(err, ErrFile) {
		t.Error(err)
	}
}

func TestSafetensorsReadsAsTheFormatsOwnLibraryWrites(t *testing.T) {
	s, err := ReadSafetensors(vector(t, "small.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Float("w", 2, 3)
	if err != nil || w[0] != 0 || w[5] != 2.5 {
		t.Error(w, err)
	}
	if _, err := s.Float("ids", -1); !errors.Is(err, ErrFile) {
		t.Error("an integer tensor is read as floats")
	}
}

func TestHostileSafetensorsAreRefused(t *testing.T) {
	file := func(header, data string) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
	}
	one := `"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}`
	if _, err := ReadSafetensors(file("{"+one+"}", "abcd")); err != nil {
		t.Fatal(err)
	}
	for name, blob := range map[string][]byte{
		"twice":    file("{"+one+","+one+"}", "abcd"),
		"overlap":  file("{"+one+`,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, "abcd"),
		"gap":      file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, "abcdabcd"),
		"trailing": file("{"+one+"}", "abcde"),
		"shape":    file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, "abcd"),
		"huge":     file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}`, "abcd"),
		"negative": file(`{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}`, ""),
		"dtype":    file(`{"a":{"dtype":"X","shape":[1],"data_offsets":[0,4]}}`, "abcd"),
		"unknown":  file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}`, "abcd"),
		"length":   binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"list":     file(`[1]`, ""),
	} {
		if _, err := ReadSafetensors(blob); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(vector(f, "small.model"))
	f.Fuzz(func(t *testing.T, blob []byte) {
		file, err := Read(blob)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Fatal(err)
			}
			return
		}
		total := 0
		for name, e := range file.entries {
			total += e.Size
			if _, err := file.Float(name, e.Shape...); err == nil && e.Type != F32 {
				t.Fatal("a tensor is read as floats that are none")
			}
		}
		if total > len(blob) {
			t.Fatal("tensors overlap")
		}
	})
}

func FuzzReadSafetensors(f *testing.F) {
	f.Add(vector(f, "small.safetensors"))
	f.Fuzz(func(t *testing.T, blob []byte) {
		s, err := ReadSafetensors(blob)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Fatal(err)
			}
			return
		}
		total := 0
		for name, e := range s.entries {
			total += e.Offsets[1] - e.Offsets[0]
			s.Float(name, e.Shape...)
		}
		if total != len(s.data) {
			t.Fatal("tensors do not cover the data")
		}
	})
}
