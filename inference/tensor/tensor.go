// Package tensor reads files of weights: our own model files, and safetensors.
//
//	f, err := tensor.Read(blob)
//	word, scale, err := f.Int8("word", 30522, 384) // int8 rows with a scale each
//	bias, err := f.Float("classifier.bias", 7)
//
// A model file is
//
//	"CONCMDL1"  u32 header length  u32 zero  header  tensors
//
// little endian. The header is JSON, {"kind", "meta", "tensors": [{"name", "type", "shape", "offset", "size"}]}, padded
// with spaces so that the data starts at a multiple of 64. Tensors follow in the order of the header, each at the next
// multiple of 64 bytes after the one before, with zeros between and nothing after the last. Types: f32; i8, whose float
// scales (one a row) are the tensor NAME.scale; bytes (UTF-8 text).
//
// Reading is strict: a file has one way to be written, and any other is refused, so that a digest is an identity. Files
// may come from strangers: sizes are checked before anything is allocated. Floats must be finite.
package tensor

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// ErrFile is every way in which a file is refused.
var ErrFile = errors.New("tensor: file refused")

const (
	magic     = "CONCMDL1"
	align     = 64
	maxHeader = 1 << 20
	maxItems  = 4096
)

// Tensor types.
const (
	F32  = "f32"
	I8   = "i8"
	Text = "bytes"
)

// Entry describes one tensor.
type Entry struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Shape  []int  `json:"shape"`
	Offset int    `json:"offset"`
	Size   int    `json:"size"`
}

// File is a checked file. It refers to the bytes it was read from.
type File struct {
	Kind    string
	Meta    json.RawMessage
	entries map[string]Entry
	data    []byte
}

type header struct {
	Kind    string          `json:"kind"`
	Meta    json.RawMessage `json:"meta"`
	Tensors []Entry         `json:"tensors"`
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFile, fmt.Sprintf(format, args...))
}

// Read checks one of our model files.
func Read(blob []byte) (*File, error) {
	if len(blob) < 16 || string(blob[:8]) != magic {
		return nil, refuse("not a model file")
	}
	n := binary.LittleEndian.Uint32(blob[8:])
	if n > maxHeader || int(n) > len(blob)-16 || (16+n)%align != 0 || binary.LittleEndian.Uint32(blob[12:]) != 0 {
		return nil, refuse("header length")
	}
	var h header
	if err := strictJSON(blob[16:16+n], &h); err != nil {
		return nil, err
	}
	f := &File{Kind: h.Kind, Meta: h.Meta, entries: map[string]Entry{}, data: blob[16+n:]}
	return f, f.layOut(h.Tensors)
}

func strictJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return refuse("header is not as specified")
	}
	if _, err := d.Token(); err != io.EOF {
		return refuse("more than one header")
	}
	return nil
}

// layOut checks that tensors lie one after the other, with zeros between, to the end of the file.
func (f *File) layOut(entries []Entry) error {
	if len(entries) > maxItems {
		return refuse("too many tensors")
	}
	at := 0
	for _, e := range entries {
		start := (at + align - 1) / align * align
		size, ok := e.bytes()
		if !ok || e.Offset != start || e.Size != size || start > len(f.data) || size > len(f.data)-start {
			return refuse("tensor %.40q does not lie where it should", e.Name)
		}
		if _, twice := f.entries[e.Name]; twice || e.Name == "" {
			return refuse("tensor %.40q is there twice or has no name", e.Name)
		}
		if len(bytes.Trim(f.data[at:start], "\x00")) > 0 {
			return refuse("padding is not zero")
		}
		f.entries[e.Name] = e
		at = start + size
	}
	if at != len(f.data) {
		return refuse("bytes after the last tensor")
	}
	return nil
}

// bytes is the size that type and shape ask for.
func (e Entry) bytes() (int, bool) {
	n := map[string]int{F32: 4, I8: 1, Text: 1}[e.Type]
	if n == 0 || len(e.Shape) == 0 || len(e.Shape) > 4 {
		return 0, false
	}
	for _, d := range e.Shape {
		if d <= 0 || d > math.MaxInt32 || n > math.MaxInt32/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}

func (f *File) find(name, kind string, shape []int) ([]byte, error) {
	e, ok := f.entries[name]
	if !ok || e.Type != kind || !sameShape(e.Shape, shape) {
		return nil, refuse("tensor %s of type %s and shape %v is not there", name, kind, shape)
	}
	return f.data[e.Offset : e.Offset+e.Size], nil
}

func sameShape(have, want []int) bool {
	if len(have) != len(want) {
		return false
	}
	for i, d := range want {
		if d >= 0 && have[i] != d {
			return false
		}
	}
	return true
}

// Has says whether a tensor is there.
func (f *File) Has(name, kind string) bool { return f.entries[name].Type == kind }

// Rows is the first dimension of a tensor, 0 where there is none.
func (f *File) Rows(name string) int {
	if e, ok := f.entries[name]; ok {
		return e.Shape[0]
	}
	return 0
}

// Float copies a float tensor out. A dimension of -1 fits any.
func (f *File) Float(name string, shape ...int) ([]float32, error) {
	raw, err := f.find(name, F32, shape)
	if err != nil {
		return nil, err
	}
	return floats(raw, name)
}

func floats(raw []byte, name string) ([]float32, error) {
	out := make([]float32, len(raw)/4)
	for i := range out {
		bits := binary.LittleEndian.Uint32(raw[4*i:])
		if bits&0x7f800000 == 0x7f800000 {
			return nil, refuse("tensor %s holds a value that is not finite", name)
		}
		out[i] = math.Float32frombits(bits)
	}
	return out, nil
}

// Int8 copies a matrix of bytes out, with the scale of each row.
func (f *File) Int8(name string, rows, columns int) ([]int8, []float32, error) {
	raw, err := f.find(name, I8, []int{rows, columns})
	if err != nil {
		return nil, nil, err
	}
	scale, err := f.Float(name+".scale", f.Rows(name))
	if err != nil {
		return nil, nil, err
	}
	out := make([]int8, len(raw))
	for i, b := range raw {
		out[i] = int8(b)
	}
	return out, scale, nil
}

// Text is a tensor of UTF-8.
func (f *File) Text(name string) (string, error) {
	raw, err := f.find(name, Text, []int{-1})
	if err != nil {
		return "", err
	}
	text := string(raw)
	if strings.ToValidUTF8(text, "") != text {
		return "", refuse("tensor %s is not text", name)
	}
	return text, nil
}
