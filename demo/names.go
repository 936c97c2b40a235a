package demo

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// Common names, combined at random: any likeness is chance.
const (
	englishWomen = "Ada Alice Amara Beatrice Bridget Carmen Clara Dana Edith Elena Esther Fatima Grace Hannah Imani " +
		"Ingrid Irene Joan Julia Karen Leila Linda Lucy Mabel Maria Martha Nadia Nora Olive Petra Rosa Ruth Sarah Sofia " +
		"Tamsin Teresa Una Vera Wilma Zoe"
	englishMen = "Adam Alan Amir Basil Bruno Carl Cedric Dennis Edgar Edwin Felix Frank George Gilbert Harold Hugo Ian " +
		"Isaac Ivan James Joel Kenneth Leon Louis Marcus Martin Nigel Oliver Omar Oscar Patrick Peter Ralph Robert Samuel " +
		"Simon Stefan Theo Victor Walter"
	englishSurnames = "Abbott Acheson Adeyemi Archer Barlow Beck Bellamy Blake Brandt Carver Chandler Clarke Cole Cooper " +
		"Dalton Dawson Drake Ellis Farrow Fletcher Forster Garcia Gibson Grant Hale Harper Hayward Holt Hughes Ibsen " +
		"Jensen Kaplan Keller Knight Lambert Larsen Lowe Marsh Mercer Moreno Nash Novak Okafor Osborne Palmer Pearce " +
		"Quinn Ramsey Reeve Rossi Sawyer Sharpe Sutton Tanner Thorne Underhill Vaughan Wade Webster Yates"
	chineseSurnames = "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 高 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾 肖 田 董 潘 袁 蔡 蒋 余 " +
		"欧阳 司马 上官 诸葛"
	chineseWomen = "婷 静 雪 芳 敏 丽 艳 娟 霞 燕 玲 洁 梅 琳 莉 欣 怡 雅 淑 慧 秀 兰 莹 月 云 秋 红 玉 萍 倩"
	chineseMen   = "伟 强 磊 军 洋 勇 杰 涛 明 超 刚 平 辉 鹏 华 飞 鑫 波 斌 宇 浩 凯 健 俊 帆 博 志 建 文 国"

	englishStreets = "Alder Lane;Bridge Street;Canal Row;Chapel Hill;Dyer Street;Ferry Road;Foundry Lane;Garden Terrace;" +
		"Harbour Walk;Kiln Road;Linden Avenue;Market Place;Mill Road;Orchard Close;Quarry Road;Rope Walk;School Lane;" +
		"Station Road;Tanner Street;Windmill Rise"
	chineseStreets = "枫林路 桂花街 长堤路 石桥巷 磨坊路 果园里 渡口街 灯塔路 松涛路 芦苇巷 学府路 集市街 铁匠巷 码头路 柳荫街 风车路 新月街 和平里 纺织路 花园街"
)

// lexicon is the lists above, split once.
type lexicon struct {
	english, chinese tongue
}

// tongue is what one language calls people and streets.
type tongue struct{ women, men, surnames, streets []string }

func newLexicon() *lexicon {
	return &lexicon{
		english: tongue{women: strings.Fields(englishWomen), men: strings.Fields(englishMen),
			surnames: strings.Fields(englishSurnames), streets: strings.Split(englishStreets, ";")},
		chinese: tongue{women: strings.Fields(chineseWomen), men: strings.Fields(chineseMen),
			surnames: strings.Fields(chineseSurnames), streets: strings.Fields(chineseStreets)},
	}
}

func (t *tongue) given(sex string) []string {
	if sex == "F" {
		return t.women
	}
	return t.men
}

func pick(rng *rand.Rand, list []string) string { return list[rng.IntN(len(list))] }

func (l *lexicon) personName(rng *rand.Rand, sex string, chinese bool) string {
	if !chinese {
		return pick(rng, l.english.given(sex)) + " " + pick(rng, l.english.surnames)
	}
	given := l.chinese.given(sex)
	name := pick(rng, l.chinese.surnames) + pick(rng, given)
	if rng.IntN(3) > 0 {
		name += pick(rng, given)
	}
	return name
}

func (l *lexicon) streetAddress(rng *rand.Rand, home *district, chinese bool) string {
	number := strconv.Itoa(1 + rng.IntN(180))
	if chinese {
		return home.nameZh + pick(rng, l.chinese.streets) + number + "号"
	}
	return number + " " + pick(rng, l.english.streets) + ", " + home.name
}
