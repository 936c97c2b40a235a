package deid

import "concordat/privacy"

// everyKind is all kinds, for transforms that do not look at the value.
func everyKind() []privacy.Kind {
	return []privacy.Kind{
		privacy.Bool, privacy.Int, privacy.BigInt, privacy.Float, privacy.Decimal,
		privacy.String, privacy.Date, privacy.Time, privacy.JSON,
	}
}

// table is the one list of transforms, by name. docs/transforms.md is generated from it.
func table(t freeText) []Method {
	text := []privacy.Kind{privacy.String}
	dates := []privacy.Kind{privacy.Date, privacy.Time}
	coarse := privacy.Algebra{Order: true, Range: true, Group: true}
	return []Method{
		{Name: "constant", Summary: "Every value becomes the same one.", Kinds: everyKind(), build: constant,
			Parameters: []Parameter{{"value", "any", "the value, as the field's own type writes it in JSON; required"}}},
		{Name: "mask", Summary: "Keeps some characters and hides the others. A value that the mask would show whole is hidden whole.",
			Kinds: text, build: mask, Parameters: maskParameters()},
		{Name: "month", Summary: "The month of a date, as 1980-05; the first instant of the month (UTC) for a time.",
			Kinds: dates, Algebra: coarse, build: monthOf},
		{Name: "null", Summary: "Every value becomes null.", Kinds: everyKind(), build: null},
		{Name: "prefix", Summary: "The first characters; a shorter value is shown whole.",
			Kinds: text, Algebra: coarse, build: prefix,
			Parameters: []Parameter{{"length", "integer", "how many characters; required, at least 1"}}},
		{Name: "pseudonym", Summary: "A keyed pseudonym of 26 characters: the same for the same value within one agreement, purpose and domain, and unlinkable outside it. Values are equal after Unicode NFKC, and without invisible characters and outer spaces.",
			Kinds: text, Algebra: privacy.Algebra{Equality: true, Group: true, Join: true}, build: pseudonym,
			Parameters: []Parameter{{"domain", "string", "fields with the same domain get the same pseudonyms; without it, the field's coordinate"}}},
		{Name: "redact", Summary: "Text becomes [REDACTED], every other kind null. With text, on a String: names and identifiers in it are hidden, in English and Chinese, and the rest stays; a text that cannot be read for certain (the tagger fails or is late, another language, over 1 MiB) still becomes [REDACTED].",
			Kinds: everyKind(), build: t.redact, Parameters: redactParameters()},
		{Name: "round", Summary: "The nearest multiple, ties to the even one.",
			Kinds: []privacy.Kind{privacy.Int, privacy.BigInt, privacy.Float}, Algebra: coarse, build: round,
			Parameters: []Parameter{{"to", "number", "of which a multiple; required, above zero, whole for Int and BigInt"}}},
		{Name: "year", Summary: "The year of a date, as 1980; the first instant of the year (UTC) for a time.",
			Kinds: dates, Algebra: coarse, build: yearOf},
	}
}

func redactParameters() []Parameter {
	return []Parameter{
		{"text", "string", "what stands in place of what is hidden: label ([PHONE]), mask (one * for each character) or surrogate (another name or address, the same for the same one within agreement, purpose and domain; everything else by its label)"},
		{"rules", "string", "only: rules are enough and no tagger is asked, so names without a title or label stay. Without it a build that has no tagger gives [REDACTED]"},
		{"language", "string", "en or zh, where the texts are in one language only; both without it"},
		{"years", "string", "hide: bare years as well"},
		{"domain", "string", "of surrogates: fields with the same domain get the same ones; without it, the field's coordinate"},
		{"subject", "string", "of surrogates: the field of the same type that says whom a row is about (patientId). The same name is then the same other one in all rows about one person, and an unrelated one in another's; in a row that does not say, names become labels. Without it, the same for everybody"},
	}
}

func maskParameters() []Parameter {
	return []Parameter{
		{"keepFirst", "integer", "characters shown at the start; 0 without it"},
		{"keepLast", "integer", "characters shown at the end; 0 without it"},
		{"char", "string", "the one character written for a hidden one; * without it"},
		{"pattern", "string", "instead of the above: # shows a character, * hides one, anything else is written as it is and takes the same character of the value, if it is next; what the pattern does not reach is dropped"},
	}
}
