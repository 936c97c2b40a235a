package plant

import (
	"math/rand/v2"
	"strings"
)

// Kinds is what is planted, in the order in which notes have it.
func Kinds() []string {
	return []string{"cn-id", "cn-credit", "card", "iban", "imei", "cn-mobile", "ssn", "email", "phone", "plate", "date", "address", "cn-address",
		"labelled name", "cn labelled name", "person", "cn-person"}
}

// Notes makes n notes, of every kind in turn, half of them disguised where the kind can be.
func Notes(n int) []Note {
	p := planter{rand.New(rand.NewPCG(1, 2))}
	var all []Note
	for i := range n {
		kind := Kinds()[i%len(Kinds())]
		id, form := p.make(kind), "plain"
		if forms := disguises(kind); forms != nil && p.IntN(2) == 0 {
			form = forms[p.IntN(len(forms))]
			id = disguise(form, id)
		}
		text := p.sentence(kind, id)
		at := strings.Index(text, id)
		all = append(all, Note{kind, form, text, at, at + len(id)})
	}
	return all
}

// name is an English or European name in one of the forms in which notes have it.
func (p planter) name() string {
	given, family := p.of(strings.Fields(givenNames)...), p.of(strings.Fields(familyNames)...)
	switch p.IntN(6) {
	case 0:
		return given + " " + p.of("A.", "J.", "M.", "R") + " " + family
	case 1:
		return given + " " + p.of("de ", "van ", "O'", "Mac") + family
	case 2:
		return given + " " + family + "-" + p.of(strings.Fields(familyNames)...)
	}
	return given + " " + family
}

func (p planter) chineseName() string {
	given := []rune(chineseGiven)
	name := p.of(strings.Split(chineseFamilies, " ")...) + string(given[p.IntN(len(given))])
	if p.IntN(4) > 0 {
		name += string(given[p.IntN(len(given))])
	}
	return name
}

// personSentence has a name where nothing before it says that one comes.
func (p planter) personSentence(name string) string {
	return p.of("", "BP 120/80, pulse 78. ", "Afebrile, eating and drinking. ", "CRP 4, Hb 13.5 g/dl. ") +
		p.of(
			name+" was admitted with chest pain and started on aspirin.",
			"Discussed with "+name+", who agrees to the plan.",
			"Her daughter "+name+" will collect her at noon.",
			name+" reports no pain since Tuesday.",
			"Handed over to "+name+" at 21:30.",
			"Wound reviewed by "+name+"; no sign of infection.",
			"Spoke to "+name+" by telephone about the results.",
			"According to "+name+", he stopped smoking in spring.")
}

// chinesePersonSentence is the same in Chinese.
func (p planter) chinesePersonSentence(name string) string {
	return p.of("", "血压120/80mmHg，心率78次/分。", "体温37.2℃，神志清楚。", "白细胞6.5×10^9/L。") +
		p.of(
			name+"因胸痛3天入院，予阿司匹林口服。",
			"今日由"+name+"主任查房，同意目前治疗方案。",
			"其女儿"+name+"陪同就诊。",
			"已与"+name+"电话沟通检查结果。",
			name+"诉昨夜咳嗽加重，伴低热。",
			"手术由"+name+"主刀，过程顺利。",
			"护士"+name+"于21:30交班。",
			"据"+name+"回忆，既往有高血压病史十年。")
}

// Names that are common where they come from, and so nobody's.
const (
	givenNames      = "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica Thomas Karen Charles Sarah Anna Peter Laura Kevin Emma Brian Olivia Edward Amelia Ronald Grace Aisha Omar Fatima Yusuf Priya Arjun Mei Kenji Sofia Mateo Lucia Diego Chiara Matteo Ingrid Lars Katarzyna Piotr Zoltan Eszter Dmitri Olga Siobhan Declan Nora Ben"
	familyNames     = "Smith Johnson Williams Brown Jones Garcia Miller Davis Wilson Anderson Taylor Thomas Moore Martin Lee Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Green Adams Baker Nelson Carter Mitchell Perez Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Khan Patel Singh Chowdhury Okafor Mensah Novak Kowalski Horvath Ivanov Petersen Lindqvist Rossi Ferrari Moreau Schneider Tanaka Quill Archer"
	chineseFamilies = "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋 蔡 贾 丁 魏 薛 叶 阎 欧阳 司马 上官 诸葛"
	chineseGiven    = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂英华玉梅建国红志文秀海燕春雪晓琳浩宇婷佳欣怡子涵博雅俊峰思远雨泽天"
)
