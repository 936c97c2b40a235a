package cell

import "time"

// TimeLayout is the form in which times are stored where they are text: whole seconds in UTC, so that texts order
// as instants do.
const TimeLayout = "2006-01-02T15:04:05Z"

// AnyTime reads any RFC 3339 time, to the microsecond.
func AnyTime(b []byte) (int64, bool) {
	if micros, ok := Time(b); ok {
		return micros, true
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return 0, false
	}
	return t.UnixMicro(), true
}

// Date reports whether b is a date YYYY-MM-DD of the years 1 to 9999.
func Date(b []byte) bool {
	_, ok := days(b)
	return ok
}

// Time reads YYYY-MM-DDTHH:MM:SSZ.
func Time(b []byte) (int64, bool) {
	if len(b) != len(TimeLayout) || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != 'Z' {
		return 0, false
	}
	day, ok := days(b[:10])
	h, m, sec := pair(b[11:]), pair(b[14:]), pair(b[17:])
	if !ok || h < 0 || h > 23 || m < 0 || m > 59 || sec < 0 || sec > 59 {
		return 0, false
	}
	return ((day*24+h)*60+m)*60_000_000 + sec*1_000_000, true
}

// days counts the days from 1970-01-01 to YYYY-MM-DD in the proleptic Gregorian calendar (years 1 to 9999).
func days(b []byte) (int64, bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return 0, false
	}
	century, year, m, d := pair(b), pair(b[2:]), pair(b[5:]), pair(b[8:])
	y := century*100 + year
	if century < 0 || year < 0 || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	if m <= 2 { // the year starts in March, so that its odd day is the last one
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*m-457)/5 + d - 719469, true
}

func daysIn(y, m int64) int64 {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// pair is two decimal digits, -1 where they are none.
func pair(b []byte) int64 {
	tens, units := b[0]-'0', b[1]-'0'
	if tens > 9 || units > 9 {
		return -1
	}
	return int64(tens)*10 + int64(units)
}
