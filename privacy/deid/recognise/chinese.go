package recognise

import (
	"strings"
	"unicode/utf8"
)

// hanDate looks at 年 and 月 for the numbers around them.
func (s *scan) hanDate(c rune, i int) {
	if c == '年' {
		s.hanYear(i)
		return
	}
	start, m := s.numberBefore(i)
	if m < 1 || m > 12 || strings.HasSuffix(s.s[:start], "年") {
		return
	}
	if end := s.hanDay(i + 3); end > i+3 {
		s.add(ChinaDate, start, s.clock(end), 0.7)
	}
}

// hanYear is 1984年3月5日, or 1984年3月; a year alone where these are asked for.
func (s *scan) hanYear(i int) {
	start, y := s.numberBefore(i)
	n := utf8.RuneCountInString(strings.TrimRight(s.s[start:i], " "))
	if y < 0 || (n != 4 && n != 2) || n == 4 && (y < 1800 || y >= 2200) {
		return
	}
	m, end := s.numberAt(skipSpaces(s.s, i+3, 1))
	end = skipSpaces(s.s, end, 1)
	if m < 1 || m > 12 || !strings.HasPrefix(s.s[end:], "月") {
		if s.r.options.Years && n == 4 {
			s.add(Year, start, i+3, 0.5)
		}
		return
	}
	end += 3
	s.add(ChinaDate, start, s.clock(s.dayOrMonth(end)), 0.9)
}

// dayOrMonth is where a date whose month ends at i ends, with its day if there is one.
func (s *scan) dayOrMonth(i int) int {
	j := skipSpaces(s.s, i, 1)
	if end := s.hanDay(j); end > j {
		return end
	}
	return i
}

// hanDay is where 5日, 五号 or 初五 at i ends; i for none.
func (s *scan) hanDay(i int) int {
	d, end := s.numberAt(i)
	if d < 1 || d > 31 {
		return i
	}
	end = skipSpaces(s.s, end, 1)
	for _, w := range []string{"日", "号", "號"} {
		if strings.HasPrefix(s.s[end:], w) {
			return end + 3
		}
	}
	return i
}

// numberAt reads digits or Chinese numerals below a hundred at i; -1 for none.
func (s *scan) numberAt(i int) (value, end int) {
	if s.is(digit, i) {
		return s.upTo(i, 4)
	}
	j := i
	for n := 0; n < 4 && j < len(s.s); n++ {
		c, size := decode(s.s, j)
		if _, ok := hanDigit(c); !ok && c != '十' {
			break
		}
		j += size
	}
	if j == i {
		return -1, i
	}
	return chineseNumber(s.s[i:j]), j
}

// numberBefore reads the number that ends at i.
func (s *scan) numberBefore(i int) (start, value int) {
	for i > 0 && s.s[i-1] == ' ' && s.is(digit, i-2) {
		i--
	}
	start = i
	for s.is(digit, start-1) && i-start < 5 {
		start--
	}
	if start < i {
		if s.alnum(start - 1) {
			return i, -1
		}
		return start, number(s.s[start:i])
	}
	for start > 0 && i-start < 12 {
		c, size := utf8.DecodeLastRuneInString(s.s[:start])
		if _, ok := hanDigit(c); !ok && c != '十' {
			break
		}
		start -= size
	}
	if start == i {
		return i, -1
	}
	return start, chineseNumber(s.s[start:i])
}

// chineseNumber is 五, 十五, 二十五, 一二.
func chineseNumber(t string) int {
	total, last := 0, 0
	for _, c := range t {
		if d, ok := hanDigit(c); ok {
			last = last*10 + d
			continue
		}
		total, last = max(last, 1)*10, 0
	}
	return total + last
}

// How far, in bytes, an address in Chinese reaches back from its house number and on from it.
const (
	mostRegion = 90
	mostTail   = 24
)

// hanAddress looks at 号 and the like after a number, and at chains of administrative names.
func (s *scan) hanAddress(f uint8, i int) {
	if i < s.until {
		return
	}
	if f&hanAdmin != 0 {
		s.region(i)
		return
	}
	num, v := s.numberBefore(i)
	if v < 0 {
		return
	}
	c, _ := utf8.DecodeLastRuneInString(s.s[:num])
	if !strings.ContainsRune("路街道巷弄村里同段园苑区庄屯镇号院厦", c) {
		return
	}
	start := s.regionStart(num)
	if num-start >= 6 {
		s.add(ChinaAddress, start, s.houseTail(i+3), 0.8)
	}
}

