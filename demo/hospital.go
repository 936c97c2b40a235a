package demo

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"time"
)

// hospital says how one hospital's records are made.
type hospital struct {
	id         string // source name
	prefix     string // of its identifiers
	seed       uint64
	admissions int
	// catchment is the percentage of patients from each region.
	catchment map[string]int
}

func hospitals() []hospital {
	return []hospital{
		{id: "hospital_a", prefix: "A", seed: hospitalASeed, admissions: 6000,
			catchment: map[string]int{"Norvale": 48, "Eastmere": 30, "Sudholm": 12, "Westfen": 10}},
		{id: "hospital_b", prefix: "B", seed: hospitalBSeed, admissions: 4000,
			catchment: map[string]int{"Norvale": 8, "Eastmere": 16, "Sudholm": 46, "Westfen": 30}},
	}
}

type diagnosis struct {
	code, text, textZh, ward string
	weight, minAge, maxAge   int
	sex                      string // "" for both
	winter                   bool   // more often in the cold months
	meanDays, baseCost       int
}

type comorbidity struct {
	code, text     string
	weight, minAge int
}

type admission struct {
	id        string
	patient   *resident
	diagnosis *diagnosis
	admitted  time.Time
	days      int
	cost      int // cents
	note      string
}

// discharged reports the day of discharge; a stay that reaches into 2026 has none yet.
func (a *admission) discharged() (time.Time, bool) {
	day := a.admitted.AddDate(0, 0, a.days)
	return day, day.Year() == 2025
}

type condition struct {
	id         string
	admission  *admission
	code, text string
	onset      time.Time
}

func readDiagnoses() ([]diagnosis, error) {
	rows, err := records("diagnoses.csv")
	if err != nil {
		return nil, err
	}
	var n numbers
	list := make([]diagnosis, len(rows))
	for i, r := range rows {
		list[i] = diagnosis{code: r[0], text: r[1], textZh: r[2], ward: r[3], weight: n.integer(r[4]),
			minAge: n.integer(r[5]), maxAge: n.integer(r[6]), sex: r[7], winter: r[8] == "1",
			meanDays: n.integer(r[9]), baseCost: n.integer(r[10])}
	}
	return list, n.err
}

func readComorbidities() ([]comorbidity, error) {
	rows, err := records("comorbidities.csv")
	if err != nil {
		return nil, err
	}
	var n numbers
	list := make([]comorbidity, len(rows))
	for i, r := range rows {
		list[i] = comorbidity{code: r[0], text: r[1], weight: n.integer(r[2]), minAge: n.integer(r[3])}
	}
	return list, n.err
}

// clinic draws one hospital's year.
type clinic struct {
	hospital
	rng           *rand.Rand
	diagnoses     []diagnosis
	wheel         wheel
	comorbidities []comorbidity
	others        wheel
}

func newClinic(h hospital) (*clinic, error) {
	diagnoses, err := readDiagnoses()
	if err != nil {
		return nil, err
	}
	comorbidities, err := readComorbidities()
	if err != nil {
		return nil, err
	}
	c := &clinic{hospital: h, rng: rand.New(rand.NewPCG(h.seed, 2)), diagnoses: diagnoses, comorbidities: comorbidities}
	var weights []int
	for _, d := range diagnoses {
		weights = append(weights, d.weight)
	}
	c.wheel = newWheel(weights)
	weights = nil
	for _, o := range comorbidities {
		weights = append(weights, o.weight)
	}
	c.others = newWheel(weights)
	return c, nil
}

// records of the hospital: stays by day, numbered in that order, and the conditions noted in each.
func (c *clinic) year(residents []resident) ([]admission, []condition) {
	patients := c.patients(residents)
	stays := make([]admission, c.hospital.admissions)
	for i := range stays {
		stays[i] = c.stay(patients[c.rng.IntN(len(patients))])
	}
	sort.SliceStable(stays, func(i, j int) bool { return stays[i].admitted.Before(stays[j].admitted) })
	var conditions []condition
	for i := range stays {
		stays[i].id = fmt.Sprintf("%s-%06d", c.prefix, i+1)
		stays[i].note = c.note(&stays[i])
		conditions = append(conditions, c.conditions(&stays[i])...)
	}
	for i := range conditions {
		conditions[i].id = fmt.Sprintf("%sC-%06d", c.prefix, i+1)
	}
	return stays, conditions
}

// patients picks the people who come here: two thirds as many as stays, so that some come again.
func (c *clinic) patients(residents []resident) []*resident {
	byRegion := map[string][]*resident{}
	for i := range residents {
		r := &residents[i]
		byRegion[r.home.region] = append(byRegion[r.home.region], r)
	}
	var chosen []*resident
	for _, region := range []string{"Norvale", "Eastmere", "Sudholm", "Westfen"} {
		pool := byRegion[region]
		for range c.hospital.admissions * 2 / 3 * c.catchment[region] / 100 {
			chosen = append(chosen, pool[c.rng.IntN(len(pool))])
		}
	}
	return chosen
}

func (c *clinic) stay(patient *resident) admission {
	d := c.diagnose(patient)
	a := admission{patient: patient, diagnosis: d, admitted: c.day(d.winter)}
	a.days = 1
	for c.rng.IntN(d.meanDays+1) > 0 && a.days < 60 { // geometric, near the diagnosis' mean
		a.days++
	}
	a.cost = d.baseCost/3 + d.baseCost*2/3*a.days/max(d.meanDays, 1) + c.rng.IntN(d.baseCost/5)
	return a
}

func (c *clinic) diagnose(patient *resident) *diagnosis {
	for {
		d := &c.diagnoses[c.wheel.at(c.rng.IntN(c.wheel.total()))]
		if patient.age >= d.minAge && patient.age <= d.maxAge && (d.sex == "" || d.sex == patient.sex) {
			return d
		}
	}
}

// day is a day of 2025; an illness of the cold months keeps a day of April to October once in three.
func (c *clinic) day(winter bool) time.Time {
	for {
		day := time.Date(2025, 1, 1+c.rng.IntN(365), 0, 0, 0, 0, time.UTC)
		warm := day.Month() >= time.April && day.Month() <= time.October
		if !winter || !warm || c.rng.IntN(3) == 0 {
			return day
		}
	}
}

func (c *clinic) conditions(a *admission) []condition {
	list := []condition{{admission: a, code: a.diagnosis.code, text: a.diagnosis.text, onset: a.admitted}}
	for range c.rng.IntN(3) {
		o := &c.comorbidities[c.others.at(c.rng.IntN(c.others.total()))]
		if a.patient.age < o.minAge || noted(list, o.code) {
			continue
		}
		onset := a.admitted.AddDate(0, 0, -c.rng.IntN(900))
		list = append(list, condition{admission: a, code: o.code, text: o.text, onset: onset})
	}
	return list
}

func noted(list []condition, code string) bool {
	for _, c := range list {
		if c.code == code {
			return true
		}
	}
	return false
}
