package recognise

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostStreet is how far before a street suffix its number may stand.
const mostStreet = 48

// streetName looks back from a street suffix for the words and the number before it: "221B Baker Street".
func (s *scan) streetName(vague bool, i, j int) {
	if s.at(i-1) != ' ' {
		return
	}
	capital := s.s[i] < 'a'
	start, ok := s.houseNumber(i-1, vague)
	if !ok && capital {
		s.streetNumberFirst(i, j)
	}
	if !ok || (vague && !capital) {
		return
	}
	s.add(Address, s.unitBefore(s.numbersBefore(start)), s.addressTail(s.direction(j)), 0.8)
}

// houseNumber walks back over up to five words to a number.
func (s *scan) houseNumber(end int, vague bool) (int, bool) {
	at, named := end, false
	for words := 0; words < 6 && end-at < mostStreet; words++ {
		from := s.wordStart(at, end-mostStreet)
		w := s.s[from:at]
		if w == "" {
			break
		}
		if houseNumber(w) {
			return from, named && !s.minutes(from)
		}
		if !ordinalNumber(w) && !streetWord(w, vague) {
			break
		}
		if from == 0 || s.s[from-1] != ' ' {
			break
		}
		at, named = from-1, named || !strings.Contains(connectors, " "+w+" ")
	}
	return 0, false
}

// minutes reports the digits of a time after its hour: no house.
func (s *scan) minutes(i int) bool { return s.at(i-1) == ':' && s.is(digit, i-2) }

// wordStart is where the word that ends at i starts; Chinese before it, which needs no space, is none of it.
func (s *scan) wordStart(i, least int) int {
	for i > max(least, 0) {
		if s.s[i-1] < 0x80 {
			if !s.alnum(i-1) && strings.IndexByte("'.-", s.s[i-1]) < 0 {
				break
			}
			i--
			continue
		}
		c, size := utf8.DecodeLastRuneInString(s.s[:i])
		if !unicode.IsLetter(c) || isHan(c) {
			break
		}
		i -= size
	}
	return i
}

// houseNumber is 12, 12B or 12-14.
func houseNumber(w string) bool {
	n := 0
	for n < len(w) && w[n] >= '0' && w[n] <= '9' {
		n++
	}
	switch {
	case n == 0 || n > 6:
		return false
	case n == len(w), n == len(w)-1 && w[n] >= 'A' && low(w[n]) <= 'z' && w[n] != '.':
		return true
	}
	return w[n] == '-' && allDigits(w[n+1:]) && len(w)-n <= 5
}

func ordinalNumber(w string) bool {
	return len(w) >= 3 && w[0] >= '0' && w[0] <= '9' && strings.Contains(" st nd rd th", " "+strings.ToLower(w[len(w)-2:]))
}

// connectors may stand in the name of a street, and are none.
const connectors = " de la du of the van der "

// streetWord refuses the words between a number and a street word in ordinary sentences.
func streetWord(w string, vague bool) bool {
	first := []rune(w)[0]
	if unicode.IsUpper(first) {
		return true
	}
	if vague && !strings.Contains(connectors, " "+w+" ") {
		return false
	}
	return !strings.Contains(" in on at to and by from or is was are were with for per minute minutes min mins hour hours day days mile miles km year years week weeks month months meter metre meters metres people patients persons lane way more other this that a an ", " "+w+" ") && unicode.IsLetter(first)
}

// unitBefore takes in "Flat 2, " before a house number.
func (s *scan) unitBefore(start int) int {
	i := start
	for i > 0 && (s.s[i-1] == ' ' || s.s[i-1] == ',') && start-i < 3 {
		i--
	}
	end := i
	for i > 0 && s.alnum(i-1) && end-i < 5 {
		i--
	}
	if i == end || s.at(i-1) != ' ' {
		return start
	}
	word := s.wordBefore(i)
	if m, e := s.lookup(word); m.act == unitWord && e > word {
		return word
	}
	return start
}

// numbersBefore takes in one more number before a house number: "17151 2450 Crown St".
func (s *scan) numbersBefore(start int) int {
	i := start - 1
	for i > 0 && s.is(digit, i-1) && start-i < 8 {
		i--
	}
	if s.at(start-1) != ' ' || i == start-1 || i > 0 && s.s[i-1] > ' ' && s.s[i-1] < 0x80 {
		return start
	}
	return i
}

// direction takes in a quadrant after the suffix: "NW".
func (s *scan) direction(i int) int {
	if s.at(i) != ' ' {
		return i
	}
	for _, d := range []string{"NW", "NE", "SW", "SE", "N", "S", "E", "W", "North", "South", "East", "West"} {
		if strings.HasPrefix(s.s[i+1:], d) && !s.alnum(i+1+len(d)) {
			return i + 1 + len(d)
		}
	}
	return i
}

