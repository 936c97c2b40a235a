// Package plant makes notes with identifiers in them, for tests and measurements of what hides identifiers: clinical
// notes in English and Chinese, each with one invented identifier or name, written plainly or in a form meant to get
// past a reader.
//
//	for _, n := range plant.Notes(10_000) {
//		fmt.Println(n.Kind, n.Form, n.Text[n.Start:n.End])
//	}
//
// Every run makes the same notes. Check digits are right, by the published rules and not by the recognisers' code. No
// name or number is meant to be anybody's. Not promised: that notes of real clinics look like these.
package plant

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Note is a text with one identifier.
type Note struct {
	Kind       string // "card", "person", "cn-person", ...
	Form       string // "plain", or how it is disguised
	Text       string
	Start, End int // of the identifier, in bytes
}

// planter makes notes with identifiers, the same ones each time.
type planter struct{ *rand.Rand }

func (p planter) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(p.IntN(10))
	}
	return string(b)
}

func (p planter) of(words ...string) string { return words[p.IntN(len(words))] }

// luhn appends the check digit of ISO/IEC 7812-1.
func luhn(d string) string {
	sum := 0
	for i := range len(d) {
		n := int(d[len(d)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return d + string(rune('0'+(10-sum%10)%10))
}

// resident appends the check character of GB 11643 by the weights of its annex.
func resident(d string) string {
	weights := []int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		sum += w * int(d[i]-'0')
	}
	return d + "10X98765432"[sum%11:sum%11+1]
}

// credit appends the check character of GB 32100 by the weights of its annex.
func credit(s string) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	weights := []int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}
	sum := 0
	for i, w := range weights {
		sum += w * strings.IndexByte(alphabet, s[i])
	}
	at := (31 - sum%31) % 31
	return s + alphabet[at:at+1]
}

// iban puts the check digits of ISO 13616 between country and account, by whole-number division.
func iban(country, account string) string {
	rest := 0
	for _, c := range account + country + "00" {
		v := strings.IndexRune("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", c)
		if v > 9 {
			rest *= 10
		}
		rest = (rest*10 + v) % 97
	}
	return fmt.Sprintf("%s%02d%s", country, 98-rest, account)
}

func (p planter) date() string {
	return fmt.Sprintf("%d%02d%02d", 1935+p.IntN(80), 1+p.IntN(12), 1+p.IntN(28))
}

// make is an identifier of each kind.
func (p planter) make(kind string) string {
	switch kind {
	case "cn-id":
		return resident(p.of("110105", "330106", "440305", "510107") + p.date() + p.digits(3))
	case "cn-credit":
		var tail strings.Builder
		for range 9 {
			tail.WriteString(p.of(strings.Split("0123456789ABCDEFGHJKLMNPQRTUWXY", "")...))
		}
		return credit(p.of("91", "12", "51") + p.of("110105", "330106", "440300") + tail.String())
	case "card":
		return luhn(p.of("41", "51", "55", "62", "65") + p.digits(13))
	case "iban":
		return p.of(iban("GB", "WEST"+p.digits(14)), iban("DE", p.digits(18)), iban("FR", p.digits(23)), iban("NL", "ABNA"+p.digits(10)))
	case "imei":
		return luhn("35" + p.digits(12))
	case "cn-mobile":
		return "1" + p.of("3", "5", "7", "8", "9") + p.digits(9)
	case "ssn":
		return fmt.Sprintf("%03d-%02d-%04d", 1+p.IntN(600), 1+p.IntN(98), 1+p.IntN(9998))
	case "email":
		return p.of("anna", "li.wei", "j_smith", "mary") + p.digits(2) + "@" + p.of("example.com", "mail.example.org", "qq.com")
	case "phone":
		return fmt.Sprintf("(%d%s) %d%s-%s", 2+p.IntN(8), p.digits(2), 2+p.IntN(8), p.digits(2), p.digits(4))
	case "plate":
		return p.of("京", "沪", "粤", "浙") + p.of("A", "B", "C") + "·" + p.of("A", "D", "K") + p.digits(4)
	case "date":
		d := p.date()
		return p.of(d[:4]+"-"+d[4:6]+"-"+d[6:], d[6:]+"/"+d[4:6]+"/"+d[:4], d[:4]+"年"+strings.TrimPrefix(d[4:6], "0")+"月"+strings.TrimPrefix(d[6:], "0")+"日")
	case "address":
		return p.of("12", "7", "230", "45B") + " " + p.of("Elm", "Crown", "Old Mill", "Station") + " " + p.of("Street", "Road", "Avenue", "Lane")
	case "cn-address":
		return p.of("浙江省杭州市西湖区", "北京市海淀区", "上海市浦东新区", "") + p.of("文三路", "中山路", "解放街", "世纪大道") + p.digits(2) + "号" + p.of("", "3栋2单元501室")
	case "labelled name", "person":
		return p.name()
	case "cn labelled name", "cn-person":
		return p.chineseName()
	}
	panic(kind)
}

// sentence puts an identifier where a note would have it. Between lies what notes are full of: other numbers.
func (p planter) sentence(kind, id string) string {
	switch kind {
	case "labelled name":
		return p.of("Patient: ", "Name: ", "Seen by Dr. ", "Referred by Mrs. ") + id + p.of(", 54 years, BP 120/80.", " on the ward.", "; temperature 37.2.")
	case "cn labelled name":
		return p.of("姓名：", "患者", "联系人：") + id + p.of("，男，54岁，血压120/80mmHg。", "，入院3天。")
	case "person":
		return p.personSentence(id)
	case "cn-person":
		return p.chinesePersonSentence(id)
	case "imei":
		return p.of("The device (IMEI ", "手机IMEI（") + id + ")."
	}
	if kind == "cn-address" || kind == "plate" || kind == "cn-id" || kind == "cn-credit" || p.IntN(2) == 0 {
		return p.of("血压120/80mmHg，心率78次/分，登记为", "经家属确认，资料：", "体温37.2℃，随访。联系") + id + p.of("，住院3天。", "。白细胞6.5×10^9/L。", "，医嘱如前。")
	}
	return p.of("BP 120/80, pulse 78. On file: ", "Reviewed at 10:45; noted ", "Hb 13.5 g/dl, CRP 4. Given as ") + id + p.of(", no change.", " at discharge; dose 2.5 mg twice.", ". Follow-up in 3 weeks.")
}
