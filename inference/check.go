package inference

import "unicode/utf8"

// CheckTexts refuses what no engine takes: too many texts, a text too large, a text that is not UTF-8 (which includes
// unpaired surrogates). Engines call it first, so that all refuse alike.
func CheckTexts(texts []string) error {
	if len(texts) > MaxTexts {
		return ErrTooManyTexts
	}
	for _, t := range texts {
		if len(t) > MaxTextBytes {
			return ErrTextTooLarge
		}
		if !utf8.ValidString(t) {
			return ErrTextInvalid
		}
	}
	return nil
}

// SetUTF16 fills Start and End of entities (in order) from their byte offsets.
func SetUTF16(text string, entities []Entity) {
	at, units := 0, 0
	advance := func(to int) int {
		for _, r := range text[at:to] {
			units++
			if r > 0xffff {
				units++
			}
		}
		at = to
		return units
	}
	for i := range entities {
		entities[i].Start = advance(entities[i].ByteStart)
		entities[i].End = advance(entities[i].ByteEnd)
	}
}
