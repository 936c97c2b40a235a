package mock

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
	"unicode"

	"concordat/federation/compose"
	"concordat/privacy"
)

// draw is a number below n that depends on nothing but its arguments.
func draw(salt string, row, n int) int {
	h := fnv.New64a()
	h.Write([]byte(salt))
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(row)))
	x := h.Sum64()
	x ^= x >> 32 // FNV's low bits follow the last byte too closely
	x *= 0xd6e8feb86659fd93
	x ^= x >> 32
	return int(x % uint64(n))
}

// identifier is the value that stands for the row of a number.
func identifier(entity string, f *compose.Field, n int) string {
	switch f.Kind {
	case privacy.Int, privacy.BigInt, privacy.Decimal, privacy.Float:
		return fmt.Sprint(n + 1)
	case privacy.Date, privacy.Time:
		return moment(f.Kind, day(2025, 0).AddDate(0, 0, n))
	case privacy.Bool:
		return fmt.Sprint(n%2 == 0)
	}
	if f.Scalar == "UUID" { // version 8, RFC 9562 section 5.8: no generator draws it
		return fmt.Sprintf("00000000-0000-8000-8000-%012x", n+1)
	}
	return fmt.Sprintf("example-%s-%04d", strings.ToLower(entity), n+1)
}

// invent is a value of a column that neither identifies a row nor takes part in a relation.
func (v column) invent(row int) string {
	words := " " + strings.Join(wordsOf(v.field.Name), " ") + " "
	has := func(any ...string) bool {
		for _, word := range any {
			if strings.Contains(words, " "+word+" ") {
				return true
			}
		}
		return false
	}
	switch v.field.Kind {
	case privacy.Bool:
		return fmt.Sprint(v.draw("", row, 2) == 0)
	case privacy.Int, privacy.BigInt:
		return fmt.Sprint(v.whole(row, has))
	case privacy.Float, privacy.Decimal:
		return v.fraction(row, has)
	case privacy.Date, privacy.Time:
		return v.when(row, has)
	case privacy.JSON:
		return fmt.Sprintf(`{"example":%d}`, row+1)
	}
	return v.words(row, has)
}

func (v column) whole(row int, has func(...string) bool) int {
	switch {
	case has("age"):
		return v.draw("", row, 100)
	case has("year"):
		return 1950 + v.draw("", row, 76)
	case has("month"):
		return 1 + v.draw("", row, 12)
	case has("percent", "score"):
		return v.draw("", row, 101)
	}
	return 1 + v.draw("", row, 60)
}

func (v column) fraction(row int, has func(...string) bool) string {
	hundredths := v.draw("", row, 100_000)
	switch {
	case has("latitude", "lat"):
		hundredths = v.draw("", row, 18_000) - 9_000
	case has("longitude", "lon", "lng"):
		hundredths = v.draw("", row, 36_000) - 18_000
	}
	sign := ""
	if hundredths < 0 {
		sign, hundredths = "-", -hundredths
	}
	return fmt.Sprintf("%s%d.%02d", sign, hundredths/100, hundredths%100)
}

func (v column) when(row int, has func(...string) bool) string {
	if has("birth", "born", "birthday", "birthdate") {
		return moment(v.field.Kind, day(1940, v.draw("", row, 24_000)))
	}
	at := day(2025, v.draw("", row, 364)).Add(time.Duration(v.draw("second", row, 86_400)) * time.Second)
	return moment(v.field.Kind, at)
}

func day(year, n int) time.Time { return time.Date(year, time.January, 1+n, 0, 0, 0, 0, time.UTC) }

func moment(kind privacy.Kind, at time.Time) string {
	if kind == privacy.Date {
		return at.Format(time.DateOnly)
	}
	return at.Format(time.RFC3339)
}

// words is a text. What points at a person differs from row to row; what people share has few values, so that groups
// have rows.
func (v column) words(row int, has func(...string) bool) string {
	n := row + 1
	if c := v.field.Classification; c == "NON_SENSITIVE" || c == "QUASI_IDENTIFIER" || c == "SENSITIVE" {
		n = 1 + v.draw("", row, 6)
	}
	switch {
	case v.field.Scalar == "UUID", v.field.Scalar == "ID":
		return identifier(v.entity.Name, v.field, row)
	case v.field.Classification == "FREE_TEXT":
		return fmt.Sprintf("Invented text %d: Example Person %d was seen in Example Town by Example Person %d.", n, n, n+1)
	case has("email", "mail"):
		return fmt.Sprintf("example%d@example.org", row+1)
	case has("phone", "telephone", "mobile", "tel", "fax"):
		return fmt.Sprintf("+1 202 555 01%02d", n%100)
	case has("url", "link", "website", "homepage", "uri"):
		return fmt.Sprintf("https://example.org/%s/%d", strings.ToLower(v.entity.Name), row+1)
	case has("ip"):
		return fmt.Sprintf("192.0.2.%d", n%256)
	case has("postcode", "zip", "zipcode"):
		return fmt.Sprintf("EX%03d", n)
	}
	return fmt.Sprintf("Example %s %d", strings.Join(wordsOf(v.field.Name), " "), n)
}

// wordsOf takes a name apart: "birthDate" and "birth_date" are "birth date".
func wordsOf(name string) []string {
	var words []string
	var word []rune
	end := func() {
		if len(word) > 0 {
			words = append(words, strings.ToLower(string(word)))
			word = nil
		}
	}
	runes := []rune(name)
	for i, r := range runes {
		if r == '_' {
			end()
			continue
		}
		if unicode.IsUpper(r) && i > 0 && !unicode.IsUpper(runes[i-1]) {
			end()
		}
		word = append(word, r)
	}
	end()
	return words
}
