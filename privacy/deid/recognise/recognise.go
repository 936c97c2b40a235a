// Package recognise finds personal identifiers in text by rule: checksums, formats and the words around them, in
// English and Chinese.
//
//	r := recognise.New(recognise.Options{})
//	for _, s := range r.Find("身份证 11010519491231002X") {
//		fmt.Println(s.Kind.Label(), s.Start, s.End) // CN_ID 10 28
//	}
//
// Find reads the text once. It folds what hides an identifier (full width, invisible and look-alike characters, Chinese
// numerals, HTML and percent escapes, "[at]") under a map of offsets, scans the folded text, and reports spans of the
// text as it was given. Every scanner is written by hand and looks at a bounded neighbourhood: time grows with the
// length of the text, whatever it says.
//
// It does not promise to find everything. A name without a title or label, a street without a number, an identifier
// without the word that says what it is, and an identifier that its writer altered are not found: names are the work of
// a tagger, and what must not leak is not released as free text.
package recognise

import (
	"cmp"
	"slices"
)

// Kind is what a rule finds. Several kinds may share a label.
type Kind uint8

// The kinds.
const (
	Email Kind = iota
	URL
	IPv4
	IPv6
	MAC
	Phone
	ChinaMobile
	ChinaLandline
	IBAN
	Card
	BankAccount
	ChinaID
	ChinaCredit
	ChinaPlate
	SSN
	NHS
	NINO
	Passport
	DriverLicence
	MedicalRecord
	IMEI
	Postcode
	Date
	ChinaDate
	Year
	Address
	ChinaAddress
	Title
	TitledName
	LabelledName
	kinds
)

// names are the rule's name and the label that stands for what it hides, in the order of the constants.
func names() [kinds][2]string {
	return [kinds][2]string{
		{"email", "EMAIL"}, {"url", "URL"}, {"ipv4", "IP_ADDRESS"}, {"ipv6", "IP_ADDRESS"}, {"mac", "MAC_ADDRESS"},
		{"phone", "PHONE"}, {"cn-mobile", "PHONE"}, {"cn-landline", "PHONE"},
		{"iban", "IBAN"}, {"card", "CARD"}, {"bank-account", "BANK_ACCOUNT"},
		{"cn-id", "CN_ID"}, {"cn-credit", "CN_CREDIT_CODE"}, {"cn-plate", "PLATE"},
		{"us-ssn", "SSN"}, {"uk-nhs", "NHS"}, {"uk-nino", "NINO"},
		{"passport", "PASSPORT"}, {"driver-licence", "DRIVER_LICENCE"}, {"medical-record", "MEDICAL_RECORD"},
		{"imei", "IMEI"}, {"postcode", "POSTCODE"},
		{"date", "DATE"}, {"cn-date", "DATE"}, {"year", "YEAR"},
		{"address", "ADDRESS"}, {"cn-address", "ADDRESS"},
		{"title", "TITLE"}, {"titled-name", "PERSON"}, {"labelled-name", "PERSON"},
	}
}

// Kinds is all of them.
func Kinds() []Kind {
	all := make([]Kind, kinds)
	for k := range all {
		all[k] = Kind(k)
	}
	return all
}

func (k Kind) String() string { return names()[k][0] }

// Label is what is written in place of what was found.
func (k Kind) Label() string { return names()[k][1] }

// Span is one identifier. Offsets are into the text as given: bytes, and UTF-16 code units (an invalid byte counts as
// one unit). They lie on rune boundaries.
type Span struct {
	Start, End     int
	Start16, End16 int
	Kind           Kind
	Score          float64 // 0 to 1: 1 is a checksum over many digits, 0.5 a shape alone
}

// Options say what is looked for beyond the default. The zero value is the default.
type Options struct {
	Years   bool     // also bare years (1900 to 2099) and Chinese dates of a year alone
	Regions []string // whose national phone numbers are known without a word beside them (ISO 3166); nil for a default list
}

// Recogniser finds identifiers. Safe for concurrent use.
type Recogniser struct {
	options Options
	class   [256]class
	han     hanTable
	words   lexicon
	alike   [alikeSize]byte
}

// New builds the tables once; keep the result.
func New(o Options) *Recogniser {
	if o.Regions == nil {
		o.Regions = []string{"US", "GB", "CN", "FR", "DE", "AU"}
	}
	return &Recogniser{options: o, class: classes(), han: newHanTable(), words: newLexicon(), alike: alikes()}
}

// Find is the identifiers of a text: sorted, disjoint, on rune boundaries. Where rules overlap, the longest gives the
// kind, then the highest score; what the others covered beyond it belongs to the span as well.
func (r *Recogniser) Find(text string) []Span { return r.find(text, 0) }

func (r *Recogniser) find(text string, depth int) []Span {
	f := r.fold(text)
	s := scan{r: r, s: f.text, depth: depth}
	s.run()
	if len(s.found) == 0 {
		return nil
	}
	for i := range s.found {
		f.restore(text, &s.found[i])
	}
	spans := merge(s.found)
	units16(text, spans)
	return spans
}

// merge makes overlapping spans one.
func merge(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End), cmp.Compare(b.Score, a.Score))
	})
	out := spans[:1]
	best := spans[0] // of the cluster that out ends with
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.Start >= last.End {
			out, best = append(out, s), s
			continue
		}
		if stronger(s, best) {
			best = s
			last.Kind, last.Score = s.Kind, s.Score
		}
		last.End = max(last.End, s.End)
	}
	return out
}

// stronger says which of two overlapping spans gives the kind: the longest, then the highest score.
func stronger(a, b Span) bool {
	la, lb := a.End-a.Start, b.End-b.Start
	return la > lb || (la == lb && a.Score > b.Score)
}

// units16 fills in UTF-16 offsets in one walk over the text.
func units16(text string, spans []Span) {
	at, units := 0, 0
	advance := func(to int) int {
		for at < to {
			if text[at] < 0x80 {
				at, units = at+1, units+1
				continue
			}
			_, size := decode(text, at)
			units++
			if size == 4 {
				units++ // a surrogate pair
			}
			at += size
		}
		return units
	}
	for i := range spans {
		spans[i].Start16 = advance(spans[i].Start)
		spans[i].End16 = advance(spans[i].End)
	}
}
