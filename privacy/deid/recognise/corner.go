package recognise

import "strings"

// mostCorner is how far, in bytes, the second street of a corner may end after the first begins.
const mostCorner = 90

// corner is where two streets meet: "the corner of Elm Street and 5th Avenue". Both are names or have a number: the
// corner of the room and the hall is no address.
func (s *scan) corner(i, j int) {
	if !hasFold(s.s, j, " of ") {
		return
	}
	from := j + len(" of ")
	and := strings.Index(s.s[from:min(len(s.s), from+mostCorner)], " and ")
	if and <= 0 || strings.ContainsAny(s.s[from:from+and], ",;:?!\n") {
		return
	}
	second := from + and + len(" and ")
	end := s.secondStreet(second)
	numbered := strings.ContainsAny(s.s[from:end], "0123456789")
	if end == second || !numbered && (s.nameWord(from) == from || s.nameWord(second) == second) {
		return
	}
	if hasFold(s.s, i-4, "the ") {
		i -= len("the ")
	}
	s.add(Address, i, end, 0.8)
}

// secondStreet is where up to four names and numbers from i on end; in a text without capitals, the next two words.
func (s *scan) secondStreet(i int) int {
	end, at := i, i
	for range 4 {
		next := s.nameWord(at)
		if s.is(digit, at) {
			next = s.wordEnd(at)
		}
		if next > at {
			end = next
		} else if next = s.particle(at); next == at {
			break
		}
		if s.at(next) != ' ' {
			break
		}
		at = next + 1
	}
	if end > i {
		return end
	}
	if end = s.wordEnd(i); s.at(end) == ' ' {
		end = s.wordEnd(end + 1)
	}
	return end
}

func (s *scan) wordEnd(i int) int {
	for i < len(s.s) && (s.alnum(i) || s.s[i] >= 0x80 && s.letterAt(i)) {
		_, size := decode(s.s, i)
		i += size
	}
	return i
}

// fleetPost is a post office of the armed forces with its code, and what stands before it: a ship's name, or a unit that is
// met on its own (US Postal Service, Publication 28 sections 238 and 239). "USS Enterprise\nFPO AP 96672"
func (s *scan) fleetPost(i, j int) {
	if s.at(j) != ' ' || low(s.at(j+1)) != 'a' || strings.IndexByte("aep", low(s.at(j+2))) < 0 || s.at(j+3) != ' ' {
		return
	}
	_, end := s.upTo(j+4, 5)
	if end != j+9 || s.alnum(end) {
		return
	}
	if s.at(end) == '-' {
		if _, e := s.upTo(end+1, 4); e == end+5 {
			end = e
		}
	}
	s.add(Address, s.shipBefore(i), end, 0.9)
}

// shipBefore is where "USS Enterprise" before i, up to five words of one line, begins.
func (s *scan) shipBefore(i int) int {
	at := i
	for at > 0 && strings.IndexByte(" ,\r\n", s.s[at-1]) >= 0 && i-at < 4 {
		at--
	}
	for range 5 {
		from := s.wordStart(at, i-64)
		if from == at {
			return i
		}
		switch w := strings.ToUpper(s.s[from:at]); {
		case w == "USS" || w == "USNS" || w == "USCGC" || w == "USNV" || w == "MV":
			return from
		case s.at(from-1) != ' ':
			return i
		}
		at = from - 1
	}
	return i
}
