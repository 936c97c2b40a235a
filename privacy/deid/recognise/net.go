package recognise

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of RFC 5321 section 4.5.3.1 and RFC 3986 in practice: how far one scan looks.
const (
	mostLocal  = 64
	mostDomain = 255
	mostURL    = 2048
)

// email looks around an '@'.
func (s *scan) email(i int) {
	if i < s.until {
		return
	}
	start := s.localPart(i)
	end := s.domain(i+1, start == i)
	if start < i && end > i+1 {
		s.add(Email, start, end, 1)
		s.until = end
	}
}

// localPart is where the local part before i starts. Letters of other Latin blocks belong to it; Han does only where
// nothing else stands there, since Chinese text runs on without a space.
func (s *scan) localPart(i int) int {
	start := i
	for start > 0 && i-start < mostLocal {
		b := s.s[start-1]
		if !s.alnum(start-1) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", b) < 0 {
			c, size := utf8.DecodeLastRuneInString(s.s[:start])
			if b < 0x80 || c == utf8.RuneError || !unicode.IsLetter(c) || (isHan(c) && start != i && !s.hanBefore(i)) || (!isHan(c) && c >= 0x530) {
				break
			}
			start -= size
			continue
		}
		start--
	}
	for start < i && strings.IndexByte(".'/=&?*#-{|}", s.s[start]) >= 0 {
		start++
	}
	return start
}

func (s *scan) hanBefore(i int) bool {
	c, _ := utf8.DecodeLastRuneInString(s.s[:i])
	return isHan(c)
}

// domain is where a domain of at least two labels, or an address literal, ends; start where there is none.
func (s *scan) domain(start int, han bool) int {
	if s.at(start) == '[' {
		if end := strings.IndexByte(s.s[start:min(len(s.s), start+48)], ']'); end > 4 {
			return start + end + 1
		}
		return start
	}
	end, last := start, start
	for dots := 0; end-start < mostDomain; dots++ {
		next := s.label(end)
		if next == end {
			break
		}
		if dots > 0 && topLevel(s.s[end:next]) {
			last = next
		}
		if end = next; s.at(end) != '.' {
			break
		}
		end++
	}
	return last
}

// label is where a domain label from i on ends. One that begins in ASCII ends where Han begins.
func (s *scan) label(i int) int {
	start, han := i, false
	for i < len(s.s) && i-start < 63 {
		if s.alnum(i) || (s.s[i] == '-' && i > start) {
			i++
			continue
		}
		if s.s[i] < 0x80 {
			break
		}
		c, size := decode(s.s, i)
		if i == start {
			han = isHan(c)
		}
		if !unicode.IsLetter(c) || isHan(c) != han {
			break
		}
		i += size
	}
	for i > start && s.s[i-1] == '-' {
		i--
	}
	return i
}

// topLevel reports what may end a domain: two letters or more, or a punycode label.
func topLevel(l string) bool {
	if strings.HasPrefix(l, "xn--") {
		return true
	}
	for _, c := range l {
		if !unicode.IsLetter(c) {
			return false
		}
	}
	return utf8.RuneCountInString(l) >= 2
}

// colon looks at "://" and at addresses of hexadecimal groups.
func (s *scan) colon(i int) {
	if i < s.until {
		return
	}
	if strings.HasPrefix(s.s[i:], "://") {
		start := i
		for start > 0 && i-start < 12 && (s.alnum(start-1) || s.s[start-1] == '+') {
			start--
		}
		if start < i && s.is(letter, start) {
			s.url(start, i+3)
		}
		return
	}
	if hex(s.at(i+1)) || s.at(i+1) == ':' {
		s.ipv6(i)
	}
}

// url ends at a space or at a character that RFC 3986 does not have; the sentence's own punctuation stays outside.
func (s *scan) url(start, from int) {
	end := from
	for end < len(s.s) && end-start < mostURL && urlByte(s.s[end]) {
		if s.s[end] >= 0x80 {
			c, _ := decode(s.s, end)
			if isHan(c) || !unicode.IsLetter(c) {
				break
			}
		}
		end++
	}
	for end > from && strings.IndexByte(".,;:!?'\")]}", s.s[end-1]) >= 0 {
		end--
	}
	if end-from < 3 {
		return
	}
	s.add(URL, start, end, 0.95)
	s.until = end
}

func urlByte(b byte) bool {
	return b > ' ' && b != 0x7F && strings.IndexByte("\"<>\\^`{|}", b) < 0
}

func hex(b byte) bool {
	b = low(b)
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f'
}

