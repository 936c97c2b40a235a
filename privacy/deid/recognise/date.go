package recognise

import "strings"

// dateNumbers is a date in digits at i: year first, or day and month in either order. Dots want a four-digit year:
// versions have them too.
func (s *scan) dateNumbers(i int) {
	if b := s.at(i - 1); (b == '-' || b == '/' || b == '.') && s.alnum(i-2) {
		return
	}
	a, e1 := s.upTo(i, 4)
	sep := s.at(e1)
	if sep != '-' && sep != '/' && sep != '.' {
		s.dateCompact(i, e1)
		return
	}
	b, e2 := s.upTo(e1+1, 2)
	if e2 == e1+1 || s.at(e2) != sep {
		return
	}
	c, e3 := s.upTo(e2+1, 4)
	if e3 == e2+1 || s.is(digit, e3) || (s.at(e3) == sep && s.is(digit, e3+1)) {
		return
	}
	if !dateParts(a, b, c, e1-i, e3-e2-1, sep) {
		return
	}
	if s.is(letter, e3) && low(s.s[e3]) != 't' {
		return
	}
	s.add(Date, i, s.clock(e3), 0.85)
}

// dateParts reports whether three numbers, the first and last of na and nc digits, are a date.
func dateParts(a, b, c, na, nc int, sep byte) bool {
	switch {
	case na == 4:
		return nc <= 2 && a >= 1800 && a < 2200 && dayMonth(c, b)
	case na > 2 || nc == 3 || nc == 1:
		return false
	case nc == 4 && (c < 1800 || c >= 2200), nc == 2 && sep == '.':
		return false
	}
	return dayMonth(a, b) || dayMonth(b, a)
}

// dateCompact is yyyymmdd after a word such as "born".
func (s *scan) dateCompact(i, end int) {
	if end-i == 4 && s.about(aboutBirth, i) {
		n, e := s.upTo(i+4, 4)
		if d := s.s[i:e]; n >= 0 && len(d) == 8 && !s.alnum(e) && dateDigits(d) {
			s.add(Date, i, e, 0.7)
		}
	}
}

// upTo reads at most n digits.
func (s *scan) upTo(i, n int) (value, end int) {
	end = i
	for s.is(digit, end) && end-i < n {
		value, end = value*10+int(s.s[end]-'0'), end+1
	}
	return value, end
}

// clock is where a time of day after a date ends: "T11:34:35Z", " 9:05 pm".
func (s *scan) clock(i int) int {
	j := i
	if b := low(s.at(j)); b == 't' || b == ' ' {
		j++
	} else {
		return i
	}
	h, e := s.upTo(j, 2)
	if e == j || h > 24 || s.at(e) != ':' {
		return i
	}
	end := i
	for s.at(e) == ':' && s.is(digit, e+1) && s.is(digit, e+2) {
		e += 3
		end = e
	}
	if s.at(end) == '.' && s.is(digit, end+1) {
		_, end = s.upTo(end+1, 9)
	}
	if low(s.at(end)) == 'z' && !s.alnum(end+1) {
		return end + 1
	}
	if b := s.at(end); (b == '+' || b == '-') && s.is(digit, end+1) {
		_, end = s.upTo(end+1, 2)
		if s.at(end) == ':' {
			end++
		}
		_, end = s.upTo(end, 2)
	}
	return end
}

// monthName looks for a day before or after a month, and for a year.
func (s *scan) monthName(m, i, j int) {
	start, day := s.dayBefore(i)
	end := j
	if s.at(j) == '.' {
		j++
	}
	if verb := s.s[i] >= 'a' && (m == 3 || m == 5); day == 0 && !verb { // "may 5" in lower case is no date
		var e int
		if day, e = s.dayAfter(s.gap(j)); day > 0 {
			end = e
		}
	}
	year, e := s.yearAfter(s.gap(max(end, j)))
	if year > 0 {
		end = e
	}
	if !dayMonth(max(day, 1), m) || (day == 0 && (year == 0 || end-j > 12)) {
		return
	}
	score := 0.6
	if year > 0 {
		score = 0.85
	}
	s.add(Date, start, s.clock(end), score)
}

// gap is past the spaces, comma, hyphen or "of" that may part the words of a date.
func (s *scan) gap(i int) int {
	for k := 0; k < 3 && (s.at(i) == ' ' || s.at(i) == ',' || s.at(i) == '-' || s.at(i) == '/'); k++ {
		i++
	}
	if hasFold(s.s, i, "the ") {
		return i + 4
	}
	return i
}

// dayBefore is the day that ends before i ("3rd of", "twenty-first"), and where it starts.
func (s *scan) dayBefore(i int) (start, day int) {
	end := i
	for end > 0 && i-end < 2 && strings.IndexByte(" -/.", s.s[end-1]) >= 0 {
		end--
	}
	if hasFold(s.s, end-3, " of") {
		end -= 3
	}
	from := end
	for from > 0 && end-from < 12 && (s.alnum(from-1) || s.s[from-1] == '-' && s.is(letter, from)) {
		from--
	}
	if from == end || end == i {
		return i, 0
	}
	if d, e := s.dayAfter(from); d > 0 && e == end {
		return from, d
	}
	if k := strings.LastIndexByte(s.s[from:end], '-'); k >= 0 { // "mid-5 March"
		if d, e := s.dayAfter(from + k + 1); d > 0 && e == end {
			return from + k + 1, d
		}
	}
	if d, e := s.dayAfter(s.wordBefore(from)); d > 0 && e == end { // "twenty first"
		return s.wordBefore(from), d
	}
	return i, 0
}

