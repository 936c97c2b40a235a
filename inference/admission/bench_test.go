//go:build unix

package admission_test

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"

	"concordat/inference"
	"concordat/inference/admission"
	"concordat/inference/models"
	"concordat/inference/ner"
)

// clients has 32 callers who each send one short text after the other.
func clients(b *testing.B, infer func(caller string, texts []string) error) {
	const callers = 32
	work := make(chan string, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for text := range work {
				if err := infer(fmt.Sprint(i), []string{text}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	begun := processor(b)
	for i := 0; b.Loop(); i++ {
		work <- fmt.Sprintf("Note %d: Angela Merkel met reporters in Berlin.", i)
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "texts/s")
	b.ReportMetric((processor(b)-begun)*1e6/float64(b.N), "µs-processor/text")
}

// processor is this process's processor time in seconds: on a busy machine the clock on the wall measures the others.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func engine(b *testing.B) inference.Engine {
	reg, err := inference.NewRegistry(models.Files(), ner.Open)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { reg.Close() })
	e, err := reg.Engine(context.Background(), "ner-en")
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkClientsDirect(b *testing.B) {
	e := engine(b)
	clients(b, func(_ string, texts []string) error {
		_, err := e.Infer(context.Background(), texts)
		return err
	})
}

func BenchmarkClientsQueued(b *testing.B) {
	q := admission.New(engine(b), admission.Options{})
	defer q.Close()
	clients(b, func(caller string, texts []string) error {
		_, err := q.Infer(context.Background(), caller, texts)
		return err
	})
}
