package recognise

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// plus is an international number.
func (s *scan) plus(i int) int {
	next := i + 1
	if s.at(next) == '(' || s.at(next) == ' ' {
		next++
	}
	if !s.is(digit, next) || s.alnum(i-1) {
		return i + 1
	}
	var p phrase
	s.phrase(next, &p)
	k := s.callable(&p, 7, 15)
	if k < 0 {
		return i + 1
	}
	if !possible(p.text[:p.count[k]]) {
		return i + 1
	}
	end := s.extension(p.to[k])
	if p.count[k] == 13 && strings.HasPrefix(p.text, "86") && chinaMobile(p.text[2:13]) {
		s.add(ChinaMobile, i, end, 1)
	} else {
		s.add(Phone, i, end, 0.9)
	}
	return end
}

// callable is the last chunk of the longest number of least to most digits on one line, -1 for none.
func (s *scan) callable(p *phrase, least, most int) int {
	best := -1
	for k := range p.n {
		if k > 0 && strings.ContainsAny(s.s[p.to[k-1]:p.from[k]], "\n\r\t") {
			break
		}
		if k > 0 && p.to[k]-p.from[k] > 11 {
			break
		}
		if n := p.count[k]; n >= least && n <= most && !s.is(letter, p.to[k]) || s.hasExtension(p.to[k]) && p.count[k] >= least {
			best = k
		}
	}
	return best
}

func (s *scan) hasExtension(i int) bool {
	j := i
	if s.at(j) == ' ' {
		j++
	}
	return low(s.at(j)) == 'x' && s.is(digit, j+1) || hasFold(s.s, j, "ext")
}

// extension is where "x123" or "ext. 123" after a number ends.
func (s *scan) extension(i int) int {
	j := i
	if s.at(j) == ' ' || s.at(j) == ',' {
		j = skipSpaces(s.s, j+1, 1)
	}
	switch {
	case hasFold(s.s, j, "extension"):
		j += len("extension")
	case hasFold(s.s, j, "ext"):
		j += len("ext")
	case low(s.at(j)) == 'x':
		j++
	default:
		return i
	}
	if s.at(j) == '.' || s.at(j) == ':' {
		j++
	}
	j = skipSpaces(s.s, j, 1)
	end := j
	for s.is(digit, end) && end-j < 7 {
		end++
	}
	if end == j {
		return i
	}
	return end
}

// chinaMobile: the ministry's ranges all are 13 to 19, eleven digits.
func chinaMobile(d string) bool { return len(d) == 11 && d[0] == '1' && d[1] >= '3' }

// telephone looks for national numbers.
func (s *scan) telephone(p *phrase) {
	start := p.from[0]
	if s.at(start-1) == '+' || (s.at(start-1) == '-' && s.alnum(start-2)) {
		return
	}
	if s.china(p) {
		return
	}
	k := s.callable(p, 7, 15)
	if k < 0 {
		return
	}
	open := start
	if s.at(start-1) == '(' {
		open--
	}
	score := s.callScore(p, k, p.text[:p.count[k]])
	if score > 0 {
		s.add(Phone, open, s.extension(p.to[k]), score)
	}
}

// callScore is how likely chunks up to k are a phone number; 0 for not enough.
func (s *scan) callScore(p *phrase, k int, d string) float64 {
	start := p.from[0]
	about := s.about(aboutPhone, start)
	switch {
	case s.dated(start):
		return 0
	case about:
		return 0.7
	case k == 0 || years(p, k, d):
		return 0
	case s.american(p, k, d):
		return 0.65
	case strings.HasPrefix(d, "00") && len(d) > 9:
		return s.valid(d, 0.7)
	case d[0] == '0' && len(d) >= 9 && p.to[0]-start >= 2, s.at(start-1) == '(' && len(d) >= 8:
		return s.valid(d, 0.6)
	}
	return 0
}

// years reports 1688-1697: a span of time.
func years(p *phrase, k int, d string) bool {
	return k == 1 && p.count[0] == 4 && len(d) == 8 && d[:4] >= "1000" && d[:4] <= d[4:] && d[4:] < "2200"
}

// dated reports that a date was found at start.
func (s *scan) dated(start int) bool {
	for i := len(s.found) - 1; i >= 0 && i >= len(s.found)-2; i-- {
		if f := s.found[i]; f.Start == start && (f.Kind == Date || f.Kind == SSN || f.Kind == NHS) {
			return true
		}
	}
	return false
}

