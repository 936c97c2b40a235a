//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"concordat/cli/tagger"
	"concordat/privacy/deid/plant"
)

const (
	soakCallers = 8
	soakWarm    = 30 * time.Second // until buffers have grown and tables are made
	soakNotes   = 3400
)

// soak has eight callers redact and tag notes for a while, and says what the process held when it was warm and at the end:
// resident memory, and the heap after a collection. It fails where either has grown by a fifth and more than 16 MB.
func soak(d time.Duration) error {
	models, err := tagger.New()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), d+soakWarm)
	defer cancel()
	var read atomic.Int64
	var callers sync.WaitGroup
	errs := make([]error, soakCallers)
	notes := plant.Notes(soakNotes)
	for i := range errs {
		callers.Go(func() { errs[i] = caller(ctx, models, i, notes, &read) })
	}
	time.Sleep(soakWarm)
	begun, rss, heap := read.Load(), resident(), collected()
	callers.Wait()
	rssEnd, heapEnd := resident(), collected()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	fmt.Printf("SOAK seconds=%.0f texts=%d rss_start_mb=%.1f rss_end_mb=%.1f heap_start_mb=%.1f heap_end_mb=%.1f goroutines=%d\n",
		d.Seconds(), read.Load()-begun, rss, rssEnd, heap, heapEnd, runtime.NumGoroutine())
	if grown(rss, rssEnd) || grown(heap, heapEnd) {
		return fmt.Errorf("memory has grown: resident %.1f to %.1f MB, heap %.1f to %.1f MB", rss, rssEnd, heap, heapEnd)
	}
	return models.Close()
}

func grown(from, to float64) bool { return to > from*1.2 && to > from+16 }

// caller redacts and tags 17 notes after the other, each time other ones, until stop ends. Calls have no deadline: a queue
// refuses what would miss one.
func caller(stop context.Context, models *tagger.Models, number int, notes []plant.Note, read *atomic.Int64) error {
	party := fmt.Sprint("caller ", number)
	texts := make([]string, 17)
	for round := number; stop.Err() == nil; round++ {
		for i := range texts {
			texts[i] = notes[(round*len(texts)+i)%len(notes)].Text
		}
		if _, err := models.Redaction().Tag(context.Background(), texts); err != nil {
			return err
		}
		if _, err := models.Names().Tag(context.Background(), party, texts); err != nil {
			return err
		}
		read.Add(int64(len(texts)))
	}
	return nil
}

// resident is this process's memory in MB, by /proc.
func resident() float64 {
	var size, pages int64
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return float64(pages) * float64(os.Getpagesize()) / 1e6
}

// collected is the heap in use after a collection, in MB.
func collected() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / 1e6
}