// addressTail goes on over unit, city, state and postcode after commas and line ends. A city counts after a unit, or
// where a postcode follows it.
func (s *scan) addressTail(end int) int { return s.tailAfter(end, false) }

// tailAfter is addressTail; unit says that a unit ends there.
func (s *scan) tailAfter(end int, unit bool) int {
	last, i := end, end
	for range 8 {
		from := s.addressGap(i, i == end)
		if from == i {
			break
		}
		next, part := s.addressPart(from, unit || strings.ContainsAny(s.s[i:from], ",\n"))
		if next == from {
			break
		}
		unit = unit || part == unitPart
		if part != cityPart || unit || s.endsLine(next) && strings.IndexByte(s.s[i:from], ',') >= 0 {
			last = next
		}
		if i = next; part == codePart {
			break
		}
	}
	return last
}

// endsLine reports the end of a sentence or a line: what stands before it after a comma is a place.
func (s *scan) endsLine(i int) bool { return i >= len(s.s) || strings.IndexByte(".;)\n", s.s[i]) >= 0 }

// addressGap is past what may part the lines of an address. A point after the first part is an abbreviation's; at the
// end of an address it is the sentence's, and stays outside.
func (s *scan) addressGap(i int, first bool) int {
	from := i
	if first && s.at(i) == '.' {
		from++
	}
	for from < len(s.s) && from-i < 6 && strings.IndexByte(" ,\n\r", s.s[from]) >= 0 {
		from++
	}
	return from
}

// part of an address.
type part uint8

const (
	cityPart part = iota
	unitPart
	codePart
)

// addressPart reads one part from i on. Names count as a city where something parts them from what is before.
func (s *scan) addressPart(i int, parted bool) (end int, p part) {
	if e := s.unitAt(i); e > i {
		return e, unitPart
	}
	if s.is(digit, i) {
		_, e := s.upTo(i, 6)
		if e-i < 4 || e-i > 5 || s.alnum(e) {
			return i, cityPart
		}
		if s.at(e) == '-' && s.is(digit, e+1) {
			_, e = s.upTo(e+1, 4)
		}
		return e, codePart
	}
	if e := s.outwardInward(i); e > i {
		return e, codePart
	}
	if e := s.personName(i, 4); e > i && (parted || e-i == 2) {
		return e, cityPart
	}
	return i, cityPart
}

// unitAt reads "Apt. 4B", "Suite 300" or "#12".
func (s *scan) unitAt(i int) int {
	j := i
	if s.at(i) == '#' {
		j++
	} else {
		m, e := s.lookup(i)
		if m.act != unitWord && !hasFold(s.s, i, "unit ") && !hasFold(s.s, i, "floor ") && !hasFold(s.s, i, "room ") {
			return i
		}
		for j = max(e, i); s.at(j) == '.' || s.at(j) == ' ' || s.at(j) == '#'; j++ {
		}
	}
	end := j
	for s.alnum(end) && end-j < 6 {
		end++
	}
	if end == j || !strings.ContainsAny(s.s[j:end], "0123456789") {
		return i
	}
	return end
}

// outwardInward reads a UK postcode at i.
func (s *scan) outwardInward(i int) int {
	j := i
	for s.alnum(j) && j-i < 5 {
		j++
	}
	if j-i > 4 || j == i || !outward(s.s[i:j]) || s.at(j) != ' ' || !s.is(digit, j+1) || !s.is(letter, j+2) || !s.is(letter, j+3) || s.alnum(j+4) {
		return i
	}
	return j + 4
}

// unitNumber is a unit or a post office box on its own.
func (s *scan) unitNumber(i, j int) {
	k := j
	if s.at(k) == '.' {
		k++
	}
	from := skipSpaces(s.s, k, 1)
	if s.at(from) == '#' {
		from++
	}
	end := from
	for s.alnum(end) && end-from < 7 {
		end++
	}
	if end == from || !s.is(digit, from) || from == j {
		return
	}
	start := i
	if m, _ := s.lookup(i); m.act == boxWord {
		for start > 0 && i-start < 14 && (s.alnum(start-1) || strings.IndexByte(" .,", s.s[start-1]) >= 0) && !hasFold(s.s, start, "po") && !hasFold(s.s, start, "p.o") && !hasFold(s.s, start, "psc") && !hasFold(s.s, start, "cmr") {
			start--
		}
	}
	s.add(Address, s.numbersBefore(start), s.tailAfter(end, start == i && s.at(end) == ' '), 0.6)
}

