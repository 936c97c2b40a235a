package deid

import (
	"unicode"
	"unicode/utf8"
)

// reads reports a letter of a script that rules and taggers read in a language: Latin, and Han where Chinese is meant.
func reads(c rune, language string) bool {
	switch {
	case c < 0x250: // letters there are Latin
		return true
	case c >= 0x4E00 && c < 0xA000:
		return language != "en"
	}
	return unicode.Is(unicode.Latin, c) || (language != "en" && isHan(c))
}

// readLanguage reports a text that is read here: of its letters, three quarters or more are of a script that is. It
// does not tell English from French: a tagger that does says so by failing.
func readLanguage(text, language string) bool {
	switch language {
	case "", "en", "zh":
	default:
		return false
	}
	letters, foreign := 0, 0
	for _, c := range text {
		if c < utf8.RuneSelf || !unicode.IsLetter(c) {
			letters += latin(c)
			continue
		}
		letters++
		if !reads(c, language) {
			foreign++
		}
	}
	return 4*foreign <= letters
}

func latin(c rune) int {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		return 1
	}
	return 0
}

// foreignWords are the words of scripts that nobody here reads: any of them may be a name.
func foreignWords(text, language string) []Span {
	var found []Span
	start, n := 0, 0
	end := func(at int) {
		if n >= 2 {
			found = append(found, Span{Start: start, End: at, Label: "TEXT", Rule: "script", Score: 0.5})
		}
		n = 0
	}
	for i, c := range text {
		switch {
		case c >= utf8.RuneSelf && unicode.IsLetter(c) && !reads(c, language) && !letterlike(c):
			if n == 0 {
				start = i
			}
			n++
		case n > 0 && unicode.Is(unicode.Mn, c):
		default:
			end(i)
		}
	}
	end(len(text))
	return found
}

// letterlike are letters by category that belong to no script of names: signs of units, styled letters of formulas.
func letterlike(c rune) bool {
	return unicode.Is(unicode.Common, c) || unicode.Is(unicode.Inherited, c)
}