// houseTail goes on over 3栋2单元501室, also past the name of an estate.
func (s *scan) houseTail(end int) int {
	i := end
	for i < len(s.s) && i-end < mostTail {
		if n, e := s.numberAt(i); n >= 0 {
			unit := s.houseUnit(e)
			if unit == e {
				return end
			}
			i, end = unit, unit
			continue
		}
		c, size := decode(s.s, i)
		if (!isHan(c) || strings.ContainsRune(notInAddresses, c)) && c != ' ' && c != '-' {
			break
		}
		i += size
	}
	return end
}

func (s *scan) houseUnit(i int) int {
	if s.is(letter, i) && !s.alnum(i+1) {
		i++
	}
	for _, u := range []string{"号楼", "号院", "单元", "号", "栋", "幢", "座", "楼", "层", "室", "户", "门"} {
		if strings.HasPrefix(s.s[i:], u) {
			return i + len(u)
		}
	}
	return i
}

// Characters that part an address from the sentence around it.
const notInAddresses = "年月日在于址住是为到至从往去的了和与来，。、；："

// parts reports a character at i that parts an address from the sentence.
func (s *scan) parts(c rune, i int) bool {
	return strings.ContainsRune(notInAddresses, c) && !strings.HasPrefix(s.s[i:], "和平")
}

// regionStart walks back over Han characters to where an address begins.
func (s *scan) regionStart(i int) int {
	start := i
	for start > 0 && i-start < mostRegion {
		c, size := utf8.DecodeLastRuneInString(s.s[:start])
		if !isHan(c) && c != '·' && (c >= 0x80 || !s.is(digit, start-1)) || s.parts(c, start-size) {
			break
		}
		start -= size
	}
	for at, c := range s.s[start:i] {
		for _, p := range s.r.han.places[c] {
			if strings.HasPrefix(s.s[start+at:i], p) {
				return start + at
			}
		}
	}
	return start
}

// region is a chain of at least two administrative names that begins at the first: 浙江省杭州市, 北京市海淀区.
func (s *scan) region(i int) {
	end, links, rank := i+3, 1, adminRank(s.s[i:i+3])
	for links < 5 {
		next := s.adminName(end)
		if next == end {
			break
		}
		r := adminRank(s.s[next-3 : next])
		if r < rank || (r == rank && r != cityRank) {
			break // a district within a district is a sentence about districts
		}
		end, links, rank = next, links+1, r
	}
	if links < 2 {
		return
	}
	start := s.regionStart(i)
	if i-start < 6 || i-start > 27 {
		return
	}
	s.add(ChinaAddress, start, s.roadAfter(end), 0.7)
	s.until = max(s.until, end)
}

// cityRank is that of 市: a city may lie in a city.
const cityRank = 3

// adminRank orders administrative suffixes from province to township.
func adminRank(suffix string) int {
	switch suffix {
	case "省":
		return 1
	case "州":
		return 2
	case "市":
		return cityRank
	case "区", "县":
		return 4
	}
	return 5
}

// adminName is where a name of up to six characters with an administrative suffix from i on ends.
func (s *scan) adminName(i int) int {
	j := i
	for n := 0; n < 7 && j+2 < len(s.s) && s.s[j] >= 0xE4 && s.s[j] <= 0xE9; n++ {
		c, size := decode(s.s, j)
		if s.parts(c, j) {
			break
		}
		j += size
		if n > 0 && (s.r.han.flag(s.s, j-3)&hanAdmin != 0 || c == '镇' || c == '乡') {
			return j
		}
	}
	return i
}

// roadAfter takes in the road, or the estate, after a region, with what follows it in numbers.
func (s *scan) roadAfter(i int) int {
	j := i
	for n := 0; n < 9 && j < len(s.s); n++ {
		c, size := decode(s.s, j)
		if !isHan(c) || strings.ContainsRune(notInAddresses, c) {
			break
		}
		j += size
		if n > 0 && strings.ContainsRune("路街道巷村", c) {
			return s.houseTail(j)
		}
	}
	return i
}

const provinces = "北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 澳门 " +
	"广州 深圳 杭州 南京 武汉 成都 西安 苏州 郑州 长沙 沈阳 青岛 宁波 东莞 无锡 佛山 合肥 大连 福州 厦门 哈尔滨 济南 昆明 太原 石家庄 南昌 贵阳 南宁 兰州 海口 长春 乌鲁木齐"
