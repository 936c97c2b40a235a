package execute

import (
	"context"
	"errors"
	"slices"

	"concordat/federation/source"
)

// Error is a failure of one field, with a code of CONTRACT.md section 3.
type Error struct {
	Code string
	Path []string
	// Detail is for the log alone: it may name hosts, tables and values.
	Detail error
}

func (e Error) same(o Error) bool {
	return e.Code == o.Code && slices.Equal(e.Path, o.Path) && e.Agency() == o.Agency()
}

// Agency is who refused by rules of its own; "" for any other failure.
func (e Error) Agency() string {
	if r, ok := errors.AsType[*source.Refused](e.Detail); ok {
		return r.Agency
	}
	return ""
}

// codeOf maps a source's failure to its code. What is not known is unavailable.
func codeOf(ctx context.Context, err error) string {
	_, refused := errors.AsType[*source.Refused](err)
	switch {
	case refused:
		return "FORBIDDEN"
	case errors.Is(err, errRelease):
		return "INTERNAL"
	case errors.Is(err, source.ErrTooLarge):
		return "RESULT_TOO_LARGE"
	case errors.Is(err, source.ErrInvalid):
		return "SOURCE_INVALID"
	case errors.Is(err, source.ErrTimeout), errors.Is(err, context.DeadlineExceeded), ctx.Err() != nil:
		return "SOURCE_TIMEOUT"
	case errors.Is(err, errCursor):
		return "BAD_USER_INPUT"
	}
	return "SOURCE_UNAVAILABLE"
}

var (
	errRelease = errors.New("obligations could not be met")
	errCursor  = errors.New("the cursor is not one of this list")
)
