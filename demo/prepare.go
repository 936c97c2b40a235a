package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const dateForm = "2006-01-02"

// Prepare puts the agencies' data files into dir: the SQLite databases are generated, the CSV files copied. What
// is there already is kept, so that a second start costs nothing; each file appears whole or not at all.
func Prepare(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("prepare the demo's data: %w", err)
	}
	missing, err := missingFiles(dir)
	if err != nil || len(missing) == 0 {
		return err
	}
	w, err := newWorld()
	if err != nil {
		return fmt.Errorf("generate the demo's data: %w", err)
	}
	var wait sync.WaitGroup
	errs := make([]error, len(missing))
	for i, name := range missing {
		wait.Go(func() {
			if err := write(ctx, w, dir, name); err != nil {
				errs[i] = fmt.Errorf("prepare %s: %w", name, err)
			}
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// dataFiles lists what Prepare leaves in its directory, as sources.yaml names them.
func dataFiles() []string {
	return []string{"registry.db", "hospital_a.db", "hospital_b.db", "publichealth.db", "air_readings.csv.gz", "stations.csv"}
}

func missingFiles(dir string) ([]string, error) {
	var missing []string
	for _, name := range dataFiles() {
		switch _, err := os.Stat(filepath.Join(dir, name)); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
		case err != nil:
			return nil, fmt.Errorf("prepare the demo's data: %w", err)
		}
	}
	return missing, nil
}

// write makes one file under a temporary name beside its place, then moves it there.
func write(ctx context.Context, w *world, dir, name string) error {
	file, err := os.CreateTemp(dir, name+".new-*")
	if err != nil {
		return err
	}
	temporary := file.Name()
	defer os.Remove(temporary) // gone already where all went well
	if err := file.Close(); err != nil {
		return err
	}
	if err := w.fill(ctx, name, temporary); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(dir, name))
}

// world is what the files are made of.
type world struct {
	districts []district
	residents []resident
}

func newWorld() (*world, error) {
	districts, err := readDistricts()
	if err != nil {
		return nil, err
	}
	residents, err := generateResidents(districts)
	if err != nil {
		return nil, err
	}
	return &world{districts: districts, residents: residents}, nil
}

func (w *world) fill(ctx context.Context, name, path string) error {
	switch name {
	case "registry.db":
		return w.writeRegistry(ctx, path)
	case "publichealth.db":
		return writePublicHealth(ctx, path)
	case "air_readings.csv.gz", "stations.csv":
		content, err := data.ReadFile("data/" + name)
		if err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o600)
	}
	for _, h := range hospitals() {
		if name == h.id+".db" {
			return w.writeHospital(ctx, h, path)
		}
	}
	return fmt.Errorf("no such file in the demo")
}
