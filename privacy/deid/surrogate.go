package deid

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"concordat/privacy"
)

// surrogateVersion names the construction below and the word lists: a change of any is a new version.
const surrogateVersion = "concordat surrogate 1"

// SurrogateKey is the key of the surrogates of one data subject under one agreement and purpose: "John Smith" is then
// the same other name in all notes about that subject, and an unrelated one in those about another. Where the subject
// is not known ("") it is the same name within the domain.
func SurrogateKey(s privacy.Scope, domain, subject string) ([]byte, error) {
	if len(s.Root) < privacy.RootKeySize || s.Agreement == "" {
		return nil, ErrKey
	}
	var info []byte
	for _, part := range []string{surrogateVersion, s.Agreement, s.Purpose, domain, subject} {
		info = binary.BigEndian.AppendUint32(info, uint32(len(part)))
		info = append(info, part...)
	}
	return hkdf.Key(sha256.New, s.Root, nil, string(info), sha256.Size)
}

// surrogate is another name or address in place of hidden; "" where the label has none. A word that the text itself
// holds is passed over: it could be taken for the person whom it hides.
func surrogate(key []byte, label, hidden, text string) string {
	if len(key) == 0 {
		return ""
	}
	p := picker{key: key, text: text}
	switch label {
	case "PERSON":
		if isHanText(hidden) {
			return p.chineseName(hidden)
		}
		return p.name(hidden)
	case "ADDRESS", "STREET_ADDRESS":
		if isHanText(hidden) {
			return p.pick("zh-city", hidden, chineseCities) + p.pick("zh-road", hidden, chineseRoads) + strconv.Itoa(p.number(hidden)) + "号"
		}
		return strconv.Itoa(p.number(hidden)) + " " + p.pick("street", hidden, streets) + " Street"
	}
	return ""
}

// picker chooses from lists by a keyed hash.
type picker struct {
	key  []byte
	text string
}

func (p picker) hash(kind, of string) uint64 {
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(kind + "\x00" + strings.ToLower(canonical(of))))
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

func (p picker) number(of string) int { return int(p.hash("number", of)%180) + 3 }

// pick takes the hash's word of a list, or the next that the text does not hold.
func (p picker) pick(kind, of, list string) string {
	words := strings.Fields(list)
	at := int(p.hash(kind, of) % uint64(len(words)))
	for i := range words {
		w := words[(at+i)%len(words)]
		if short := len(w) < leastRepeat && isHanText(w); (short && w != of) || (!short && !strings.Contains(p.text, w)) {
			return w
		}
	}
	return "X"
}

// name maps each part of a name on its own, so that "Smith" alone is who "John Smith" is.
func (p picker) name(hidden string) string {
	parts := strings.Fields(hidden)
	for i, part := range parts {
		c, size := utf8.DecodeRuneInString(part)
		switch rest := strings.Trim(part[size:], "."); {
		case rest == "":
			parts[i] = p.pick("initial", part, initials) + "."
		case unicode.IsLower(c) && size+len(rest) <= 3 && i > 0:
			// "de", "van": they say nothing
		default:
			parts[i] = p.pick("name", part, givenNames+" "+familyNames)
		}
	}
	return strings.Join(parts, " ")
}

// chineseName keeps how many characters the name has.
func (p picker) chineseName(hidden string) string {
	n := utf8.RuneCountInString(hidden)
	first, size := utf8.DecodeRuneInString(hidden)
	to := p.pick("zh-family", string(first), chineseFamilies)
	if n == 1 {
		return to
	}
	given := p.pick("zh-given", hidden[size:], chineseGiven)
	if n == 2 {
		_, one := utf8.DecodeRuneInString(given)
		return to + given[:one]
	}
	return to + given
}

// Word lists of our own. None is of a real register.
const (
	initials   = "A B C D E F G H J K L M N P R S T V W"
	givenNames = "Alder Amber Ansel Aster Avery Basil Bryn Briar Cedar Celyn Clover Coral Corin Dale Darrow Elowen Ember Fenn Fern Flint Garnet Glen Hazel Heath Indigo Iris Jasper Juniper Kestrel Lark Laurel Linden Lorne Maple Marlow Merle Moss Nell Oakley Olive Onyx Opal Pearl Perrin Quill Raven Reed Rowan Rusk Sable Sage Sorrel Sparrow Tarn Teal Thistle Vale Verity Willow Wren Yarrow Zephyr"

	familyNames = "Ashgrove Banksedge Barlowe Birchall Blackmere Brackenby Briarwood Calderfield Carrowby Cobblewick Coldbrook Crosswell Dalebrook Dunmere Eastholm Elmsworth Fairholt Fallowfield Farrowby Fenwickson Foxhollow Glenmoor Greywell Harthill Hawksworthy Heatherby Hollowell Ironbrook Kestleby Kingsmere Larkwood Longmere Maplethorpe Marshfield Millbeck Moorcroft Nettleby Northwold Oakhurst Orchardson Pinehurst Quarrington Redfern Ridgemont Rookwood Rushmere Silverdale Stonebeck Summerfold Thornbury Underhay Valecroft Westerby Whitlowe Windermoor Woodsedge Wrenfield Yewdale"

	streets = "Alderbank Beechcroft Copperfield Damson Elderberry Foxglove Greenfinch Hawthorn Ivybridge Jackdaw Kingfisher Larkspur Meadowsweet Nightingale Orchard Primrose Quince Rosehip Skylark Tamarind Upland Violet Waterlily Yarrow"

	chineseFamilies = "柏 禾 季 简 景 乐 林 明 宁 朴 青 荣 桑 舒 松 桐 望 闻 溪 晏 叶 易 云 竹 卓"
	chineseGiven    = "安然 柏舟 采薇 晨曦 初晴 丹枫 冬青 朵云 枫眠 谷雨 海棠 禾苗 鹤鸣 花朝 霁月 嘉木 江雪 锦书 静好 兰舟 乐游 流云 鹿鸣 慕青 南星 念慈 浦江 千帆 晴川 秋白 若水 山岚 书言 疏影 素心 汀兰 桐叶 晚舟 惟一 望舒 文竹 溪亭 夏至 向晚 心远 星河 雪松 言蹊 宜春 映雪 雨霖 远山 月白 云帆 知秋 竹西 子衿 紫苏"
	chineseCities   = "东临市 南屏市 西岭市 北渚市 青川埠市 云溪市 鹿鸣市 枫桥埠市 望海市 长汀埠市 锦川市 兰渡市"
	chineseRoads    = "栖霞里路 听松路 揽月路 拾光路 临溪路 采薇路 望舒路 流云路 知秋路 晴川里路 鹤鸣路 听雨路"
)
