package introspect

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"concordat/privacy/deid/recognise"
)

// enough is how many different values a rule wants to see, and most is the part of them that it must hold for.
const (
	enough = 5
	most   = 0.8
)

// shape is a rule about one value.
type shape struct {
	what  string
	share float64 // of the values
	holds func(string) bool
}

// Judge suggests classes. It is safe for concurrent use.
type Judge struct {
	find   *recognise.Recogniser
	shapes []shape
	given  map[string]bool
	family map[string]bool
}

// NewJudge builds the rules once.
func NewJudge() *Judge {
	j := &Judge{find: recognise.New(recognise.Options{}), given: set(givenNames), family: set(familyNames)}
	j.shapes = []shape{
		{"e-mail addresses", most, matches(`^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$`)},
		{"Chinese identity numbers", most, chineseID},
		{"Chinese mobile numbers", most, matches(`^(\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}$`)},
		{"telephone numbers", most, telephone},
		{"social security numbers", most, matches(`^\d{3}-\d{2}-\d{4}$`)},
		{"NHS numbers", 0.95, nhs},
		{"national insurance numbers", most, matches(`^[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]$`)},
		{"card numbers", 0.95, card},
		{"account numbers (IBAN)", most, iban},
		{"number plates", most, matches(`^\p{Han}[A-Z][· ]?[A-Z0-9]{5,6}$`)},
		{"British number plates", most, matches(`^[A-Z]{2}\d{2} ?[A-Z]{3}$`)},
		{"passport numbers", most, matches(`^[DEGPS][A-Z]?\d{7,8}$`)},
		{"network addresses", most, matches(`^(\d{1,3}\.){3}\d{1,3}$|^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$`)},
		{"addresses", 0.6, j.address},
		{"Chinese personal names", most, chineseName},
	}
	return j
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[strings.ToLower(w)] = true
	}
	return out
}

func matches(expression string) func(string) bool { return regexp.MustCompile(expression).MatchString }

func share(values []string, holds func(string) bool) float64 {
	n := 0
	for _, v := range values {
		if holds(strings.TrimSpace(v)) {
			n++
		}
	}
	return float64(n) / float64(len(values))
}

// direct says what identifiers the values are, "" for none that is known.
func (j *Judge) direct(c *Column) string {
	if len(c.Samples) < enough || repetitive(c) {
		return ""
	}
	for _, s := range j.shapes {
		if share(c.Samples, s.holds) >= s.share {
			return s.what
		}
	}
	if j.englishNames(c.Samples) {
		return "personal names"
	}
	return ""
}

// repetitive reports whether few values come again and again, as those of categories do.
func repetitive(c *Column) bool { return c.Rows >= 20 && len(c.Samples)*4 < c.Rows }

func (j *Judge) address(s string) bool {
	for _, span := range j.find.Find(s) {
		if (span.Kind == recognise.Address || span.Kind == recognise.ChinaAddress) && 2*(span.End-span.Start) >= len(s) {
			return true
		}
	}
	return chineseAddress(s)
}

var street = regexp.MustCompile(`[\p{Han}](路|街|道|巷|弄|村|小区|胡同|大街|里)[\p{Han}\d-]*\d+(号|弄|栋|幢|室|单元|组|楼)`)

func chineseAddress(s string) bool { return street.MatchString(s) }

// englishNames: every value is shaped like a name, and a good part of them has a common given or family name in it.
// The commonest names cover a quarter of any large group of people, and hardly any of the names of towns.
func (j *Judge) englishNames(values []string) bool {
	known := func(s string) bool {
		for w := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ' ' || c == ',' || c == '-' || c == '.' }) {
			if w = strings.ToLower(w); j.given[w] || j.family[w] {
				return true
			}
		}
		return false
	}
	return share(values, nameShaped) >= 0.9 && share(values, known) >= 0.3
}

var name = regexp.MustCompile(`^(Mr|Mrs|Ms|Dr|Prof)?\.? ?\p{Lu}[\p{L}'’-]+,?( (\p{Lu}\.?|\p{Lu}[\p{L}'’-]+|de|van|von|der|la|bin|al)){0,4}$`)

