package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Bounds of one bundle. What is larger is refused before it is parsed, since to parse it costs twenty times its size.
const (
	maxFile    = 1 << 20  // bytes of a Rego file
	maxData    = 16 << 20 // bytes of data.json: 400,000 identifiers of 40 letters
	maxBundle  = 32 << 20 // bytes of all files that are read
	maxFiles   = 500      // files that are read
	maxEntries = 5000     // whatever lies in the directory
)

var (
	errTooLarge = errors.New("is too large")
	errTooMany  = errors.New("holds too many files")
)

// Folder is the files of a directory, and nothing outside it: a link that leads out of it, by whatever way, cannot be
// opened. Links within it can, as orchestrators mount their files.
type Folder string

// Open opens a file or directory.
func (f Folder) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	return root.Open(filepath.FromSlash(name))
}

// Stat says what lies at a name, without opening it: to open a pipe would wait for its writer.
func (f Folder) Stat(name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrInvalid}
	}
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, err
	}
	defer root.Close() //nolint:errcheck // only read
	return root.Stat(filepath.FromSlash(name))
}

// Sub is a directory of it, which nothing leads out of either.
func (f Folder) Sub(dir string) (fs.FS, error) {
	if !fs.ValidPath(dir) {
		return nil, &fs.PathError{Op: "sub", Path: dir, Err: fs.ErrInvalid}
	}
	return Folder(filepath.Join(string(f), filepath.FromSlash(dir))), nil
}

// dotted names are no part of a bundle: notes of version control, and where orchestrators keep what they link to.
func dotted(name string) bool { return name != "." && strings.HasPrefix(path.Base(name), ".") }

// reading is what has been read of one bundle.
type reading struct{ bytes, files, entries int }

// readFiles hands every Rego file but tests, and data.json, to take, in order of name.
func (l *loader) readFiles(prefix string, files fs.FS, take func(name string, text []byte)) {
	var done reading
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if done.entries++; done.entries > maxEntries {
			return errTooMany
		}
		if entry.IsDir() && dotted(name) {
			return fs.SkipDir
		}
		if entry.IsDir() || !l.isRead(name) {
			return nil
		}
		return l.readFile(&done, prefix, files, name, take)
	})
	switch {
	case errors.Is(err, errTooLarge), errors.Is(err, errTooMany):
		l.file(prefix, CodeSize, "the bundle %s", err)
	case err != nil:
		l.file(prefix, CodeFile, "%s", err)
	}
}

func (l *loader) isRead(name string) bool {
	isRego := strings.HasSuffix(name, ".rego") && (l.tests || !strings.HasSuffix(name, "_test.rego"))
	return isRego && !dotted(name) || path.Base(name) == "data.json"
}

// readFile reads one file. Its error ends the bundle; what is wrong with the file alone is a problem.
func (l *loader) readFile(done *reading, prefix string, files fs.FS, name string, take func(name string, text []byte)) error {
	full, bound := path.Join(prefix, name), maxFile
	if path.Base(name) == "data.json" {
		bound = maxData
	}
	text, err := readBounded(files, name, bound)
	switch {
	case errors.Is(err, errTooLarge):
		l.file(full, CodeSize, "the file %s", err)
		return nil
	case err != nil:
		l.file(full, CodeFile, "%s", cause(err))
		return nil
	}
	done.files, done.bytes = done.files+1, done.bytes+len(text)
	switch {
	case done.files > maxFiles:
		return errTooMany
	case done.bytes > maxBundle:
		return fmt.Errorf("%w: more than %d MiB", errTooLarge, maxBundle>>20)
	case !utf8.Valid(text):
		l.add(&ast.Location{File: full, Row: brokenLine(text)}, "", CodeFile, "the file is not UTF-8")
		return nil
	}
	l.mix(full, text)
	take(full, text)
	return nil
}

// cause leaves out where the directory lies on this machine.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// readBounded reads a regular file of at most bound bytes.
func readBounded(files fs.FS, name string, bound int) (text []byte, err error) {
	info, err := fs.Stat(files, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	if text, err = io.ReadAll(io.LimitReader(f, int64(bound)+1)); err != nil {
		return nil, err
	}
	if len(text) > bound {
		return nil, fmt.Errorf("%w: more than %d KiB", errTooLarge, bound>>10)
	}
	return text, nil
}

// brokenLine is the line of the first byte that is not UTF-8.
func brokenLine(text []byte) int {
	good := 0
	for good < len(text) {
		r, size := utf8.DecodeRune(text[good:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		good += size
	}
	return 1 + bytes.Count(text[:good], []byte{'\n'})
}
