package recognise

import "strings"

// Bounds of a phrase of digits: what is longer is no identifier.
const (
	mostChunks = 20
	mostDigits = 24
)

// phrase is chunks of digits with little between them: "4111 1111 1111 1111", "(415) 555-2671".
type phrase struct {
	n      int
	from   [mostChunks]int
	to     [mostChunks]int
	count  [mostChunks]int // digits up to and including a chunk
	digits [mostDigits + 24]byte
	text   string
}

// phrase reads from the digit at i.
func (s *scan) phrase(i int, p *phrase) {
	total := 0
	p.n = 0
	for p.n < mostChunks {
		j := i
		for j < len(s.s) && s.s[j] >= '0' && s.s[j] <= '9' && total < mostDigits+1 {
			p.digits[total] = s.s[j]
			total, j = total+1, j+1
		}
		if total > mostDigits {
			break
		}
		p.from[p.n], p.to[p.n], p.count[p.n] = i, j, total
		p.n++
		next := s.separator(j)
		if next == j || !s.is(digit, next) {
			break
		}
		i = next
	}
	if p.n == 1 {
		p.text = s.s[p.from[0]:p.to[0]]
		return
	}
	p.text = string(p.digits[:min(total, mostDigits)])
}

// separator is where up to three characters that may stand inside an identifier end.
func (s *scan) separator(i int) int {
	j := i
	for j < len(s.s) && j-i < 3 {
		switch s.s[j] {
		case ' ', '-', '.', '/', '(', ')', '\n', '\r', '\t':
			j++
			continue
		}
		break
	}
	return j
}

// digits looks at a run of digits and returns where to go on.
func (s *scan) digits(i, j int) int {
	if s.joined(i) {
		return j
	}
	s.macAddress(i)
	if s.ipv4(i) {
		return j
	}
	s.dateNumbers(i)
	if j-i > mostDigits {
		return j
	}
	var p phrase
	s.phrase(i, &p)
	end := s.checked(&p)
	if end > j {
		return end
	}
	s.labelled(&p)
	s.telephone(&p)
	s.year(i, j)
	s.place(i, j)
	s.numberTwice(i, j)
	return j
}

// joined reports a run of digits that goes on from a letter or from a decimal point: part of something else.
func (s *scan) joined(i int) bool {
	switch s.at(i - 1) {
	case '.', ',':
		return s.is(digit, i-2)
	case '_', '$':
		return true
	}
	return false
}

// checked looks for identifiers with a check digit over whole chunks; it returns the end of what was found for sure.
func (s *scan) checked(p *phrase) int {
	best := 0
	for k := range p.n {
		d, end := p.text[:p.count[k]], p.to[k]
		if s.alnum(end) && !s.checkLetter(end) {
			continue
		}
		if len(d) < 9 {
			continue
		}
		if sure := s.check(p, k, d, end); sure > best {
			best = sure
		}
	}
	return best
}

// checkLetter reports the X that ends a Chinese resident number.
func (s *scan) checkLetter(i int) bool { return low(s.at(i)) == 'x' && !s.alnum(i+1) }

func (s *scan) check(p *phrase, k int, d string, end int) int {
	start := p.from[0]
	if s.checkLetter(end) {
		if len(d) == 17 && chinaID(d+"X") {
			s.add(ChinaID, start, end+1, 1)
			return end + 1
		}
		return 0
	}
	switch {
	case len(d) == 18 && chinaID(d):
		s.add(ChinaID, start, end, 1)
	case len(d) == 18 && chinaCredit(d):
		s.add(ChinaCredit, start, end, 0.95)
	case len(d) == 18 && s.about(aboutID, start) && d[0] > '0' && dateDigits(d[6:14]):
		s.add(ChinaID, start, end, 0.7) // mistyped, and as identifying
	case len(d) == 15 && s.about(aboutID, start) && dateDigits("19"+d[6:12]):
		s.add(ChinaID, start, end, 0.7) // GB 11643-1989 had no check digit
	case len(d) == 15 && s.imei(p, k, d) && luhn(d):
		s.add(IMEI, start, end, 0.95)
	case len(d) >= 12 && len(d) <= 19 && s.cardShape(p, k, d) && luhn(d):
		s.add(Card, start, end, 0.9+0.005*float64(len(d)-12))
	case len(d) == 10 && nhs(d) && s.nhsShape(p, k, start):
		s.add(NHS, start, end, 0.9)
		return 0
	case len(d) == 9 && ssn(d) && s.ssnShape(p, k, start):
		s.add(SSN, start, end, 0.85)
		return 0
	default:
		return 0
	}
	return end
}

