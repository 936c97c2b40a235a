package demo

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// Residents is the size of the population register.
const Residents = 50_000

// The seeds of the generators. A changed seed is another country: the golden answers change with it.
const (
	residentSeed  = 20250101
	hospitalASeed = 20250102
	hospitalBSeed = 20250103
)

// chineseShare is the percentage of residents with a Chinese name and address.
const chineseShare = 40

type resident struct {
	nationalID, name, sex string
	birth                 time.Time
	address, postcode     string
	phone                 string
	home                  *district
	chinese               bool
	person
}

// person is one cell of Adult's joint table: what is drawn together so that it stays plausible together.
type person struct {
	age                                     int
	education, occupation, marital, incomes string
}

type cell struct {
	person
	sex string
}

// census is Adult's joint distribution: cells and how often each occurs.
type census struct {
	cells []cell
	wheel wheel
}

func readCensus() (*census, error) {
	rows, err := records("adult_joint.csv.gz")
	if err != nil {
		return nil, err
	}
	var n numbers
	c := &census{cells: make([]cell, len(rows))}
	counts := make([]int, len(rows))
	for i, row := range rows {
		c.cells[i] = cell{sex: row[1], person: person{
			age: n.integer(row[0]), education: row[2], occupation: row[3], marital: row[4], incomes: row[5]}}
		counts[i] = n.integer(row[6])
	}
	c.wheel = newWheel(counts)
	return c, n.err
}

// generateResidents makes the population: the same one each time.
func generateResidents(districts []district) ([]resident, error) {
	c, err := readCensus()
	if err != nil {
		return nil, err
	}
	weights := make([]int, len(districts))
	for i, d := range districts {
		weights[i] = d.weight
	}
	homes := newWheel(weights)
	g := &register{rng: rand.New(rand.NewPCG(residentSeed, 1)), words: newLexicon(), sequence: map[string]int{}}
	residents := make([]resident, Residents)
	for i := range residents {
		person := &c.cells[c.wheel.at(g.rng.IntN(c.wheel.total()))]
		residents[i] = g.enter(person, &districts[homes.at(g.rng.IntN(homes.total()))])
	}
	return residents, nil
}

// register makes one person after the other.
type register struct {
	rng      *rand.Rand
	words    *lexicon
	sequence map[string]int // how many share place, day of birth and sex
}

func (g *register) enter(c *cell, home *district) resident {
	rng := g.rng
	r := resident{person: c.person, sex: c.sex, home: home, chinese: rng.IntN(100) < chineseShare}
	r.birth = time.Date(2025-r.age, 1, 1+rng.IntN(365), 0, 0, 0, 0, time.UTC)
	r.nationalID = g.nationalID(home.code, r.birth, r.sex)
	r.name = g.words.personName(rng, r.sex, r.chinese)
	r.address = g.words.streetAddress(rng, home, r.chinese)
	r.postcode = home.code[:2] + home.code[3:4] + home.code[5:6] + twoDigits(rng.IntN(40)+10)
	// 154 is not a public mobile prefix: nobody is called by mistake.
	r.phone = "154-" + fourDigits(rng.IntN(10000)) + "-" + fourDigits(rng.IntN(10000))
	return r
}

// nationalID is GB 11643-1999's form: six digits of place, eight of birth, three of sequence (odd for men) and
// the check character.
func (g *register) nationalID(place string, birth time.Time, sex string) string {
	stem := place + birth.Format("20060102")
	key := stem + sex
	number := 2 * g.sequence[key]
	g.sequence[key]++
	if sex == "M" {
		number++
	} else {
		number += 2
	}
	body := stem + fmt.Sprintf("%03d", number)
	return body + string(CheckCharacter(body))
}

// CheckCharacter is ISO 7064 MOD 11-2 over the seventeen digits of a national identifier.
func CheckCharacter(body string) byte {
	remainder := 0
	for i := range len(body) {
		remainder = (remainder + int(body[i]-'0')) * 2 % 11
	}
	return "0123456789X"[(12-remainder)%11]
}

func twoDigits(n int) string {
	if n < 10 {
		return "0" + strconv.Itoa(n)
	}
	return strconv.Itoa(n)
}

func fourDigits(n int) string { return strconv.Itoa(10000 + n)[1:] }
