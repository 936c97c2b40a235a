package demo

import "context"

func (w *world) writeRegistry(ctx context.Context, path string) error {
	population := map[string]int{}
	for i := range w.residents {
		population[w.residents[i].home.id]++
	}
	districts := table{
		name:    "districts",
		columns: []string{"id TEXT PRIMARY KEY", "name TEXT NOT NULL", "name_zh TEXT NOT NULL", "region TEXT NOT NULL", "population INTEGER NOT NULL"},
		rows:    len(w.districts),
		row: func(i int, into []any) {
			d := &w.districts[i]
			into[0], into[1], into[2], into[3], into[4] = d.id, d.name, d.nameZh, d.region, population[d.id]
		},
	}
	residents := table{
		name: "residents",
		columns: []string{"national_id TEXT NOT NULL", "name TEXT NOT NULL", "sex TEXT NOT NULL", "birth_date TEXT NOT NULL",
			"address TEXT NOT NULL", "postcode TEXT NOT NULL", "phone TEXT NOT NULL", "district_id TEXT NOT NULL",
			"education TEXT", "occupation TEXT", "marital_status TEXT", "income_class TEXT"},
		rows: len(w.residents),
		row: func(i int, into []any) {
			r := &w.residents[i]
			into[0], into[1], into[2], into[3] = r.nationalID, r.name, r.sex, r.birth.Format(dateForm)
			into[4], into[5], into[6], into[7] = r.address, r.postcode, r.phone, r.home.id
			into[8], into[9], into[10], into[11] = optional(r.education), optional(r.occupation), optional(r.marital), optional(r.incomes)
		},
		indexes: []string{"national_id", "district_id", "birth_date"},
	}
	return buildDatabase(ctx, path, districts, residents)
}

func (w *world) writeHospital(ctx context.Context, h hospital, path string) error {
	c, err := newClinic(h)
	if err != nil {
		return err
	}
	stays, conditions := c.year(w.residents)
	return buildDatabase(ctx, path, admissionTable(stays), conditionTable(conditions))
}

func admissionTable(stays []admission) table {
	return table{
		name: "admissions",
		columns: []string{"id TEXT PRIMARY KEY", "patient_id TEXT NOT NULL", "admitted_on TEXT NOT NULL", "discharged_on TEXT",
			"ward TEXT NOT NULL", "diagnosis_code TEXT NOT NULL", "diagnosis TEXT NOT NULL", "days_in_hospital INTEGER",
			"cost_cents INTEGER NOT NULL", "district_id TEXT NOT NULL", "region TEXT NOT NULL", "note TEXT NOT NULL"},
		rows: len(stays),
		row: func(i int, into []any) {
			a := &stays[i]
			into[0], into[1], into[2] = a.id, a.patient.nationalID, a.admitted.Format(dateForm)
			into[3], into[7] = nil, nil // still there
			if day, left := a.discharged(); left {
				into[3], into[7] = day.Format(dateForm), a.days
			}
			into[4], into[5], into[6] = a.diagnosis.ward, a.diagnosis.code, a.diagnosis.text
			into[8], into[9], into[10], into[11] = a.cost, a.patient.home.id, a.patient.home.region, a.note
		},
		indexes: []string{"patient_id", "district_id", "admitted_on"},
	}
}

func conditionTable(conditions []condition) table {
	return table{
		name: "conditions",
		columns: []string{"id TEXT PRIMARY KEY", "admission_id TEXT NOT NULL", "patient_id TEXT NOT NULL", "code TEXT NOT NULL",
			"description TEXT NOT NULL", "onset TEXT NOT NULL", "district_id TEXT NOT NULL"},
		rows: len(conditions),
		row: func(i int, into []any) {
			c := &conditions[i]
			into[0], into[1], into[2], into[3] = c.id, c.admission.id, c.admission.patient.nationalID, c.code
			into[4], into[5], into[6] = c.text, c.onset.Format(dateForm), c.admission.patient.home.id
		},
		indexes: []string{"admission_id", "patient_id", "district_id", "onset"},
	}
}

func writePublicHealth(ctx context.Context, path string) error {
	rows, err := records("flu_weeks.csv")
	if err != nil {
		return err
	}
	weeks := table{
		name: "flu_weeks",
		columns: []string{"id TEXT PRIMARY KEY", "week TEXT NOT NULL", "region TEXT NOT NULL", "ili_cases INTEGER NOT NULL",
			"ili_total_patients INTEGER NOT NULL", "ili_age_0_4 INTEGER NOT NULL", "ili_age_5_24 INTEGER NOT NULL",
			"ili_age_25_49 INTEGER NOT NULL", "ili_age_50_64 INTEGER NOT NULL", "ili_age_65 INTEGER NOT NULL",
			"hospital_admissions INTEGER NOT NULL", "provenance TEXT NOT NULL"},
		rows: len(rows),
		row: func(i int, into []any) {
			for column, cell := range rows[i] {
				into[column] = cell // SQLite's column affinity makes numbers of digits
			}
		},
		indexes: []string{"week", "region"},
	}
	return buildDatabase(ctx, path, weeks)
}
