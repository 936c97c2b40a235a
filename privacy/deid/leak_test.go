package deid

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// planted is one identifier in a note.
type planted struct{ kind, form, note, hidden string }

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
	case "labelled name":
		return p.of("Nora Quill", "Ben Archer", "Ana de Silva", "Piotr Nowak")
	case "cn labelled name":
		return p.of("张伟", "李娜", "王建国", "欧阳明", "周晓梅")
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
	case "imei":
		return p.of("The device (IMEI ", "手机IMEI（") + id + ")."
	}
	if kind == "cn-address" || kind == "plate" || kind == "cn-id" || kind == "cn-credit" || p.IntN(2) == 0 {
		return p.of("血压120/80mmHg，心率78次/分，登记为", "经家属确认，资料：", "体温37.2℃，随访。联系") + id + p.of("，住院3天。", "。白细胞6.5×10^9/L。", "，医嘱如前。")
	}
	return p.of("BP 120/80, pulse 78. On file: ", "Reviewed at 10:45; noted ", "Hb 13.5 g/dl, CRP 4. Given as ") + id + p.of(", no change.", " at discharge; dose 2.5 mg twice.", ". Follow-up in 3 weeks.")
}

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

func plantedKinds() []string {
	return []string{"cn-id", "cn-credit", "card", "iban", "imei", "cn-mobile", "ssn", "email", "phone", "plate", "date", "address", "cn-address", "labelled name", "cn labelled name"}
}

// plant makes n identifiers, of every kind in turn, half of them disguised where the kind can be.
func plant(n int) []planted {
	p := planter{rand.New(rand.NewPCG(1, 2))}
	var all []planted
	for i := range n {
		kind := plantedKinds()[i%len(plantedKinds())]
		id, form := p.make(kind), "plain"
		if forms := disguises(kind); forms != nil && p.IntN(2) == 0 {
			form = forms[p.IntN(len(forms))]
			id = disguise(form, id)
		}
		note := p.sentence(kind, id)
		all = append(all, planted{kind, form, note, id})
	}
	return all
}

// leakFloors are what the rules alone must reach.
func leakFloors() map[string]float64 {
	return map[string]float64{
		"cn-id": 0.995, "cn-credit": 0.995, "card": 0.995, "iban": 0.995, "imei": 0.995, "cn-mobile": 0.995, "ssn": 0.99,
		"email": 0.995, "phone": 0.99, "plate": 0.99, "date": 0.99, "address": 0.95, "cn-address": 0.95,
		"labelled name": 0.95, "cn labelled name": 0.95,
	}
}

// TestLeakRecall plants 10,000 identifiers and names and counts those that rules alone hide to the last character.
func TestLeakRecall(t *testing.T) {
	all := plant(10_000)
	notes := make([]string, len(all))
	for i, p := range all {
		notes[i] = p.note
	}
	found, hidden := map[string]int{}, map[string]int{}
	byForm, formHidden := map[string]int{}, map[string]int{}
	for i, got := range NewRedactor(TextOptions{RulesOnly: true}).Redact(context.Background(), notes) {
		p := all[i]
		found[p.kind]++
		byForm[p.form]++
		if covers(got.Spans, strings.Index(p.note, p.hidden), len(p.hidden)) && !strings.Contains(got.Text, p.hidden) {
			hidden[p.kind]++
			formHidden[p.form]++
			continue
		}
		if found[p.kind]-hidden[p.kind] < 4 {
			t.Logf("shown: %s, %s: %s -> %s", p.kind, p.form, p.note, got.Text)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(found)) {
		recall := float64(hidden[k]) / float64(found[k])
		t.Logf("%-18s %5d planted, recall %.4f", k, found[k], recall)
		if recall < leakFloors()[k] {
			t.Errorf("%s: recall %.4f, want %.3f", k, recall, leakFloors()[k])
		}
	}
	for _, f := range slices.Sorted(maps.Keys(byForm)) {
		t.Logf("%-18s %5d planted, recall %.4f", f, byForm[f], float64(formHidden[f])/float64(byForm[f]))
	}
}

// covers reports whether spans hide n bytes from at on.
func covers(spans []Span, at, n int) bool {
	for _, s := range spans {
		if s.Start <= at && s.End > at {
			at, n = s.End, n-(s.End-at)
		}
	}
	return n <= 0
}
