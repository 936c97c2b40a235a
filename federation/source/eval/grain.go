package eval

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zones, where the machine has none

	"concordat/federation/source"
	"concordat/privacy"
)

// truncate replaces each date or time by the start of the period that holds it.
func truncate(c *privacy.Column, g source.Group) (*privacy.Column, error) {
	switch {
	case g.Grain == source.NoGrain:
		return c, nil
	case c.Kind == privacy.Time && g.Grain <= source.Year:
		return truncateTimes(c, g)
	case c.Kind == privacy.Date && g.Grain > source.Hour && g.Grain <= source.Year && g.Zone == "":
		return truncateDates(c, g.Grain)
	}
	return nil, fmt.Errorf("%s has no such grain: %w", c.Coordinate, source.ErrInvalid)
}

func truncateTimes(c *privacy.Column, g source.Group) (*privacy.Column, error) {
	zone, err := time.LoadLocation(g.Zone)
	if err != nil {
		return nil, fmt.Errorf("a time zone that is not known here: %w", source.ErrInvalid)
	}
	out := privacy.NewColumn(c.Name, c.Coordinate, c.Kind, len(c.States))
	for row, s := range c.States {
		if s != privacy.Value {
			out.AppendState(s)
			continue
		}
		out.AppendInt(Start(time.UnixMicro(c.Ints[row]), g.Grain, zone).UnixMicro())
	}
	return out, nil
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

// first is where the first period begins.
var first = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)

// Start is the instant at which the period of t begins in a time zone, as PostgreSQL's date_trunc has it.
func Start(t time.Time, grain source.Grain, zone *time.Location) time.Time {
	if zone == time.UTC {
		return start(t.UTC(), grain)
	}
	local := t.In(zone)
	if grain == source.Hour { // of this offset: a repeated hour is another one
		past := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
		return later(t.Add(-past))
	}
	y, m, d := local.Date()
	return later(shown(start(time.Date(y, m, d, 0, 0, 0, 0, time.UTC), grain), zone))
}

func later(t time.Time) time.Time {
	if t.Before(first) {
		return first
	}
	return t
}

// shown is when clocks show a time of day, given as if it were UTC: where they skip it, by the offset before the
// change, which is the change itself at the start of what is skipped; where they show it twice, the second time.
func shown(clock time.Time, zone *time.Location) time.Time {
	dayBefore := clock.AddDate(0, 0, -1).In(zone)
	_, before := dayBefore.Zone()
	_, change := dayBefore.ZoneBounds()
	early := clock.Add(-time.Duration(before) * time.Second)
	if change.IsZero() {
		return early
	}
	_, after := change.Zone()
	late := clock.Add(-time.Duration(after) * time.Second)
	switch {
	case early.Before(change) && late.Before(change):
		return early
	case early.After(change) && !late.Before(change):
		return late
	case early.After(late): // skipped
		return early
	}
	return late
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