// streetNumberLast is the order of other Latin languages: "Rua do Arenque 1634".
func (s *scan) streetNumberLast(i, j int) {
	at := j
	if s.at(at) == '.' {
		at++ // "ul. "
	}
	if s.s[i] >= 'a' && at == j {
		s.streetNumberFirst(i, j)
		return // "via" is an English word as well
	}
	for words := 0; words < 5 && s.at(at) == ' '; words++ {
		from := at + 1
		if s.is(digit, from) {
			_, end := s.upTo(from, 5)
			if s.is(letter, end) && !s.alnum(end+1) {
				end++
			}
			if words > 0 && !s.alnum(end) {
				s.add(Address, s.numbersBefore(i), s.addressTail(end), 0.7)
			}
			return
		}
		next := s.nameWord(from)
		if next == from {
			if next = s.anyParticle(from); next == from {
				break
			}
		}
		at = next
	}
	s.streetNumberFirst(i, j)
}

// streetNumberFirst is the French order: "31 Rue de Carthage", "12 rue La Fayette". The number stands before the word.
func (s *scan) streetNumberFirst(i, j int) {
	start := s.numbersBefore(i)
	if start == i || s.minutes(start) {
		return
	}
	end, at := j, j
	for words := 0; words < 5 && s.at(at) == ' '; words++ {
		next := s.nameWord(at + 1)
		if next > at+1 {
			end = next
		} else if next = s.anyParticle(at + 1); next == at+1 {
			break
		}
		at = next
	}
	if end > j {
		s.add(Address, s.numbersBefore(start), s.addressTail(end), 0.7)
	}
}

func (s *scan) anyParticle(i int) int {
	j := i
	for s.is(letter, j) && j-i < 4 {
		j++
	}
	if strings.Contains(" do da de di del des du la le el al dos das e y ", " "+strings.ToLower(s.s[i:j])+" ") {
		return j
	}
	return i
}

// place is a US ZIP after a state's abbreviation: "CA 94105".
func (s *scan) place(i, j int) {
	if j-i != 5 || s.at(i-1) != ' ' || !s.is(letter, i-2) || !s.is(letter, i-3) || s.alnum(i-4) || !allDigits(s.s[i:j]) {
		return
	}
	const states = " AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AA AE AP PR "
	if !strings.Contains(states, " "+s.s[i-3:i-1]+" ") {
		return
	}
	end := j
	if s.at(j) == '-' {
		if _, e := s.upTo(j+1, 4); e == j+5 && !s.alnum(e) {
			end = e
		}
	}
	s.add(Postcode, i, end, 0.7)
}

// militaryPost is "PSC 0413, Box 8144" and "Unit 0822 Box 8858" (US Postal Service, Publication 28 section 238).
func (s *scan) militaryPost(i, j int) {
	if s.at(j) != ' ' {
		return
	}
	_, end := s.upTo(j+1, 5)
	from := end
	if s.at(from) == ',' {
		from++
	}
	if end == j+1 || !hasFold(s.s, from, " box ") {
		return
	}
	if _, box := s.upTo(from+len(" box "), 5); box > from+len(" box ") {
		s.add(Address, i, s.addressTail(box), 0.8)
	}
}

// streetEnding reports the compounds in which streets are named around Europe: Hauptstrasse, Kiannonkatu.
func streetEnding(w string) bool {
	if len(w) < 7 || w[0] >= 'a' {
		return false
	}
	for _, e := range []string{"strasse", "gasse", "gade", "vej", "gata", "gatan", "veien", "vegen", "katu", "tie", "straat", "laan", "weg", "platz", "allee", "kuja", "kade", "gracht"} {
		if hasFold(w, len(w)-len(e), e) {
			return true
		}
	}
	return false
}

// numberAfter is a street with its number behind, and perhaps the one of the house before.
func (s *scan) numberAfter(i, j int) {
	_, end := s.upTo(j+1, 4)
	if s.is(letter, end) && !s.alnum(end+1) {
		end++
	}
	if end == j+1 || s.alnum(end) {
		return
	}
	for i > 0 && s.s[i-1] >= 0x80 && !s.hanBefore(i) {
		i = s.wordStart(i, i-40)
	}
	s.add(Address, s.numbersBefore(i), s.addressTail(end), 0.7)
}

// numberTwice is a number, names and a number, "20789 Allika 46", where the rest of an address follows.
func (s *scan) numberTwice(i, j int) {
	if j-i > 6 || s.at(j) != ' ' || s.minutes(i) {
		return
	}
	at := j
	for words := 0; words < 4 && s.at(at) == ' ' && !s.is(digit, at+1); words++ {
		next := s.nameWord(at + 1)
		if m, _ := s.lookup(at + 1); next == at+1 || m.act != nothing {
			return // a month, a title, a unit: met on its own
		}
		at = next
	}
	if at == j || s.at(at) != ' ' || !s.is(digit, at+1) {
		return
	}
	_, end := s.upTo(at+1, 4)
	if s.alnum(end) {
		return
	}
	tail := s.addressTail(end)
	if city := s.addressGap(end, false); tail > end || j-i >= 3 && s.at(end) == ',' && s.personName(city, 3) > city {
		s.add(Address, i, tail, 0.6)
	}
}
