package agreement

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const maxFileBytes = 64 << 10

// historyMark stands between an agreement's ID and a version that was in force before; no ID holds it.
const historyMark = "@"

// Mistake is one thing wrong with one file.
type Mistake struct {
	File    string
	Line    int    // from 1; 0 where it concerns the whole file
	Path    string // of the key, such as "purposes[1]"; "" for the document
	Message string
}

func (m Mistake) Error() string {
	where := m.Path
	if where == "" {
		where = "(document)"
	}
	return fmt.Sprintf("%s:%d: %s: %s", m.File, m.Line, where, m.Message)
}

// Mistakes is the error of a Load that read the files and found them wrong: all of them, in the order of the files.
type Mistakes []Mistake

func (m Mistakes) Error() string {
	lines := make([]string, len(m))
	for i, mistake := range m {
		lines[i] = mistake.Error()
	}
	return strings.Join(lines, "\n")
}

// LoadDir loads the agreements of a directory on disk.
func LoadDir(dir string) (*Set, error) {
	set, err := Load(os.DirFS(dir))
	var mistakes Mistakes
	if errors.As(err, &mistakes) {
		for i := range mistakes {
			mistakes[i].File = path.Join(dir, mistakes[i].File)
		}
	}
	if set != nil {
		set.under(dir)
	}
	return set, err
}

// Load reads every ID.yaml at the root of fsys. A Set is returned only where all files are right; files of other
// names, and ID@VERSION.yaml, where Files keeps what was in force before, are ignored, and an empty directory is an empty Set, under which no agreement is in force.
func Load(fsys fs.FS) (*Set, error) {
	names, err := fs.Glob(fsys, "*.y*ml")
	if err != nil {
		return nil, fmt.Errorf("agreements: %w", err)
	}
	if _, err := fs.Stat(fsys, "."); err != nil {
		return nil, fmt.Errorf("agreements: %w", err)
	}
	slices.Sort(names)
	set, mistakes := &Set{byID: make(map[string]Agreement, len(names)), places: make(map[string]places, len(names))}, Mistakes(nil)
	digest := sha256.New()
	for _, name := range names {
		if strings.Contains(name, historyMark) {
			continue
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("agreements: %w", err)
		}
		fmt.Fprintf(digest, "%q %q ", name, text)
		a, at, wrong := parse(name, text)
		mistakes = append(mistakes, wrong...)
		set.byID[a.ID], set.places[a.ID] = a, at
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	digest.Sum(set.digest[:0])
	return set, nil
}

// parse reads one file, whose name must be the agreement's ID: so no two files can hold the same agreement.
func parse(name string, text []byte) (Agreement, places, Mistakes) {
	r := &reader{file: name}
	if len(text) > maxFileBytes {
		r.fail(0, "", "the file is longer than 64 KiB")
		return Agreement{}, places{}, r.mistakes
	}
	a := r.agreement(text)
	if want := strings.TrimSuffix(name, ".yaml"); len(r.mistakes) == 0 && a.ID != want {
		r.fail(r.lineOf("id"), "id", "must be the file's name without .yaml")
	}
	return a, r.placesOf(), r.mistakes
}
