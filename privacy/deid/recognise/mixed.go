package recognise

import "strings"

// mixed looks at a run of letters and digits.
func (s *scan) mixed(i, j int) int {
	s.macAddress(i)
	s.nationalInsurance(i)
	if end := s.iban(i); end > j {
		return end
	}
	if s.is(digit, i) {
		if end := s.mixedNumber(i, j); end > j {
			return end
		}
	}
	t := strings.ToUpper(s.s[i:min(j, i+24)])
	switch n := j - i; {
	case n == 18 && chinaCredit(t):
		s.add(ChinaCredit, i, j, 1)
	case n >= 7 && n <= 9 && s.about(aboutPassport, i) && passport(t):
		s.add(Passport, i, j, 0.85)
	case n == 16 && driverGB(t):
		s.add(DriverLicence, i, j, 0.9)
	}
	s.labelledMixed(i, j)
	s.postcodeGB(i, j)
	s.place(i, j)
	return j
}

// mixedNumber is digits that end in a letter: dates with suffixes, numbers with X, extensions.
func (s *scan) mixedNumber(i, j int) int {
	s.dateNumbers(i)
	var p phrase
	s.phrase(i, &p)
	if end := s.checked(&p); end > 0 {
		return end
	}
	s.telephone(&p)
	return 0
}

// passport is one or two letters and six to eight digits (China E12345678, EA1234567; US A12345678; others alike).
func passport(t string) bool {
	n := 0
	for n < len(t) && n < 3 && t[n] >= 'A' && t[n] <= 'Z' {
		n++
	}
	return n >= 1 && n <= 2 && allDigits(t[n:]) && len(t)-n >= 6
}

// driverGB is the form of DVLA driver numbers: five of the surname (9 for padding), the birth date coded, initials.
func driverGB(t string) bool {
	for i := range 5 {
		if (t[i] < 'A' || t[i] > 'Z') && t[i] != '9' {
			return false
		}
	}
	month := number9(t[6:8])
	if !allDigits(t[5:11]) || t[0] == '9' || t[13] < '0' {
		return false
	}
	if month > 50 {
		month -= 50 // women
	}
	return dayMonth(number(t[8:10]), month)
}

// number9 is number where all are digits, 0 else.
func number9(d string) int {
	if !allDigits(d) {
		return 0
	}
	return number(d)
}

// labelledMixed are identifiers that only the word before them tells.
func (s *scan) labelledMixed(i, j int) {
	end, digits := j, 0
	for end < len(s.s) && end-i < 24 && (s.alnum(end) || (s.s[end] == '-' && s.alnum(end+1))) {
		end++
	}
	for _, b := range []byte(s.s[i:end]) {
		if b >= '0' && b <= '9' {
			digits++
		}
	}
	switch {
	case digits < 4 || end-i > 20:
	case s.about(aboutRecord, i):
		s.add(MedicalRecord, i, end, 0.75)
	case s.about(aboutLicence, i):
		s.add(DriverLicence, i, end, 0.75)
	}
}

// iban reads from i and returns where one ended, 0 for none.
func (s *scan) iban(i int) int {
	if !s.is(letter, i) || !s.is(letter, i+1) || !s.is(digit, i+2) || !s.is(digit, i+3) {
		return 0
	}
	n := ibanLength(string([]byte{upper(s.s[i]), upper(s.s[i+1])}))
	if n == 0 {
		return 0
	}
	text, ends := s.compact(i, n)
	if len(text) < n || s.alnum(ends[n-1]) || !ibanValid(text) {
		return 0
	}
	s.add(IBAN, i, ends[n-1], 1)
	return ends[n-1]
}

// nationalInsurance reads "AB 12 34 56 C" with or without spaces.
func (s *scan) nationalInsurance(i int) {
	if !s.is(letter, i) || !s.is(letter, i+1) || !(s.is(digit, i+2) || s.is(digit, i+3)) {
		return
	}
	text, ends := s.compact(i, 9)
	if len(text) == 9 && nino(text) && !s.alnum(ends[8]) && ends[8]-i <= 13 {
		s.add(NINO, i, ends[8], 0.9)
	}
}

// postcodeGB is a full UK postcode: "SW1A 1AA" (BS 7666). Without its space it needs a word before it.
func (s *scan) postcodeGB(i, j int) {
	end := j
	switch {
	case j-i <= 4 && s.at(j) == ' ' && s.is(digit, j+1) && s.is(letter, j+2) && s.is(letter, j+3) && !s.alnum(j+4):
		end = j + 4
	case !s.about(aboutPost, i) || j-i < 5 || j-i > 7:
		return
	}
	t := strings.ToUpper(strings.ReplaceAll(s.s[i:end], " ", ""))
	out, in := t[:len(t)-3], t[len(t)-3:]
	if !outward(out) || in[0] < '0' || in[0] > '9' || strings.ContainsAny(in[1:], "CIKMOV0123456789") {
		return
	}
	if s.s[i] >= 'a' && !s.about(aboutPost, i) {
		return
	}
	s.add(Postcode, i, end, 0.8)
}

// outward is one or two letters, a digit, and perhaps a digit or letter.
func outward(t string) bool {
	n := 0
	for n < len(t) && t[n] >= 'A' && t[n] <= 'Z' {
		n++
	}
	return n >= 1 && n <= 2 && len(t) > n && len(t)-n <= 2 && t[n] >= '0' && t[n] <= '9' && strings.IndexByte("QVX", t[0]) < 0
}