// cardShape wants an issuer's number in one piece, in groups, or one digit at a time; or the word "card".
func (s *scan) cardShape(p *phrase, k int, d string) bool {
	if !cardIssuer(d) {
		return s.about(aboutCard, p.from[0]) && k == 0
	}
	if k == 0 || k == len(d)-1 {
		return true
	}
	for c := range k + 1 {
		if p.to[c]-p.from[c] < 2 {
			return false
		}
	}
	return p.to[0]-p.from[0] >= 3
}

// imei: the word, or the groups in which it is printed (3GPP TS 23.003 section 6.2.1).
func (s *scan) imei(p *phrase, k int, d string) bool {
	return s.about(aboutIMEI, p.from[0]) || s.shape(p, k, "2661") || (k == 0 && strings.HasPrefix(d, "35") && !cardIssuer(d))
}

// shape reports whether chunks 0 to k have these lengths.
func (s *scan) shape(p *phrase, k int, lengths string) bool {
	if k != len(lengths)-1 {
		return false
	}
	for c := range k + 1 {
		if p.to[c]-p.from[c] != int(lengths[c]-'0') {
			return false
		}
	}
	return true
}

// between reports whether the chunks up to k are parted by one of these single characters, always the same one.
func (s *scan) between(p *phrase, k int, seps string) bool {
	for c := range k {
		if p.from[c+1]-p.to[c] != 1 || s.s[p.to[c]] != s.s[p.to[0]] || strings.IndexByte(seps, s.s[p.to[c]]) < 0 {
			return false
		}
	}
	return true
}

func (s *scan) nhsShape(p *phrase, k, start int) bool {
	return s.about(aboutNHS, start) || (s.shape(p, k, "334") && s.between(p, k, " ") && strings.IndexByte("4679", s.s[start]) >= 0)
}

func (s *scan) ssnShape(p *phrase, k, start int) bool {
	if s.shape(p, k, "324") {
		return s.between(p, k, "- .") && !s.dashed(p, k)
	}
	return (k == 0 || s.between(p, k, "- .")) && s.about(aboutSSN, start)
}

// dashed reports that the phrase goes on with the same separator: a longer number, not this one.
func (s *scan) dashed(p *phrase, k int) bool {
	sep := s.at(p.to[0])
	before := p.from[0] - 1
	return (p.n > k+1 && s.s[p.to[k]] == sep && sep != ' ') || (s.at(before) == sep && sep == '-' && s.alnum(before-1))
}

// labelled are numbers that only the word before them tells.
func (s *scan) labelled(p *phrase) {
	start, k := p.from[0], s.sameLine(p)
	d, end := p.text[:p.count[k]], p.to[k]
	if s.is(letter, end) {
		return
	}
	switch {
	case s.about(aboutPassport, start) && p.to[0]-start >= 7 && p.to[0]-start <= 9:
		s.add(Passport, start, p.to[0], 0.8)
	case s.about(aboutRecord, start) && len(d) >= 4 && len(d) <= 14:
		s.add(MedicalRecord, start, end, 0.75)
	case s.about(aboutLicence, start) && len(d) >= 6 && len(d) <= 18:
		s.add(DriverLicence, start, end, 0.75)
	case s.about(aboutBank, start) && len(d) >= 6 && len(d) <= 20:
		s.add(BankAccount, start, end, 0.75)
	case s.about(aboutPost, start):
		s.zip(p)
	}
}

// sameLine is the last chunk that is joined by a space or hyphen on one line.
func (s *scan) sameLine(p *phrase) int {
	k := 0
	for k+1 < p.n && p.from[k+1]-p.to[k] == 1 && strings.IndexByte(" -", s.s[p.to[k]]) >= 0 {
		k++
	}
	return k
}

// zip is a postcode of four to six digits, or US ZIP+4, after a word that says so.
func (s *scan) zip(p *phrase) {
	n := p.to[0] - p.from[0]
	switch {
	case p.n > 1 && p.to[1]-p.from[1] == 4 && n == 5 && s.between(p, 1, "-"):
		s.add(Postcode, p.from[0], p.to[1], 0.8)
	case p.n > 1 && p.to[1]-p.from[1] <= 3 && n >= 3 && n <= 5 && p.from[1]-p.to[0] == 1:
		s.add(Postcode, p.from[0], p.to[1], 0.7)
	case n >= 3 && n <= 6:
		s.add(Postcode, p.from[0], p.to[0], 0.75)
	}
}

// year is a bare year, where these are asked for.
func (s *scan) year(i, j int) {
	if !s.r.options.Years || j-i != 4 || s.at(i-1) == '-' || s.at(j) == '-' {
		return
	}
	if y := number(s.s[i:j]); y >= 1900 && y < 2100 {
		s.add(Year, i, j, 0.4)
	}
}
