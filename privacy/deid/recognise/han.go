package recognise

import (
	"strings"
	"unicode/utf8"
)

// hanTable says which Han characters begin something.
type hanTable struct {
	flags  [0x5200]uint8 // by rune - 0x4E00
	words  map[rune][]hanWord
	places map[rune][]string // provinces and large cities, with which addresses begin
}

const (
	hanNumeral uint8 = 1 << iota
	hanKeyword
	hanProvince // on a number plate
	hanSurname
	hanHouse // ends a house number
	hanAdmin // ends the name of a province, city or district
	hanDate
	hanHonour
)

// hanWord says what follows it.
type hanWord struct {
	text  string
	about context
	name  bool // a name may follow
}

func newHanTable() hanTable {
	t := hanTable{words: map[rune][]hanWord{}, places: map[rune][]string{}}
	mark := func(flag uint8, chars string) {
		for _, c := range chars {
			t.flags[c-0x4E00] |= flag
		}
	}
	mark(hanNumeral, "零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺")
	mark(hanProvince, "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼")
	mark(hanSurname, surnames)
	mark(hanHouse, "号弄栋幢")
	mark(hanAdmin, "省市区县州")
	mark(hanDate, "年月")
	mark(hanHonour, "先女小医大主教护老警同太师律院")
	for _, w := range hanWords() {
		c, _ := utf8.DecodeRuneInString(w.text)
		mark(hanKeyword, string(c))
		t.words[c] = append(t.words[c], w)
	}
	for p := range strings.FieldsSeq(provinces) {
		c, _ := utf8.DecodeRuneInString(p)
		t.places[c] = append(t.places[c], p)
	}
	return t
}

func hanWords() []hanWord {
	var all []hanWord
	list := func(about context, words string) {
		for w := range strings.FieldsSeq(words) {
			all = append(all, hanWord{text: w, about: about})
		}
	}
	list(aboutPhone, "电话 手机 联系方式 传真 座机 拨打 致电 热线 微信 電話 手機 号码")
	list(aboutPassport, "护照 護照")
	list(aboutBank, "账号 账户 帐号 帐户 开户 户头 存折 汇款")
	list(aboutCard, "银行卡 信用卡 卡号 储蓄卡")
	list(aboutRecord, "病历 病案 住院号 门诊号 就诊号 登记号 就诊卡 病人编号 患者编号 病歷")
	list(aboutLicence, "驾驶证 驾照 驾驶执照")
	list(aboutPost, "邮编 邮政编码 郵編")
	list(aboutID, "身份证 身份號 证件号 公民身份")
	list(aboutBirth, "出生 生日 生于")
	list(aboutCredit, "信用代码")
	for w := range strings.FieldsSeq("姓名 患者 病人 联系人 家属 当事人 申请人 原告 被告 法定代表人 负责人 户主 名叫 我叫") {
		all = append(all, hanWord{text: w, name: true})
	}
	return all
}

// surnames are the commonest of the Hundred Family Surnames; compound ones are met by their first character.
const surnames = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施洪季欧诸司上官葛章施牛樊俞庄齐尚殷倪鲁柯翟颜申文柳左伍凌祝焦牟纪舒屈项詹阮梅骆童盛聂瞿裴游柴辛穆岳盖萧傅卓丛甄佟邢鲍麦耿鄢符卞蒲荆储"

// numeral reports a Chinese digit among the three-byte characters from U+4E00 on.
func (t *hanTable) numeral(s string, i int) bool { return t.flag(s, i)&hanNumeral != 0 }

// flag is that of the three-byte character at i.
func (t *hanTable) flag(s string, i int) uint8 {
	c := rune(s[i]&0x0F)<<12 | rune(s[i+1]&0x3F)<<6 | rune(s[i+2]&0x3F)
	if c < 0x4E00 || c >= 0xA000 {
		return 0
	}
	return t.flags[c-0x4E00]
}

// hanDigit is the value of a Chinese digit; ten, hundred and so on are none.
func hanDigit(c rune) (int, bool) {
	switch c {
	case '零', '〇', '○':
		return 0, true
	case '一', '壹', '幺':
		return 1, true
	case '二', '贰':
		return 2, true
	case '三', '叁':
		return 3, true
	case '四', '肆':
		return 4, true
	case '五', '伍':
		return 5, true
	case '六', '陆':
		return 6, true
	case '七', '柒':
		return 7, true
	case '八', '捌':
		return 8, true
	case '九', '玖':
		return 9, true
	}
	return 0, false
}

func isHan(c rune) bool {
	return c >= 0x3400 && c < 0xA000 || c >= 0x20000 && c < 0x32000 || c == 0x3007
}

// wide looks at a rune beyond ASCII and returns where to go on.
func (s *scan) wide(i int) int {
	b := s.s[i]
	if b < 0xE4 || b > 0xE9 || i+2 >= len(s.s) {
		return i + 1
	}
	f := s.r.han.flag(s.s, i)
	if f == 0 {
		return i + 3
	}
	c, size := decode(s.s, i)
	if size != 3 {
		return i + 1
	}
	if f&hanKeyword != 0 {
		s.keyword(c, i)
	}
	if f&hanProvince != 0 && s.is(letter, i+3) {
		s.plate(i)
	}
	if f&hanDate != 0 {
		s.hanDate(c, i)
	}
	if f&(hanHouse|hanAdmin) != 0 {
		s.hanAddress(f, i)
	}
	if f&hanHonour != 0 {
		s.honoured(i)
	}
	return i + 3
}

