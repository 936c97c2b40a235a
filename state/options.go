package state

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options say where a store lives. The zero value is refused: it names neither a directory nor memory.
type Options struct {
	// Dir holds the store's files; created with mode 0700 where absent. Required unless InMemory.
	Dir string
	// InMemory keeps nothing: for tests.
	InMemory bool
	// Queue bounds the commits waiting for the writer; a full queue makes Commit wait within its context.
	// Default 4096.
	Queue int
	// MinFree is the space in bytes that must stay free on Dir's file system; below it every Commit is refused.
	// The engine maps its files into memory, so running out of space inside a write would kill the process: this
	// refuses earlier. Default 32 MiB.
	MinFree uint64
	// BeforeCommit is asked before each durable write, and an error refuses the batch as ErrUnavailable: a
	// failpoint for tests of callers, and a place for an operator's own disk guard. Optional.
	BeforeCommit func() error
}

const (
	defaultQueue   = 4096
	defaultMinFree = 32 << 20
	memTable       = 8 << 20
	maxJobs        = 1024    // functions in one batch
	maxStaged      = 1 << 20 // bytes one function may stage, and after which a batch takes no more
	maxWrites      = 8192    // writes, likewise: the engine takes 15 % of a memtable in one transaction
)

func (o Options) withDefaults() Options {
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	if o.MinFree == 0 {
		o.MinFree = defaultMinFree
	}
	return o
}

// engine tunes Badger for a small, always-synced store: little memory, quick start, no compression to pay for.
func (o Options) engine() badger.Options {
	dir := o.Dir
	if o.InMemory {
		dir = ""
	}
	b := badger.DefaultOptions(dir)
	b.InMemory = o.InMemory
	b.SyncWrites = true
	b.Logger = nil
	b.DetectConflicts = false // one writer: nothing to conflict with
	b.MetricsEnabled = false
	b.MemTableSize = memTableOf(dir)
	b.NumMemtables = 2
	b.NumGoroutines = 2
	b.NumCompactors = 2
	b.Compression = options.None
	b.BlockCacheSize = 4 << 20
	b.ValueLogFileSize = 16 << 20
	return b
}

// memTableOf is the size of memtables: that of the largest log which a store that was made with another size left behind,
// since Badger reads a log back into one memtable. It maps twice the size.
func memTableOf(dir string) int64 {
	size := int64(memTable)
	if dir == "" {
		return size
	}
	logs, _ := filepath.Glob(filepath.Join(dir, "*.mem")) // the pattern is well formed
	for _, log := range logs {
		if info, err := os.Stat(log); err == nil {
			size = max(size, info.Size()/2)
		}
	}
	return size
}

// checkWritable creates the directory and writes a byte to it, so that a directory nobody can write to is refused at
// start with its name, and not at the first request.
func checkWritable(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write([]byte{0})
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("write to %s: %w", dir, err)
	}
	return nil
}
