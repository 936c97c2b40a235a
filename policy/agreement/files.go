package agreement

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

var (
	ErrExists  = errors.New("agreement: there is one of this id already")
	ErrAbsent  = errors.New("agreement: there is none of this id")
	ErrVersion = errors.New("agreement: the version was used before")
	ErrUntil   = errors.New("agreement: a renewal ends after the term before it")
)

// Files is a directory of agreements that is written to. Each version is one file, whole or not there at all; the one
// before stays as ID@VERSION.yaml. Whoever loads the directory puts a change in force. It is the directory's only
// writer besides people with an editor.
type Files struct {
	dir string
	mu  sync.Mutex // one change at a time
}

// NewFiles writes to dir.
func NewFiles(dir string) *Files { return &Files{dir: dir} }

// Change is a version that was checked and could be written.
type Change struct {
	Agreement Agreement
	Text      []byte
	Before    string // the version that it replaces; "" where it is the first
	set       *Set
	old       []byte
}

// Set is the change alone, for Check and Warnings.
func (c *Change) Set() *Set { return c.set }

// Propose reads a first version. The error is Mistakes where the text is wrong.
func (f *Files) Propose(text []byte) (*Change, error) {
	c, err := read(text, "")
	if err != nil {
		return nil, err
	}
	used, err := filepath.Glob(filepath.Join(f.dir, c.Agreement.ID+historyMark+"*"))
	if err != nil {
		return nil, fmt.Errorf("propose agreement: %w", err)
	}
	if _, err := os.Lstat(f.path(c.Agreement.ID)); !errors.Is(err, fs.ErrNotExist) || len(used) > 0 {
		return nil, ErrExists
	}
	return c, nil
}

// Amend reads a version that takes the place of the one in the directory.
func (f *Files) Amend(id string, text []byte) (*Change, error) {
	now, old, err := f.current(id)
	if err != nil {
		return nil, err
	}
	c, err := read(text, id)
	if err != nil {
		return nil, err
	}
	c.Before, c.old = now.Version, old
	if _, err := os.Lstat(f.past(id, c.Agreement.Version)); c.Agreement.Version == now.Version || !errors.Is(err, fs.ErrNotExist) {
		return nil, ErrVersion
	}
	return c, nil
}

// Renew is Amend with the file's own text, a later end and a new version; signatures of the old text are left out.
func (f *Files) Renew(id, version string, until time.Time) (*Change, error) {
	now, old, err := f.current(id)
	if err != nil {
		return nil, err
	}
	if !until.After(now.ValidUntil) {
		return nil, ErrUntil
	}
	text, err := rewritten(old, map[string]string{"version": version, "validUntil": until.UTC().Format(time.RFC3339),
		"renewedFrom": now.ValidUntil.Format(time.RFC3339)})
	if err != nil {
		return nil, fmt.Errorf("renew agreement %s: %w", id, err)
	}
	return f.Amend(id, text)
}

// Write keeps the version before and puts the new one in its place. It fails where the file changed since c was read.
func (f *Files) Write(c *Change) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := c.Agreement.ID
	if c.Before == "" {
		if err := f.create(f.path(id), c.Text); errors.Is(err, fs.ErrExist) {
			return ErrExists
		} else if err != nil {
			return fmt.Errorf("write agreement %s: %w", id, err)
		}
		return nil
	}
	now, err := os.ReadFile(f.path(id))
	if err != nil || !bytes.Equal(now, c.old) {
		return fmt.Errorf("write agreement %s: %w", id, errors.Join(ErrVersion, err))
	}
	if err := f.keep(f.past(id, c.Before), c.old); err != nil {
		return fmt.Errorf("write agreement %s: %w", id, err)
	}
	if err := f.replace(f.path(id), c.Text); err != nil {
		return fmt.Errorf("write agreement %s: %w", id, err)
	}
	return nil
}

func (f *Files) path(id string) string { return filepath.Join(f.dir, id+".yaml") }

func (f *Files) past(id, version string) string {
	return filepath.Join(f.dir, id+historyMark+version+".yaml")
}

// read parses a text that is to become a file. want is the id that it must have, "" for any.
func read(text []byte, want string) (*Change, error) {
	r := &reader{file: "agreement"}
	if len(text) > maxFileBytes {
		return nil, Mistakes{{File: r.file, Message: "is longer than 64 KiB"}}
	}
	a := r.agreement(text)
	if want != "" && len(r.mistakes) == 0 && a.ID != want {
		r.fail(r.lineOf("id"), "id", "must be that of the agreement that is changed")
	}
	if len(r.mistakes) > 0 {
		return nil, r.mistakes
	}
	set := &Set{byID: map[string]Agreement{a.ID: a}, places: map[string]places{a.ID: r.placesOf()}}
	return &Change{Agreement: a, Text: text, set: set}, nil
}

// current is the version in the directory, right or wrong in other respects than its form.
func (f *Files) current(id string) (Agreement, []byte, error) {
	if !idPattern.MatchString(id) {
		return Agreement{}, nil, ErrAbsent
	}
	text, err := os.ReadFile(f.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Agreement{}, nil, ErrAbsent
	}
	if err != nil {
		return Agreement{}, nil, fmt.Errorf("agreement %s: %w", id, err)
	}
	a, _, mistakes := parse(id+".yaml", text)
	if len(mistakes) > 0 {
		return Agreement{}, nil, fmt.Errorf("the file in the directory is wrong: %w", errors.New(mistakes.Error()))
	}
	return a, text, nil
}

// keep writes what was in force beside it, unless an interrupted change did already.
func (f *Files) keep(name string, text []byte) error {
	err := f.create(name, text)
	if errors.Is(err, fs.ErrExist) {
		if there, readErr := os.ReadFile(name); readErr == nil && bytes.Equal(there, text) {
			return nil
		}
		return ErrVersion
	}
	return err
}

// create makes a file whole, or fails where there is one: a link, unlike a rename, replaces nothing.
func (f *Files) create(name string, text []byte) error {
	return f.place(text, func(temporary string) error { return os.Link(temporary, name) })
}

func (f *Files) replace(name string, text []byte) error {
	return f.place(text, func(temporary string) error { return os.Rename(temporary, name) })
}

// place writes a durable file under a name that no loader reads, and lets put give it its own.
func (f *Files) place(text []byte, put func(temporary string) error) error {
	var label [8]byte
	rand.Read(label[:]) //nolint:errcheck // never fails
	temporary := filepath.Join(f.dir, ".new-"+hex.EncodeToString(label[:]))
	if err := writeDurably(temporary, text); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := put(temporary); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	dir, err := os.Open(f.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeDurably(name string, text []byte) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

// rewritten sets keys of a file's text, those it does not have at its end, and leaves signatures out. Comments and
// the order of keys stay.
func rewritten(text []byte, values map[string]string) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	root := document.Content[0]
	var pairs []*yaml.Node
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if now, set := values[key.Value]; set {
			value = quoted(now)
			delete(values, key.Value)
		}
		if key.Value != "signatures" {
			pairs = append(pairs, key, value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, quoted(values[key]))
	}
	root.Content = pairs
	return yaml.Marshal(&document)
}

func quoted(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text, Style: yaml.DoubleQuotedStyle}
}
