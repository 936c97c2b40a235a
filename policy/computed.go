package policy

import (
	"errors"

	"concordat/privacy"
)

// Labels is the one transform of a computed field: its label, score and model stay, and how many there are; text and
// offsets are null.
const Labels = "labels"

func checkComputed(ob privacy.Obligation) error {
	if ob.Method != Labels || ob.Arguments != "" {
		return errors.New("a computed field has one transform, labels, without arguments")
	}
	return nil
}

// declassifies reports whether a rule names the computed coordinate itself: one on a type or a class, written for
// columns, must not release what is computed of them.
func (d *document) declassifies(f *Field) bool {
	if f.Computed == "" {
		return false
	}
	for _, s := range d.statements {
		if s.coordinate == f.Coordinate && s.effect == Transform && s.obligation.Method == Labels {
			return true
		}
	}
	return false
}
