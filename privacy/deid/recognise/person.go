package recognise

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// titled is a title with a name after it: "Dr. Maria Silva". The title and the name are two spans.
func (s *scan) titled(a action, i, j int) bool {
	if a != titleWord && a != vagueTitle && !hasFold(s.s, i, "dr") {
		return false
	}
	if j-i == 2 && s.at(i+1) == 'R' && s.at(j) != '.' && a != titleWord {
		return false // "DR" in capitals is a drive
	}
	end := j
	if s.at(end) == '.' {
		end++
	}
	name := end
	for s.at(name) == ' ' && name-end < 2 {
		name++
	}
	if name == end || (s.s[i] >= 'a' && a != titleWord && end == j) {
		return false
	}
	stop := s.personName(name, 4)
	if stop == name {
		if a == titleWord && end > j {
			s.add(Title, i, end, 0.5)
		}
		return false
	}
	s.add(Title, i, end, 0.8)
	s.add(TitledName, name, stop, 0.8)
	return true
}

// labelledName is a name after "name:" or "patient:" and the like.
func (s *scan) labelledName(j int) {
	i := j
	if hasFold(s.s, i, "'s name") {
		i += len("'s name")
	}
	for _, more := range []string{" name", " is"} {
		if hasFold(s.s, i, more) {
			i += len(more)
		}
	}
	labelled := i > j
	if s.at(i) == ':' || s.at(i) == '=' {
		i, labelled = i+1, true
	}
	from := skipSpaces(s.s, i, 2)
	if from == i && !labelled {
		return
	}
	end := s.personName(from, 4)
	words := strings.Count(s.s[from:end], " ") + 1
	if end == from || (!labelled && words < 2) {
		return
	}
	if m, _ := s.lookup(from); m.act != nothing && m.act != month {
		return // "Patient Name", "Name: Dr. ...": met on its own
	}
	s.add(LabelledName, from, end, 0.7)
}

// personName is where up to most capitalised words from i on end.
func (s *scan) personName(i, most int) int {
	end := i
	for range most {
		next := s.nameWord(i)
		if next == i && end > i-2 {
			next = s.particle(i)
		}
		if next == i {
			break
		}
		if !s.isParticle(i, next) {
			end = next
		}
		if s.at(next) != ' ' {
			break
		}
		i = next + 1
	}
	return end
}

// nameWord is where a capitalised word or an initial at i ends. Digits end no name.
func (s *scan) nameWord(i int) int {
	if i >= len(s.s) {
		return i
	}
	c, size := decode(s.s, i)
	if !unicode.IsUpper(c) {
		return i
	}
	j := i + size
	for j < len(s.s) && j-i < 40 {
		c, size = decode(s.s, j)
		inner := (c == '\'' || c == '-') && j+size < len(s.s) && s.letterAt(j+size)
		if !inner && (c == utf8.RuneError || (!unicode.IsLetter(c) && !unicode.Is(unicode.Mn, c)) || isHan(c)) {
			break
		}
		j += size
	}
	switch {
	case s.is(digit, j):
		return i
	case j-i == size1(s.s, i) && s.at(j) == '.':
		return j + 1 // an initial
	case hasFold(s.s, j-2, "'s"):
		return j - 2
	}
	return j
}

func size1(text string, i int) int { _, n := decode(text, i); return n }

func (s *scan) letterAt(i int) bool {
	c, _ := decode(s.s, i)
	return unicode.IsLetter(c) && !isHan(c)
}

// particle is where "van", "de la" and the like at i end.
func (s *scan) particle(i int) int {
	j := i
	for s.is(letter, j) && j-i < 5 {
		j++
	}
	if s.isParticle(i, j) && s.at(j) == ' ' {
		return j
	}
	return i
}

func (s *scan) isParticle(i, j int) bool {
	switch s.s[i:j] {
	case "van", "von", "de", "der", "den", "la", "le", "da", "di", "du", "dos", "del", "bin", "al", "el", "ten", "ter":
		return true
	}
	return false
}
