package recognise

import (
	"encoding/base64"
	"testing"
)

type probe struct{ name, before, hidden, after, label string }

// probes are ways to write an identifier past a reader of plain text; the first group are plain.
func probes() []probe {
	return []probe{
		{"plain e-mail", "write to ", "john.smith@example.com", " please", "EMAIL"},
		{"plain card", "card ", "4111 1111 1111 1111", " ok", "CARD"},
		{"plain SSN", "SSN ", "460-89-9847", ".", "SSN"},
		{"plain phone", "call ", "(415) 555-2671", "", "PHONE"},
		{"plain IBAN", "pay ", "GB82 WEST 1234 5698 7654 32", " now", "IBAN"},
		{"plain IP", "from ", "192.0.2.146", "", "IP_ADDRESS"},
		{"plain URL", "see ", "https://example.com/u/42", " today", "URL"},
		{"plain date", "born ", "1984-03-05", "", "DATE"},
		{"zero width in e-mail", "to ", "john\u200b.smith@exa\u200cmple.com", " x", "EMAIL"},
		{"full width at sign", "to ", "john.smith＠example.com", " x", "EMAIL"},
		{"[at] and [dot]", "to ", "john.smith [at] example [dot] com", " x", "EMAIL"},
		{"at and dot in words", "to ", "john at example dot com", " x", "EMAIL"},
		{"Cyrillic o in e-mail", "to ", "jоhn.smith@example.com", " x", "EMAIL"},
		{"internationalised domain", "to ", "hans@müller-beispiel.de", " x", "EMAIL"},
		{"full width card", "card ", "４１１１１１１１１１１１１１１１", "", "CARD"},
		{"card with no-break spaces", "card ", "4111\u00a01111\u00a01111\u00a01111", "", "CARD"},
		{"card with joiners", "card ", "4111\u200d1111\u200d1111\u200d1111", "", "CARD"},
		{"card over two lines", "card ", "4111 1111\n1111 1111", "", "CARD"},
		{"card with dots", "card ", "4111.1111.1111.1111", "", "CARD"},
		{"card in words", "card ", "four one one one one one one one one one one one one one one one", "", "CARD"},
		{"Chinese mobile", "打给我", "13800138000", "。", "PHONE"},
		{"mobile in Chinese numerals", "打给我", "一三八零零一三八零零零", "。", "PHONE"},
		{"resident number", "号码", "11010519491231002X", "。", "CN_ID"},
		{"resident number in English", "his number ", "11010519491231002x", " is", "CN_ID"},
		{"SSN with U+2011", "SSN ", "460\u201189\u20119847", "", "SSN"},
		{"SSN with bidi mark", "SSN ", "460-\u200e89-\u202a9847", "", "SSN"},
		{"date in words", "born on the ", "fifth of March nineteen eighty-four", ".", "DATE"},
		{"HTML entity", "to ", "john&#64;example&period;com", " x", "EMAIL"},
		{"percent escape", "to ", "john%40example.com", " x", "EMAIL"},
		{"base64", "data ", base64.StdEncoding.EncodeToString([]byte("john.smith@example.com")), " x", "EMAIL"},
		{"full width phone", "tel ", "（４１５）５５５－２６７１", "", "PHONE"},
		{"lower case IBAN", "pay ", "gb82west12345698765432", "", "IBAN"},
		{"JSON escape", "to ", `john\u0040example.com`, " x", "EMAIL"},
		{"mathematical digits", "card ", "𝟒𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏𝟏", "", "CARD"},
	}
}

// TestEvasions asks of each probe that nothing of the identifier is left uncovered.
func TestEvasions(t *testing.T) {
	r, caught := New(Options{}), 0
	for _, p := range probes() {
		text := p.before + p.hidden + p.after
		ok := false
		for _, s := range r.Find(text) {
			ok = ok || s.Start <= len(p.before) && s.End >= len(p.before)+len(p.hidden) && s.Kind.Label() == p.label
		}
		if ok {
			caught++
			continue
		}
		t.Logf("missed: %s %+v", p.name, r.Find(text))
	}
	t.Logf("%d of %d", caught, len(probes()))
	if len(probes()) != 34 || caught < 34 {
		t.Errorf("%d of %d probes caught", caught, len(probes()))
	}
}