// ipv6 looks at the stretch of hexadecimal groups around a colon.
func (s *scan) ipv6(i int) {
	start, end := i, i
	for start > 0 && i-start < 5 && hex(s.s[start-1]) {
		start--
	}
	for end < len(s.s) && end-i < 48 && (hex(s.s[end]) || s.s[end] == ':' || s.s[end] == '.') {
		end++
	}
	s.until = end
	for end > i && (s.s[end-1] == '.' || (s.s[end-1] == ':' && s.at(end-2) != ':')) {
		end--
	}
	if s.alnum(start-1) || s.alnum(end) {
		return
	}
	if a, err := netip.ParseAddr(s.s[start:end]); err == nil && a.Is6() && end-start > 2 {
		s.add(IPv6, start, end, 0.95)
	}
}

// ipv4 is a dotted quad at i, perhaps with a port or a prefix length.
func (s *scan) ipv4(i int) bool {
	end := i
	for part := range 4 {
		if part > 0 {
			if s.at(end) != '.' {
				return false
			}
			end++
		}
		from := end
		for s.is(digit, end) && end-from < 4 {
			end++
		}
		if end == from || end-from > 3 || number(s.s[from:end]) > 255 {
			return false
		}
	}
	if s.alnum(end) || s.alnum(i-1) || (s.at(end) == '.' && s.is(digit, end+1)) || (s.at(i-1) == '.' && s.is(digit, i-2)) {
		return false
	}
	s.add(IPv4, i, end, 0.95)
	return true
}

// macAddress is six (or eight, EUI-64) pairs with one separator, or three groups of four with dots.
func (s *scan) macAddress(i int) bool {
	sep := s.at(i + 2)
	if sep != ':' && sep != '-' {
		return s.dottedMAC(i)
	}
	if s.at(i-1) == sep && hex(s.at(i-2)) {
		return false
	}
	pairs, end := 0, i
	for hex(s.at(end)) && hex(s.at(end+1)) && !s.alnum(end+2) {
		pairs, end = pairs+1, end+2
		if s.at(end) != sep {
			break
		}
		end++
	}
	if s.at(end-1) == sep {
		end--
	}
	if (pairs != 6 && pairs != 8) || s.alnum(end) {
		return false
	}
	s.add(MAC, i, end, 0.9)
	s.until = max(s.until, end)
	return true
}

// dottedMAC wants a letter: groups of four digits are more often a card's.
func (s *scan) dottedMAC(i int) bool {
	letters := 0
	for k := range 14 {
		if dot := k%5 == 4; (dot && s.at(i+k) != '.') || (!dot && !hex(s.at(i+k))) {
			return false
		}
		if s.is(letter, i+k) {
			letters++
		}
	}
	if s.alnum(i+14) || letters == 0 {
		return false
	}
	s.add(MAC, i, i+14, 0.9)
	return true
}

// spoken is "name at example dot com": at is where "at" stands.
func (s *scan) spoken(at, end int) {
	if s.at(at-1) != ' ' || s.at(end) != ' ' {
		return
	}
	start := s.spokenLocal(at - 1)
	stop, dots := s.label(end+1), 0
	for stop > end+1 && dots < 4 && (hasFold(s.s, stop, " dot ") || s.at(stop) == '.') {
		from := stop + 1
		if s.s[stop] == ' ' {
			from = stop + 5
		} else if dots == 0 {
			return // "look at example.com" is no address
		}
		next := s.label(from)
		if next == from {
			break
		}
		stop, dots = next, dots+1
	}
	if start < at-1 && dots > 0 {
		s.add(Email, start, stop, 0.8)
	}
}

// spokenLocal is where the words before "at" that are joined by "dot" start.
func (s *scan) spokenLocal(end int) int {
	start := s.localPart(end)
	for range 4 {
		if start < 5 || !hasFold(s.s, start-5, " dot ") {
			break
		}
		start = s.localPart(start - 5)
	}
	return start
}

// encoded looks into base64 (RFC 4648): what is found inside is hidden by hiding the whole. It returns where the
// letters and digits, with the rest of the alphabet, end.
func (s *scan) encoded(i, j int) int {
	end := j
	for end < len(s.s) && end-i < 4096 && (s.alnum(end) || strings.IndexByte("+/-_", s.s[end]) >= 0) {
		end++
	}
	body := strings.NewReplacer("-", "+", "_", "/").Replace(s.s[i:end])
	for pad := 0; pad < 2 && s.at(end) == '='; pad++ {
		end++
	}
	if s.depth > 0 || len(body)%4 == 1 {
		return j
	}
	text, err := base64.RawStdEncoding.DecodeString(body)
	if err != nil || !utf8.Valid(text) || !printable(text) {
		return j
	}
	for _, f := range s.r.find(string(text), s.depth+1) {
		s.add(f.Kind, i, end, f.Score)
	}
	return j
}

func printable(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\n' && b != '\t' && b != '\r' {
			return false
		}
	}
	return true
}
