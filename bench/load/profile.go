package load

import (
	"fmt"
	"os"

	"github.com/google/pprof/profile"
)

// Bare rewrites a processor profile with what an optimising build reads of it, names of functions, lines and counts,
// and without what only says where it was made: paths of files and of the program, and the time.
func Bare(file string) error {
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	p, err := profile.Parse(in)
	if err := in.Close(); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	for _, f := range p.Function {
		f.Filename = ""
	}
	for _, m := range p.Mapping {
		m.File, m.BuildID = "", ""
	}
	for _, s := range p.Sample { // labels are of goroutines, addresses of the one program
		s.Label, s.NumLabel = nil, nil
	}
	p.TimeNanos, p.Comments = 0, nil
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if err := p.Write(out); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return out.Close()
}