// american is the North American plan's NXX-NXX-XXXX, perhaps after 1 or 001. Reserved numbers (555) count as well.
func (s *scan) american(p *phrase, k int, d string) bool {
	c := 0
	if (d[0] == '1' || strings.HasPrefix(d, "001")) && p.to[0]-p.from[0] <= 3 && k == 3 {
		c = 1
	}
	if k-c != 2 || p.to[c]-p.from[c] != 3 || p.to[c+1]-p.from[c+1] != 3 || p.to[c+2]-p.from[c+2] != 4 {
		return false
	}
	return s.s[p.from[c]] >= '2' && s.s[p.from[c+1]] >= '2' && !s.dashed(p, k)
}

// valid asks the numbering plans of the regions. Parsing costs more than all else here: a number with the trunk prefix
// 0 is taken apart without it.
func (s *scan) valid(d string, score float64) float64 {
	if strings.HasPrefix(d, "00") {
		if possible(d[2:]) {
			return score
		}
		return 0
	}
	for _, region := range s.r.options.Regions {
		if n, ok := national(d, region); ok && phonenumbers.IsValidNumberForRegion(n, region) {
			return score
		}
	}
	return 0
}

func national(d, region string) (*phonenumbers.PhoneNumber, bool) {
	if d[0] != '0' || region == "IT" || region == "SM" || region == "VA" { // there the 0 belongs to the number
		n, err := phonenumbers.Parse(d, region)
		return n, err == nil
	}
	if region == "US" || region == "CA" {
		return nil, false // no number starts with 0
	}
	return split(phonenumbers.GetCountryCodeForRegion(region), d[1:])
}

func split(country int, rest string) (*phonenumbers.PhoneNumber, bool) {
	n, err := strconv.ParseUint(rest, 10, 64)
	code := int32(country)
	return &phonenumbers.PhoneNumber{CountryCode: &code, NationalNumber: &n}, err == nil && country > 0
}

// possible reports a number of a calling code that exists (ITU-T E.164) and of a length that it has.
func possible(d string) bool {
	for n := 1; n <= 3 && n < len(d); n++ {
		country := number(d[:n])
		if region := phonenumbers.GetRegionCodeForCountryCode(country); region == "" || region == phonenumbers.UNKNOWN_REGION {
			continue
		}
		p, ok := split(country, strings.TrimPrefix(d[n:], "0")) // +44 (0)20
		return ok && phonenumbers.IsPossibleNumber(p)
	}
	return false
}

// china looks for mobile and landline numbers as they are written there, with or without 86.
func (s *scan) china(p *phrase) bool {
	for k := range min(p.n, 5) {
		d, end := p.text[:p.count[k]], p.to[k]
		if s.alnum(end) || (k > 0 && p.from[k]-p.to[k-1] > 1) {
			continue
		}
		d = strings.TrimPrefix(d, "00")
		if len(d) == 13 {
			d = strings.TrimPrefix(d, "86")
		}
		if chinaMobile(d) && s.mobileShape(p, k) {
			s.add(ChinaMobile, p.from[0], end, 0.95)
			return true
		}
		if s.landline(p, k, p.text[:p.count[k]]) {
			s.add(ChinaLandline, s.openParen(p.from[0]), s.extension(s.dashExtension(p, k)), 0.7)
			return true
		}
	}
	return false
}

func (s *scan) openParen(start int) int {
	if s.at(start-1) == '(' {
		return start - 1
	}
	return start
}

func (s *scan) mobileShape(p *phrase, k int) bool {
	switch n := p.to[0] - p.from[0]; {
	case n == 1:
		return k == 10 // digit by digit
	case k == 1:
		return n == 2 || n == 3 || n == 4 || n == 7
	}
	return true
}

// landline: an area code of three or four digits and seven or eight more (0571-87654321), or 400-xxx-xxxx.
func (s *scan) landline(p *phrase, k int, d string) bool {
	n0 := p.to[0] - p.from[0]
	switch {
	case k == 2 && (strings.HasPrefix(d, "400") || strings.HasPrefix(d, "800")) && s.shape(p, k, "334"):
		return s.between(p, k, "-")
	case k != 1 || d[0] != '0' || d[1] == '0' || n0 < 3 || n0 > 4:
		return false
	case n0 == 3 && d[1] != '1' && d[1] != '2':
		return false // three-digit area codes are 010 and 02x
	}
	rest := len(d) - n0
	return (rest == 7 && n0 == 4 || rest == 8) && strings.ContainsAny(s.s[p.to[0]:p.from[1]], "-)") && s.s[p.from[1]] >= '2'
}

// dashExtension is the end with a last chunk of up to four digits after a hyphen (0571-87654321-802).
func (s *scan) dashExtension(p *phrase, k int) int {
	if p.n > k+1 && p.to[k+1]-p.from[k+1] <= 4 && s.s[p.to[k]:p.from[k+1]] == "-" {
		return p.to[k+1]
	}
	return p.to[k]
}
