package open

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"concordat/federation/source"
	"concordat/federation/source/fresh"
	"concordat/federation/source/guard"
	"concordat/federation/source/memory"
	"concordat/federation/source/mysql"
	"concordat/federation/source/postgres"
	"concordat/federation/source/sqlite"
	"concordat/privacy"
)

// Options is what opening needs besides the configuration.
type Options struct {
	Dir       string                                     // paths are relative to it
	Files     fs.FS                                      // where CSV files are looked for first; may be nil
	Relations func(sourceName string) []*source.Relation // what each source has to serve
	Getenv    func(name string) string                   // for url: env:NAME
}

// Open opens every source and checks that it can serve its relations. Its error joins all that went wrong; nothing
// stays open then. The closer closes the sources and waits for their fetches.
func Open(ctx context.Context, cfg *Config, o Options) (map[string]source.Source, io.Closer, error) {
	opened := map[string]source.Source{}
	var all closers
	var errs []error
	for _, name := range sortedNames(cfg.Sources) {
		s, err := one(ctx, name, cfg.Sources[name], o)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %w", name, err))
			continue
		}
		opened[name] = guarded(s, cfg.Sources[name])
		dated, err := o.dated(name, opened[name], cfg.Sources[name].Freshness)
		if err != nil {
			errs = append(errs, fmt.Errorf("source %s: %w", name, err))
		} else if dated != nil {
			opened[name], all = dated, append(all, dated) // closed before what it reads
		}
		if c, ok := s.(io.Closer); ok {
			all = append(all, c)
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(append(errs, all.Close())...)
	}
	return opened, all, nil
}

// dated is s with its freshness; nil where none is declared.
func (o Options) dated(name string, s source.Source, f *Freshness) (*fresh.Source, error) {
	if f == nil {
		return nil, nil
	}
	for _, r := range o.Relations(name) {
		c, ok := r.Columns[f.Field]
		if r.Type == f.Type && ok && (c.Kind == privacy.Time || c.Kind == privacy.Date) {
			return fresh.New(s, fresh.Options{Relation: r, Field: f.Field, Every: f.Every, Precision: f.Precision}), nil
		}
	}
	return nil, fmt.Errorf("freshness: it has no Date or DateTime %s.%s: %w", f.Type, f.Field, source.ErrInvalid)
}

// guarded is s behind its guard. Tables in memory are neither slow nor ever away.
func guarded(s source.Source, c Source) source.Source {
	if c.Kind == Memory || c.Kind == Agent { // who has the agent's link puts it behind the guard
		return s
	}
	return guard.New(s, c.Guard)
}

func sortedNames[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

type closers []io.Closer

func (all closers) Close() error {
	var errs []error
	for _, c := range all {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

func one(ctx context.Context, name string, s Source, o Options) (source.Source, error) {
	relations := o.Relations(name)
	switch s.Kind {
	case SQLite:
		return openSQLite(ctx, s, o, relations)
	case Postgres, MySQL:
		return openDatabase(ctx, s, o, relations)
	case Memory:
		return openMemory(s, o, relations)
	case GraphQL:
		return openGraphQL(ctx, name, s, o, relations)
	case Agent:
		return Remote{s.Guard}, nil
	}
	return nil, fmt.Errorf("kind %q: %w", s.Kind, source.ErrInvalid)
}

func openSQLite(ctx context.Context, s Source, o Options, relations []*source.Relation) (source.Source, error) {
	db, err := sqlite.Open(sqlite.Options{File: o.path(s.File), Connections: s.Connections})
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range relations {
		errs = append(errs, db.Check(ctx, r))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// database is what the adapters of servers have in common.
type database interface {
	source.Source
	io.Closer
	Check(ctx context.Context, r *source.Relation) error
}

func openDatabase(ctx context.Context, s Source, o Options, relations []*source.Relation) (source.Source, error) {
	dsn, err := o.secret(s.DSN)
	if err != nil {
		return nil, err
	}
	db, err := connect(ctx, s, dsn)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range relations {
		errs = append(errs, db.Check(ctx, r))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func connect(ctx context.Context, s Source, dsn string) (database, error) {
	if s.Kind == MySQL {
		return mysql.Open(ctx, mysql.Options{DSN: dsn, Connections: s.Connections, Timeout: s.Timeout})
	}
	return postgres.Open(ctx, postgres.Options{DSN: dsn, Connections: s.Connections, Timeout: s.Timeout})
}

// secret resolves env:NAME and file:PATH. Its error names the reference, never what it holds.
func (o Options) secret(reference string) (string, error) {
	if name, ok := strings.CutPrefix(reference, "env:"); ok {
		if text := o.Getenv(name); text != "" {
			return text, nil
		}
		return "", fmt.Errorf("%s: %w: %w", name, errNoURL, source.ErrUnavailable)
	}
	file := strings.TrimPrefix(reference, "file:")
	text, err := os.ReadFile(o.path(file))
	if err != nil {
		return "", fmt.Errorf("%s: %w: %w", file, source.ErrUnavailable, err)
	}
	return strings.TrimSpace(string(text)), nil
}

func openMemory(s Source, o Options, relations []*source.Relation) (source.Source, error) {
	tables := map[string]*privacy.Table{}
	var errs []error
	for _, r := range relations {
		file, ok := s.Files[r.Table]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: no file for table %q: %w", r.Type, r.Table, source.ErrInvalid))
			continue
		}
		t, err := o.load(file, r)
		errs = append(errs, err)
		tables[r.Type] = t
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return memory.New(tables), nil
}

// address resolves env:NAME.
func (o Options) address(url string) (string, error) {
	name, ok := strings.CutPrefix(url, "env:")
	if !ok {
		return url, nil
	}
	if address := o.Getenv(name); address != "" {
		return address, nil
	}
	return "", fmt.Errorf("%s: %w: %w", name, errNoURL, source.ErrUnavailable)
}

func (o Options) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(o.Dir, file)
}

func (o Options) load(file string, r *source.Relation) (*privacy.Table, error) {
	f, err := o.read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %w", file, source.ErrUnavailable, err)
	}
	defer f.Close()
	return memory.Load(f, r)
}

func (o Options) read(file string) (fs.File, error) {
	if o.Files != nil {
		if f, err := o.Files.Open(filepath.ToSlash(file)); err == nil {
			return f, nil
		}
	}
	return os.Open(o.path(file))
}