func (s *scan) keyword(c rune, i int) {
	for _, w := range s.r.han.words[c] {
		if !strings.HasPrefix(s.s[i:], w.text) {
			continue
		}
		end := i + len(w.text)
		s.note(w.about, end)
		if w.name {
			s.hanNameAfter(end)
		}
	}
}

// plate is a number plate (GA 36-2018): province, letter, five or six (new energy) characters without I and O.
func (s *scan) plate(i int) {
	j := i + 3
	city := upper(s.s[j])
	if city == 'I' || city == 'O' {
		return
	}
	j++
	if s.at(j) == '-' || s.at(j) == ' ' || s.at(j) == '.' {
		j++
	} else if strings.HasPrefix(s.s[j:], "·") || strings.HasPrefix(s.s[j:], "•") {
		j += len(s.s[j:]) - len(strings.TrimLeft(s.s[j:], "·•"))
	}
	start, digits := j, 0
	for s.alnum(j) && j-start < 7 {
		if b := upper(s.s[j]); b == 'I' || b == 'O' {
			return
		}
		if s.is(digit, j) {
			digits++
		}
		j++
	}
	n := j - start
	for _, last := range []string{"学", "警", "港", "澳", "挂", "领"} {
		if n == 4 && strings.HasPrefix(s.s[j:], last) {
			j, n = j+3, 5
			break
		}
	}
	if (n == 5 && digits >= 2 || n == 6 && digits >= 4) && !s.alnum(j) {
		s.add(ChinaPlate, i, j, 0.9)
	}
}

// hanNameAfter is a name of two to four characters after a label: 姓名：张伟.
func (s *scan) hanNameAfter(i int) {
	j, labelled := i, false
	for _, skip := range []string{"姓名", "名字", "为", "是", "叫"} {
		if strings.HasPrefix(s.s[j:], skip) {
			j, labelled = j+len(skip), true
		}
	}
	if strings.HasPrefix(s.s[i-6:], "姓名") || strings.HasPrefix(s.s[i-3:], "叫") {
		labelled = true
	}
	if s.at(j) == ':' {
		j, labelled = j+1, true
	}
	j = skipSpaces(s.s, j, 2)
	if j+2 >= len(s.s) || s.s[j] < 0xE4 || s.s[j] > 0xE9 || s.r.han.flag(s.s, j)&hanSurname == 0 {
		return
	}
	if end := s.givenName(j, labelled); end > 0 {
		s.add(LabelledName, j, end, 0.7)
	}
}

// givenName is where a name that starts with a surname at i ends: it has two or three characters, four with a compound
// surname, and something else than a name after it.
func (s *scan) givenName(i int, labelled bool) int {
	most := 3
	for _, two := range []string{"欧阳", "司马", "上官", "诸葛", "司徒"} {
		if strings.HasPrefix(s.s[i:], two) {
			most = 4
		}
	}
	n, j := 0, i
	for n < most && j < len(s.s) {
		c, size := decode(s.s, j)
		if !isHan(c) || (n > 0 && strings.ContainsRune(notInNames, c)) {
			break
		}
		n, j = n+1, j+size
	}
	if n < 2 {
		return 0
	}
	if next, _ := decode(s.s, j); n == 3 && isHan(next) && !labelled && !strings.ContainsRune(notInNames, next) {
		if c, size := utf8.DecodeLastRuneInString(s.s[:j]); strings.ContainsRune(afterNames, c) {
			return j - size
		}
	}
	return j
}

// Characters that are not in given names, since they go on with the sentence; and those that may be in either.
const (
	notInNames = "级衣的了在于因已曾与和及被把从向对将就也都又是有男女岁主自诉称来到住电号出入性年其于患者病先医"
	afterNames = "发突反现今昨前去经未不无可能要说"
)

// honoured is a surname, or a name, before a form of address: 王先生, 张伟医生.
func (s *scan) honoured(i int) {
	honour := ""
	for _, h := range []string{"先生", "女士", "小姐", "医生", "大夫", "主任", "教授", "护士", "老师", "警官", "同志", "太太", "医师", "律师", "院长", "護士", "醫生"} {
		if strings.HasPrefix(s.s[i:], h) {
			honour = h
		}
	}
	if honour == "" {
		return
	}
	start, at := 0, i
	for n := 1; n <= 3 && at > 0; n++ {
		c, size := utf8.DecodeLastRuneInString(s.s[:at])
		if !isHan(c) || strings.ContainsRune(notInNames, c) || strings.HasSuffix(s.s[:at], "主任") {
			break
		}
		at -= size
		if size == 3 && s.r.han.flag(s.s, at)&hanSurname != 0 && (c != '任' || n == 1) { // 任 is more often "serves as"
			start = at + 1
		}
	}
	if start == 0 {
		return
	}
	s.add(TitledName, start-1, i, 0.7)
	s.add(Title, i, i+len(honour), 0.6)
}
