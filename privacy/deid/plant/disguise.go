package plant

import (
	"encoding/base64"
	"slices"
	"strings"
)

// disguises are forms in which a kind is written to get past a reader; nil for those that have no digits to disguise.
func disguises(kind string) []string {
	switch kind {
	case "card", "imei":
		return []string{"full width", "zero width", "no-break groups", "dotted groups"}
	case "cn-id", "cn-mobile":
		return []string{"full width", "zero width", "Chinese numerals"}
	case "iban":
		return []string{"full width", "zero width", "groups", "lower case"}
	case "cn-credit":
		return []string{"full width", "zero width", "lower case"}
	case "email":
		return []string{"full width", "zero width", "at in brackets", "entity", "percent", "base64", "look-alike"}
	case "ssn", "phone":
		return []string{"full width", "zero width", "other hyphen"}
	case "plate", "date":
		return []string{"full width", "zero width"}
	}
	return nil
}

func groups(s, sep string) string {
	var parts []string
	for c := range slices.Chunk([]byte(s), 4) {
		parts = append(parts, string(c))
	}
	return strings.Join(parts, sep)
}

func disguise(form, s string) string {
	switch form {
	case "full width":
		return strings.Map(func(c rune) rune {
			if c > ' ' && c < 0x7F {
				return c + 0xFEE0
			}
			return c
		}, s)
	case "zero width":
		runes := []rune(s)
		return string(runes[:3]) + "\u200b" + string(runes[3:5]) + "\u2060" + string(runes[5:])
	case "no-break groups":
		return groups(s, "\u00a0")
	case "dotted groups":
		return groups(s, ".")
	case "groups":
		return groups(s, " ")
	case "lower case":
		return strings.ToLower(s)
	case "other hyphen":
		return strings.ReplaceAll(s, "-", "\u2011")
	case "at in brackets":
		return strings.ReplaceAll(strings.ReplaceAll(s, "@", " [at] "), ".", " (dot) ")
	case "entity":
		return strings.ReplaceAll(s, "@", "&#64;")
	case "percent":
		return strings.ReplaceAll(s, "@", "%40")
	case "base64":
		return base64.StdEncoding.EncodeToString([]byte(s))
	case "look-alike":
		return strings.NewReplacer("a", "а", "e", "е", "o", "о").Replace(s)
	case "Chinese numerals":
		return strings.NewReplacer("0", "零", "1", "一", "2", "二", "3", "三", "4", "四", "5", "五", "6", "六", "7", "七", "8", "八", "9", "九").Replace(s)
	}
	return s
}
