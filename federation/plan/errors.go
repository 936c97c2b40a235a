package plan

import (
	"errors"

	"concordat/privacy"
)

// ErrTooDeep refuses a document that follows too many joins.
var ErrTooDeep = errors.New("the document follows too many joins")

// InputError is a mistake in the caller's arguments: BAD_USER_INPUT. It names the place, never the value.
type InputError struct {
	Path    []string
	Message string
}

func (e *InputError) Error() string { return e.Message }

// NotPermittedError is a filter, order, group or measure over a field that the subject sees only transformed, where it
// has no safe meaning:
// FILTER_NOT_PERMITTED.
type NotPermittedError struct {
	Path       []string
	Coordinate privacy.Coordinate
}

func (e *NotPermittedError) Error() string {
	return "a filter, order, group or aggregate over " + string(e.Coordinate) + " is not permitted: it is seen only transformed"
}
