package deid

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostGap is how many bytes may lie between two parts of one address, or of one name.
const mostGap = 16

// complete joins what tagger and rules found in parts: an address whose town, unit and postcode are spans of their own,
// a name that was read up to its initial. What lies between two parts is as much of the address as they are. Spans are
// sorted and disjoint, before and after.
func complete(text string, spans []Span) []Span {
	for i := range spans {
		switch spans[i].Label {
		case "PERSON":
			wholeName(text, spans, i)
		case "ADDRESS":
			spans[i].End = ordinalPoint(text, spans[i].Start, spans[i].End)
		}
	}
	return joinAddresses(text, union(spans))
}

// joinAddresses makes each run of places that hold an address one span.
func joinAddresses(text string, spans []Span) []Span {
	out := spans[:0]
	for from := 0; from < len(spans); {
		to := from + 1
		for to < len(spans) && sameAddress(text, spans[to-1], spans[to]) {
			to++
		}
		run := spans[from:to]
		if to-from > 1 && slices.ContainsFunc(run, isAddress) {
			out = append(out, joined(run))
		} else {
			out = append(out, run...)
		}
		from = to
	}
	return out
}

// joined is one span over a run; its longest address says what found it.
func joined(run []Span) Span {
	best := slices.MaxFunc(run, func(a, b Span) int {
		return cmp.Or(cmp.Compare(count(isAddress(a)), count(isAddress(b))), cmp.Compare(a.End-a.Start, b.End-b.Start))
	})
	best.Label = "ADDRESS"
	best.Start, best.End = run[0].Start, run[len(run)-1].End
	return best
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

func isAddress(s Span) bool { return s.Label == "ADDRESS" || s.Label == "POSTCODE" }

// isPlace is what may be a part of an address; TEXT is a word of a script that is not read here.
func isPlace(s Span) bool { return isAddress(s) || s.Label == "LOCATION" || s.Label == "TEXT" }

func sameAddress(text string, a, b Span) bool {
	if !isPlace(a) || !isPlace(b) || b.Start-a.End > mostGap {
		return false
	}
	gap := text[a.End:b.Start]
	if strings.Trim(gap, " ,\r\n\t()∆") == "" {
		return true
	}
	return isAddress(a) && isAddress(b) && oneWord(gap) || isAddress(b) && inBrackets(gap)
}

// oneWord is a word between a number and the name of a street: " ul. ", " rue ".
func oneWord(gap string) bool {
	word := strings.TrimPrefix(strings.TrimSuffix(gap, " "), " ")
	return len(word)+2 == len(gap) && strings.IndexFunc(strings.TrimRight(word, "./"), notLetter) < 0
}

// inBrackets is a word after a country's name: " (Greek) ".
func inBrackets(gap string) bool {
	word, ok := strings.CutPrefix(strings.TrimSpace(gap), "(")
	word, closed := strings.CutSuffix(word, ")")
	return ok && closed && strings.IndexFunc(word, notLetter) < 0
}

func notLetter(c rune) bool { return !unicode.IsLetter(c) }

// ordinalPoint takes in the point after a house number where numbers are written as ordinals: "Király utca 15.".
func ordinalPoint(text string, start, end int) int {
	if end >= len(text) || text[end] != '.' {
		return end
	}
	words := strings.Fields(text[start:end])
	if len(words) < 2 || strings.Trim(words[len(words)-1], "0123456789") != "" {
		return end
	}
	switch strings.ToLower(words[len(words)-2]) {
	case "u.", "u", "utca", "útja", "út", "tér", "rkp.", "rkp", "krt.", "krt", "körút", "köz", "sor", "sétány", "fasor":
		return end + 1
	}
	return end
}

// wholeName takes in what stands beside a name over an initial, up to the next span: "Vide A. [Persson]". Without an
// initial a capitalised word beside a name may be anything.
func wholeName(text string, spans []Span, i int) {
	s := &spans[i]
	least, most := 0, len(text)
	if i > 0 {
		least = spans[i-1].End
	}
	if i+1 < len(spans) {
		most = spans[i+1].Start
	}
	last := s.End
	if w := wordBefore(text, s.Start, last); isInitial(w) { // the name read ends with its initial
		if next := capitalAfter(text, last, most); next > last {
			s.End = next
		}
	} else if next := initialAfter(text, last, most); next > last {
		if end := capitalAfter(text, next, most); end > next {
			s.End = end
		}
	}
	if at := initialBefore(text, least, s.Start); at < s.Start {
		if from := capitalBefore(text, least, at); from < at {
			s.Start = from
		}
	}
}

// wordBefore is the last word of text[start:end].
func wordBefore(text string, start, end int) string {
	return text[start+strings.LastIndexByte(text[start:end], ' ')+1 : end]
}

// isInitial is one capital letter, with or without its point.
func isInitial(w string) bool {
	c, size := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(c) && !isHan(c) && (size == len(w) || w[size:] == ".")
}

// initialAfter is the end of an initial after i and a space; i where there is none.
func initialAfter(text string, i, most int) int {
	end := tokenEnd(text, i, most)
	if end > i && isInitial(text[i+1:end]) {
		return end
	}
	return i
}

// capitalAfter is the end of a capitalised word after i and a space.
func capitalAfter(text string, i, most int) int {
	if i < most && text[i] == '.' {
		i++
	}
	end := tokenEnd(text, i, most)
	if end > i && isCapitalised(strings.TrimRight(text[i+1:end], ".,;:!?)")) {
		return i + 1 + len(strings.TrimRight(text[i+1:end], ".,;:!?)"))
	}
	return i
}

func tokenEnd(text string, i, most int) int {
	if i+1 >= most || text[i] != ' ' {
		return i
	}
	if n := strings.IndexAny(text[i+1:most], " \r\n\t"); n >= 0 {
		return i + 1 + n
	}
	return most
}

func initialBefore(text string, least, i int) int {
	from := tokenStart(text, least, i)
	if from < i && isInitial(text[from:i-1]) {
		return from
	}
	return i
}

func capitalBefore(text string, least, i int) int {
	from := tokenStart(text, least, i)
	if from < i && isCapitalised(text[from:i-1]) {
		return from
	}
	return i
}

func tokenStart(text string, least, i int) int {
	if i-1 <= least || text[i-1] != ' ' {
		return i
	}
	return least + strings.LastIndexAny(text[least:i-1], " \r\n\t") + 1
}

// isCapitalised is a word of two letters or more that begins with a capital.
func isCapitalised(w string) bool {
	c, size := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(c) && len(w) > size && strings.IndexFunc(strings.Map(notJoint, w), notLetter) < 0
}

func notJoint(c rune) rune {
	if c == '-' || c == '\'' || c == '’' {
		return -1
	}
	return c
}
