package demo

import (
	"context"
	"testing"
	"time"
)

func TestFirstStartIsQuick(t *testing.T) {
	dir := t.TempDir()
	start := time.Now()
	if err := Prepare(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("first %v", time.Since(start))
	start = time.Now()
	if err := Prepare(context.Background(), dir); err != nil {
		t.Fatal(err)
	}
	t.Logf("second %v", time.Since(start))
}
