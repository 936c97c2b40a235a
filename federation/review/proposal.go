package review

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"concordat/policy"
)

// ErrProposal means that a proposal cannot be laid over anything; the message says why, and repeats nothing of it.
var ErrProposal = errors.New("not a proposal")

// Bounds of a proposal. A gateway compiles it beside its work.
const (
	maxFiles    = 64
	maxText     = 192 << 10 // bytes of all texts together
	maxInForce  = 8 << 20   // bytes of one bundle that is in force
	maxFileName = 128
)

// Proposal is a change of one agency's bundle.
type Proposal struct {
	Agency policy.AgencyID
	Files  []File
}

// File is one file of a proposal, named within its bundle. Without text the bundle loses it.
type File struct {
	Name string
	Text *string
}

// Over are the bundles with the proposal laid over its agency's, which need not have one yet. No file is written.
func (p Proposal) Over(bundles []policy.Bundle) ([]policy.Bundle, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	texts := map[string][]byte{}
	out := slices.Clone(bundles)
	at := slices.IndexFunc(out, func(b policy.Bundle) bool { return b.Agency == p.Agency })
	if at < 0 {
		at, out = len(out), append(out, policy.Bundle{Agency: p.Agency})
	} else if err := read(out[at].Files, texts); err != nil {
		return nil, err
	}
	for _, f := range p.Files {
		if delete(texts, f.Name); f.Text != nil {
			texts[f.Name] = []byte(*f.Text)
		}
	}
	files, err := holding(texts)
	out[at].Files = files
	return out, err
}

func (p Proposal) check() error {
	if len(p.Files) == 0 || len(p.Files) > maxFiles {
		return fmt.Errorf("%w: between 1 and %d files are needed", ErrProposal, maxFiles)
	}
	total, seen := 0, map[string]bool{}
	for _, f := range p.Files {
		if !isPolicy(f.Name) || seen[f.Name] {
			return fmt.Errorf("%w: each file is named once, relative to the bundle, and is *.rego, data.json or scenarios.yaml", ErrProposal)
		}
		seen[f.Name] = true
		if f.Text != nil {
			total += len(*f.Text)
		}
	}
	if total > maxText {
		return fmt.Errorf("%w: more than %d KiB", ErrProposal, maxText>>10)
	}
	return nil
}

// isPolicy says which files make a bundle. A path that leaves it is none.
func isPolicy(name string) bool {
	if !fs.ValidPath(name) || len(name) > maxFileName || strings.ContainsAny(name, "\\\x00") {
		return false
	}
	return strings.HasSuffix(name, ".rego") || path.Base(name) == "data.json" || isScenario(name)
}

// read takes a bundle's files as they are now.
func read(files fs.FS, into map[string][]byte) error {
	left := int64(maxInForce)
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isPolicy(name) {
			return err
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		defer f.Close() //nolint:errcheck // only read
		text, err := io.ReadAll(io.LimitReader(f, left+1))
		if left -= int64(len(text)); left < 0 {
			return errors.New("the bundle in force is too large to be reviewed")
		}
		into[name] = text
		return err
	})
}

// Frozen are bundles as their files are now: later changes on the disk do not reach them.
func Frozen(bundles []policy.Bundle) ([]policy.Bundle, error) {
	out := slices.Clone(bundles)
	for i, b := range out {
		texts := map[string][]byte{}
		err := read(b.Files, texts)
		if err == nil {
			out[i].Files, err = holding(texts)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// holding is a file system of chosen contents: an archive in memory is the standard library's own.
func holding(texts map[string][]byte) (fs.FS, error) {
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := f.Write(texts[name]); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
}