func nameShaped(s string) bool { return name.MatchString(s) && !places.MatchString(s) }

var places = regexp.MustCompile(`(?i)\b(street|road|lane|hospital|school|ward|city|county|park|station|library|ltd|inc|limited|council|clinic|centre|center|department|university|college|bank|group|services?)\b`)

// surnames of one character and of two, by how common they are.
const (
	chineseSurnames = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施洪季樊俞庄齐尚殷倪鲁柯翟颜申文柳左伍凌祝焦牟纪舒屈项詹阮梅骆童盛聂瞿裴游柴辛穆岳盖"
	compounds       = "欧阳 司马 上官 诸葛 夏侯 东方 皇甫 尉迟 公孙 慕容 令狐 司徒"
	notNames        = "市县区镇乡省州局院所部门路街号科室公司学校厂店站银行病症炎癌药片液丸胶囊族业员师工类型级期"
)

func chineseName(s string) bool {
	runes := []rune(strings.NewReplacer("·", "", " ", "", "　", "").Replace(s))
	if len(runes) < 2 || len(runes) > 4 || strings.ContainsFunc(string(runes), func(c rune) bool { return !unicode.Is(unicode.Han, c) }) {
		return false
	}
	if strings.ContainsRune(notNames, runes[len(runes)-1]) {
		return false
	}
	if len(runes) > 2 && strings.Contains(compounds, string(runes[:2])) {
		return true
	}
	return len(runes) <= 3 && strings.ContainsRune(chineseSurnames, runes[0])
}

// digits are those of a number written with spaces or hyphens, "" where there is anything else.
func digits(s string) string {
	s = strings.NewReplacer(" ", "", "-", "").Replace(s)
	for _, c := range s {
		if c < '0' || c > '9' {
			return ""
		}
	}
	return s
}

// chineseID: GB 11643-1999, the last character by ISO 7064 MOD 11-2.
func chineseID(s string) bool {
	if len(s) != 18 || digits(s[:17]) == "" {
		return false
	}
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(s[i]-'0') * w
	}
	return strings.ToUpper(s[17:]) == string("10X98765432"[sum%11])
}

// telephone is digits with a country or area code; a bare number of any kind is not one.
func telephone(s string) bool {
	d := strings.Trim(strings.NewReplacer("(", "", ")", "", ".", "-").Replace(s), "+ ")
	n := len(digits(d))
	if n < 7 || n > 15 || strings.Count(s, ".") > 3 {
		return false
	}
	return strings.HasPrefix(s, "+") || strings.HasPrefix(s, "(") || strings.HasPrefix(s, "0") && n >= 10 && n <= 12 ||
		strings.Count(s, "-")+strings.Count(s, " ") >= 1 && !isDate(s) && n >= 10 && n <= 12
}

var day = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

func isDate(s string) bool { return day.MatchString(s) }

// nhs: ten digits, the last by weights 10 to 2, modulo 11.
func nhs(s string) bool {
	d := digits(s)
	if len(d) != 10 {
		return false
	}
	sum := 0
	for i := range 9 {
		sum += int(d[i]-'0') * (10 - i)
	}
	check := (11 - sum%11) % 11
	return check != 10 && check == int(d[9]-'0')
}

// card: ISO/IEC 7812-1, 13 to 19 digits, the last by Luhn.
func card(s string) bool {
	d := digits(s)
	if len(d) < 13 || len(d) > 19 {
		return false
	}
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0
}

// iban: ISO 13616, modulo 97.
func iban(s string) bool {
	s = strings.ReplaceAll(s, " ", "")
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	rest := 0
	for _, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			rest = (rest*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			rest = (rest*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// prose is sentences: long values with spaces or Chinese punctuation, hardly one twice.
func prose(c *Column) bool {
	if len(c.Samples) < enough || repetitive(c) {
		return false
	}
	return share(c.Samples, func(s string) bool {
		n := utf8.RuneCountInString(s)
		return n >= 40 && strings.Count(s, " ") >= 5 || n >= 12 && strings.ContainsAny(s, "，。；、！？")
	}) >= 0.5
}
