package recognise

// class says what a byte may begin. The low bits are one of the constants; folds is set where folding has to look.
type class uint8

const (
	other class = iota
	letter
	digit
	atSign
	colon
	plus
	lead // of a rune beyond ASCII

	folds class = 0x80
)

func classes() (t [256]class) {
	for b := range 256 {
		switch {
		case b >= '0' && b <= '9':
			t[b] = digit
		case b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z':
			t[b] = letter
		case b >= 0x80:
			t[b] = lead | folds
		}
	}
	t['@'], t[':'], t['+'] = atSign, colon, plus
	for _, b := range `&%\[({<` {
		t[b] |= folds
	}
	return t
}

// sort of words that say what follows.
type context uint8

const (
	noContext context = iota
	aboutPhone
	aboutPassport
	aboutBank
	aboutRecord
	aboutLicence
	aboutNHS
	aboutSSN
	aboutIMEI
	aboutPost
	aboutCard
	aboutID
	aboutBirth
	aboutCredit
	contexts
)

// reach is how far, in bytes, after its word a context still holds.
const reach = 36

// scan is one walk over a folded text.
type scan struct {
	r     *Recogniser
	s     string
	depth int
	found []Span
	seen  [contexts]int // where the last word of each sort ended; 0 for none
	until int           // URLs and the like: an '@' or ':' before it has been looked at
}

func (s *scan) run() {
	for i := 0; i < len(s.s); {
		switch s.r.class[s.s[i]] &^ folds {
		case letter, digit:
			i = s.token(i)
		case lead:
			i = s.wide(i)
		case atSign:
			s.email(i)
			i++
		case colon:
			s.colon(i)
			i++
		case plus:
			i = s.plus(i)
		default:
			i++
		}
	}
}

func (s *scan) add(k Kind, start, end int, score float64) {
	s.found = append(s.found, Span{Start: start, End: end, Kind: k, Score: score})
}

// note remembers a word that says what follows.
func (s *scan) note(c context, end int) {
	if c != noContext {
		s.seen[c] = end
	}
}

// about reports whether such a word stands shortly before i.
func (s *scan) about(c context, i int) bool {
	return s.seen[c] > 0 && i-s.seen[c] <= reach
}

// at is the byte at i, 0 outside.
func (s *scan) at(i int) byte {
	if i < 0 || i >= len(s.s) {
		return 0
	}
	return s.s[i]
}

func (s *scan) is(c class, i int) bool {
	return i >= 0 && i < len(s.s) && s.r.class[s.s[i]]&^folds == c
}

func (s *scan) alnum(i int) bool { return s.is(letter, i) || s.is(digit, i) }

// token looks at a run of ASCII letters and digits and returns where to go on.
func (s *scan) token(i int) int {
	j, letters, digits := i, 0, 0
	for ; j < len(s.s); j++ {
		c := s.r.class[s.s[j]]
		if c != letter && c != digit {
			break
		}
		if c == letter {
			letters++
		} else {
			digits++
		}
	}
	if j-i >= 16 && letters > 0 {
		j = s.encoded(i, j)
	}
	switch {
	case digits == 0:
		return s.word(i, j)
	case letters == 0:
		return s.digits(i, j)
	}
	return s.mixed(i, j)
}

func upper(b byte) byte {
	if b >= 'a' && b <= 'z' {
		return b &^ 0x20
	}
	return b
}

// compact is up to most letters and digits from i on in upper case, over single spaces or hyphens, and where it ends
// after each. It stops before anything else.
func (s *scan) compact(i, most int) (string, []int) {
	text, ends := make([]byte, 0, 40), make([]int, 0, 40)
	for i < len(s.s) && len(text) < most {
		switch {
		case s.alnum(i):
			text, ends = append(text, upper(s.s[i])), append(ends, i+1)
		case (s.s[i] == ' ' || s.s[i] == '-') && s.alnum(i+1) && len(text) > 0:
		default:
			return string(text), ends
		}
		i++
	}
	return string(text), ends
}