func (s *scan) wordBefore(i int) int {
	for i > 0 && s.s[i-1] == ' ' {
		i--
	}
	for i > 0 && s.is(letter, i-1) {
		i--
	}
	return i
}

// dayAfter reads a day at i: 3, 3rd, third, twenty-first.
func (s *scan) dayAfter(i int) (day, end int) {
	if s.is(digit, i) {
		d, e := s.upTo(i, 3)
		for _, suffix := range []string{"st", "nd", "rd", "th"} {
			if hasFold(s.s, e, suffix) {
				e += 2
				break
			}
		}
		if e-i > 4 || s.alnum(e) || d < 1 || d > 31 || s.at(e) == ':' {
			return 0, i
		}
		return d, e
	}
	m, e := s.lookup(i)
	switch {
	case m.act == ordinal:
		return m.value, e
	case m.act == tens && (m.value == 20 || m.value == 30):
		next, ne := s.lookup(e + 1)
		if next.act == ordinal && next.value < 10 {
			return m.value + next.value, ne
		}
	}
	return 0, i
}

// lookup is the meaning of the word at i and where it ends.
func (s *scan) lookup(i int) (meaning, int) {
	j := i
	for s.is(letter, j) && j-i < longestWord {
		j++
	}
	if j == i || s.alnum(j) {
		return meaning{}, i
	}
	m, _ := s.r.words.find(s.s[i:j])
	return m, j
}

// yearAfter reads a year at i: 1984, '84, nineteen eighty-four, two thousand and four.
func (s *scan) yearAfter(i int) (year, end int) {
	if s.at(i) == '\'' {
		if y, e := s.upTo(i+1, 2); e == i+3 && !s.alnum(e) {
			return 1900 + y, e
		}
	}
	if s.is(digit, i) {
		y, e := s.upTo(i, 5)
		if (e-i == 4 && y >= 1800 && y < 2200 || e-i == 2 && s.at(i-1) == '-') && !s.alnum(e) {
			return max(y, 1), e
		}
		return 0, i
	}
	if hasFold(s.s, i, "two thousand") {
		return 2000, s.belowHundred(i + len("two thousand"))
	}
	m, e := s.lookup(i)
	if m.act != tens || (m.value != 18 && m.value != 19 && m.value != 20) {
		return 0, i
	}
	if hasFold(s.s, e, " hundred") {
		e += len(" hundred")
	}
	if rest := s.belowHundred(e); rest > e {
		return m.value * 100, rest
	}
	return 0, i
}

// belowHundred is where a number in words after i ends; i for none.
func (s *scan) belowHundred(i int) int {
	j := i
	if hasFold(s.s, j, " and") {
		j += 4
	}
	if s.at(j) != ' ' && s.at(j) != '-' {
		return i
	}
	m, e := s.lookup(j + 1)
	switch {
	case m.act == numeral && m.value > 0 && i != j:
		return e
	case m.act == numeral:
		if next, ne := s.lookup(e + 1); next.act == numeral { // "oh four"
			return ne
		}
		return e
	case m.act != tens:
		return i
	}
	if s.at(e) == ' ' || s.at(e) == '-' {
		if next, ne := s.lookup(e + 1); next.act == numeral && m.value >= 20 {
			return ne
		}
	}
	return e
}

// spelt is digits in words, "four one one one": seven or more are taken for what they spell. It returns where the
// words end.
func (s *scan) spelt(i, j int) int {
	var digits []byte
	end, next := j, i
	for {
		m, e := s.lookup(next)
		if m.act != numeral {
			break
		}
		digits, end = append(digits, '0'+byte(m.value)), e
		next = skipSpaces(s.s, e, 1)
		if next == e && (s.at(e) == '-' || s.at(e) == ',') {
			next = skipSpaces(s.s, e+1, 1)
		}
		if len(digits) >= 64 {
			break
		}
	}
	if len(digits) >= 7 {
		s.speltNumber(string(digits), i, end)
	}
	return end
}

func (s *scan) speltNumber(d string, i, end int) {
	switch {
	case len(d) == 18 && chinaID(d):
		s.add(ChinaID, i, end, 0.9)
	case len(d) >= 12 && len(d) <= 19 && luhn(d) && cardIssuer(d):
		s.add(Card, i, end, 0.9)
	case chinaMobile(d):
		s.add(ChinaMobile, i, end, 0.8)
	case len(d) == 10 && nhs(d) && s.about(aboutNHS, i):
		s.add(NHS, i, end, 0.8)
	case len(d) == 9 && ssn(d) && s.about(aboutSSN, i):
		s.add(SSN, i, end, 0.8)
	case s.about(aboutPhone, i) && len(d) <= 15, len(d) >= 10 && len(d) <= 11:
		s.add(Phone, i, end, 0.6)
	}
}
