package source

import "concordat/privacy"

const textHeader = 16 // a string's pointer and length

// Size is about how many bytes a table holds: its cells, and each text of a dictionary once.
func Size(t *privacy.Table) int64 {
	var n int64
	for _, c := range t.Columns {
		n += int64(len(c.States)) + 8*int64(len(c.Ints)+len(c.Floats)) + 4*int64(len(c.Codes))
		for _, text := range c.Dict {
			n += textHeader + int64(len(text))
		}
	}
	return n
}
