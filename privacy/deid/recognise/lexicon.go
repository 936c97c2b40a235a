package recognise

import "strings"

// meaning is what an English word does to the scan.
type meaning struct {
	act   action
	value int     // of a month, numeral or ordinal
	about context // what may follow
	when  []when  // what may follow after certain words
	after string  // words one of which must stand before it for act; "" for none
}

// when is a context that holds after one of some words: "medical record".
type when struct {
	after string
	about context
}

type action uint8

const (
	nothing action = iota
	month
	numeral // zero to nine
	tens    // ten to ninety
	ordinal
	street      // a street suffix
	vagueStreet // one that is also an everyday word
	streetFirst // a word that streets begin with ("Rue")
	unitWord    // Apt, Suite
	boxWord     // the box of a post office
	postWord    // a military post: PSC, CMR, Unit
	fleetWord   // the post offices of armed forces: APO, FPO, DPO
	cornerWord
	titleWord
	vagueTitle // one that needs its point, or a name after it
	nameWord   // "name", "patient": a name may follow
	atWord     // "at" in an address that is spelt out
	wwwWord
)

const longestWord = 16

// lexicon is the words that mean something here.
type lexicon struct {
	starts [longestWord + 1][26]uint32 // by length and first letter: which second letters there are
	words  map[string]meaning
}

// newLexicon reads the lists below: words separated by spaces.
func newLexicon() lexicon {
	l := lexicon{words: map[string]meaning{}}
	numbered := func(act action, from, step int, words string) {
		for n, w := range strings.Fields(words) {
			l.add(w, meaning{act: act, value: from + n*step})
		}
	}
	for _, names := range []string{
		"january february march april may june july august september october november december",
		"jan feb mar apr may jun jul aug sep oct nov dec",
	} {
		numbered(month, 1, 1, names)
	}
	l.add("sept", meaning{act: month, value: 9})
	numbered(numeral, 0, 1, "zero one two three four five six seven eight nine")
	l.add("oh", meaning{act: numeral})
	numbered(tens, 10, 1, "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen")
	numbered(tens, 20, 10, "twenty thirty forty fifty sixty seventy eighty ninety")
	numbered(ordinal, 1, 1, "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth")
	l.add("thirtieth", meaning{act: ordinal, value: 30})
	l.all(meaning{act: street}, "street avenue ave road rd boulevard blvd lane ln parkway pkwy highway hwy crescent terrace str streets avenues roads str")
	l.all(meaning{act: vagueStreet}, "st drive dr court ct place pl square sq circle cir trail close gardens grove row mews way walk alley plaza loop pike squares circles hill rise green quay wharf embankment park bridge")
	l.all(meaning{act: streetFirst}, "rue rua via calle avenida ulica piazza viale corso postbox avda av ul strada paseo praca trg")
	l.all(meaning{act: unitWord}, "apt apartment suite ste flat")
	l.all(meaning{act: titleWord}, "mr mrs mx messrs")
	l.all(meaning{act: vagueTitle}, "ms dr prof professor doctor sir dame rev reverend miss madam lord lady nurse capt captain sgt sergeant judge hon")
	l.all(meaning{act: nameWord}, "name patient pt surname forename client resident applicant spouse mother father husband wife guardian")
	l.all(meaning{act: postWord}, "psc cmr unit")
	l.all(meaning{act: fleetWord}, "apo fpo dpo")
	l.add("corner", meaning{act: cornerWord})
	l.add("at", meaning{act: atWord})
	l.add("www", meaning{act: wwwWord})
	l.add("box", meaning{act: boxWord, after: "po p.o o office"})
	l.contexts()
	return l
}

// contexts are the words that say what follows.
func (l *lexicon) contexts() {
	l.all(meaning{about: aboutPhone}, "phone telephone tel mobile cell fax call called phoned ring dial whatsapp sms text texted landline cellphone hotline phones")
	l.all(meaning{about: aboutPhone, after: "contact home work telephone phone emergency mobile my his her"}, "number no num")
	l.all(meaning{about: aboutPassport}, "passport ppt")
	l.all(meaning{about: aboutBank}, "account acct acc iban banking")
	l.all(meaning{about: aboutRecord}, "mrn chart emr ehr")
	l.all(meaning{about: aboutRecord, after: "medical patient health hospital clinic case"}, "record id identifier number file")
	l.all(meaning{about: aboutLicence, after: "driver drivers s driving driver's"}, "license licence permit lic")
	l.all(meaning{about: aboutNHS}, "nhs")
	l.all(meaning{about: aboutSSN}, "ssn ssns itin tin")
	l.all(meaning{about: aboutSSN, after: "social"}, "security")
	l.all(meaning{about: aboutIMEI}, "imei handset")
	l.all(meaning{about: aboutPost}, "zip zipcode postcode postal postcodes")
	l.all(meaning{about: aboutCard}, "card visa mastercard amex cards debit credit cc")
	l.all(meaning{about: aboutBirth}, "born dob birth birthday birthdate admitted discharged")
	l.all(meaning{about: aboutID}, "resident identity id")
	l.all(meaning{about: aboutCredit}, "uscc")
}

