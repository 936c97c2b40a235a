package eval

import (
	"fmt"
	"time"

	"concordat/federation/source"
	"concordat/privacy"
)

// truncate replaces each date or time by the start of the period that holds it.
func truncate(c *privacy.Column, grain source.Grain) (*privacy.Column, error) {
	switch {
	case grain == source.NoGrain:
		return c, nil
	case c.Kind == privacy.Time && grain <= source.Year:
		return truncateTimes(c, grain), nil
	case c.Kind == privacy.Date && grain > source.Hour && grain <= source.Year:
		return truncateDates(c, grain)
	}
	return nil, fmt.Errorf("%s has no such grain: %w", c.Coordinate, source.ErrInvalid)
}

func truncateTimes(c *privacy.Column, grain source.Grain) *privacy.Column {
	out := privacy.NewColumn(c.Name, c.Coordinate, c.Kind, len(c.States))
	for row, s := range c.States {
		if s != privacy.Value {
			out.AppendState(s)
			continue
		}
		out.AppendInt(start(time.UnixMicro(c.Ints[row]).UTC(), grain).UnixMicro())
	}
	return out
}

// truncateDates truncates each distinct date once.
func truncateDates(c *privacy.Column, grain source.Grain) (*privacy.Column, error) {
	truncated := make([]string, len(c.Dict))
	for i, text := range c.Dict {
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, fmt.Errorf("%s holds something else than a date: %w", c.Coordinate, source.ErrInvalid)
		}
		truncated[i] = start(day, grain).Format(time.DateOnly)
	}
	out := privacy.NewColumn(c.Name, c.Coordinate, c.Kind, len(c.States))
	for row, s := range c.States {
		if s != privacy.Value {
			out.AppendState(s)
			continue
		}
		out.AppendText(truncated[c.Codes[row]])
	}
	return out, nil
}

// start is the first instant of the period of t. ISO 8601 weeks start on Monday.
func start(t time.Time, grain source.Grain) time.Time {
	y, m, d := t.Date()
	switch grain {
	case source.Hour:
		return t.Truncate(time.Hour)
	case source.Week:
		d -= (int(t.Weekday()) + 6) % 7
	case source.Month:
		d = 1
	case source.Quarter:
		m, d = m-(m-1)%3, 1
	case source.Year:
		m, d = time.January, 1
	}
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}