func (l *lexicon) all(m meaning, words string) {
	for w := range strings.FieldsSeq(words) {
		l.add(w, m)
	}
}

// add joins meanings: "resident" may be followed by a name as well as by a number.
func (l *lexicon) add(word string, m meaning) {
	if m.act == nothing && m.after != "" {
		m = meaning{when: []when{{m.after, m.about}}}
	}
	had := l.words[word]
	if m.act == nothing {
		m.act, m.value, m.after = had.act, had.value, had.after
	}
	if m.about == noContext {
		m.about = had.about
	}
	m.when = append(had.when, m.when...)
	l.words[word] = m
	l.starts[len(word)][word[0]-'a'] |= 1 << (word[1] & 31)
}

// find is the meaning of a word in any case.
func (l *lexicon) find(word string) (meaning, bool) {
	var buf [longestWord]byte
	if len(word) > longestWord || len(word) < 2 || l.starts[len(word)][(word[0]|0x20)-'a']&(1<<(word[1]&31)) == 0 {
		return meaning{}, false
	}
	for i := range len(word) {
		buf[i] = low(word[i])
	}
	m, ok := l.words[string(buf[:len(word)])]
	return m, ok
}

// word looks at a run of letters and returns where to go on.
func (s *scan) word(i, j int) int {
	if j-i == 2 && s.at(j) == ' ' && s.is(digit, j+1) {
		s.nationalInsurance(i)
	}
	if j-i == 2 && (s.at(j) == ':' || s.at(j) == '-') || j-i == 4 && s.at(j) == '.' {
		if hex(s.s[i]) && hex(s.s[i+1]) {
			s.macAddress(i)
		}
	}
	m, ok := s.r.words.find(s.s[i:j])
	if !ok && s.at(j) == ' ' && s.is(digit, j+1) && streetEnding(s.s[i:j]) {
		s.numberAfter(i, j)
	}
	if !ok || s.at(i-1) >= 0x80 && !s.hanBefore(i) {
		return j
	}
	s.note(m.about, j)
	for _, w := range m.when {
		if s.follows(i, w.after) {
			s.note(w.about, j)
		}
	}
	if m.after != "" && !s.follows(i, m.after) {
		return j
	}
	return s.act(m, i, j)
}

func (s *scan) act(m meaning, i, j int) int {
	switch m.act {
	case month:
		s.monthName(m.value, i, j)
	case numeral:
		return s.spelt(i, j)
	case street, vagueStreet:
		if s.titled(m.act, i, j) {
			return j
		}
		s.streetName(m.act == vagueStreet, i, j)
	case streetFirst:
		s.streetNumberLast(i, j)
	case unitWord, boxWord:
		s.unitNumber(i, j)
	case postWord:
		s.militaryPost(i, j)
	case fleetWord:
		s.fleetPost(i, j)
	case cornerWord:
		s.corner(i, j)
	case titleWord, vagueTitle:
		s.titled(m.act, i, j)
	case nameWord:
		s.labelledName(j)
	case atWord:
		s.spoken(i, j)
	case wwwWord:
		if s.at(j) == '.' && i >= s.until {
			s.url(i, j+1)
		}
	}
	return j
}

// follows reports whether the word before i is one of words.
func (s *scan) follows(i int, words string) bool {
	end := i
	for end > 0 && (s.s[end-1] == ' ' || s.s[end-1] == '-') && i-end < 2 {
		end--
	}
	start := end
	for start > 0 && end-start < longestWord && s.s[start-1] != ' ' && s.s[start-1] != '-' && s.s[start-1] < 0x80 && s.s[start-1] > ' ' {
		start--
	}
	if start == end {
		return false
	}
	before := strings.Trim(strings.ToLower(s.s[start:end]), ".:,(")
	for w := range strings.FieldsSeq(words) {
		if strings.Trim(w, ".") == before {
			return true
		}
	}
	return false
}
