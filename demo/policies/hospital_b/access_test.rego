package concordat.access.hospital_b_test

import data.concordat.access.hospital_b
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"], "regions": ["Norvale", "Sudholm"], "districts": ["D01"]},
	"oversight-2025": {"purposes": ["oversight"], "regions": ["Norvale"], "districts": ["D01"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"], "regions": ["Norvale"], "districts": ["D01"]},
	"audit-2025": {"purposes": ["audit"], "regions": ["Norvale"], "districts": ["D01"]},
}

ask(agreement, purpose, organisation) := {"subject": {"agreement": agreement, "organisation": organisation}, "purpose": purpose}

research := ask("research-2025", "research", "institute")

care := ask("norvale-aid-2025", "care-coordination", "norvale-aid")

effects(coordinate) := {f.effect | some f in hospital_b.fields; f.coordinate == coordinate}

test_notes_in_research if {
	effects("Admission.note") == {"deny"} with input as research with data.agreements as agreements
}

test_costs_are_for_statistics if {
	effects("Admission.costCents") == {"aggregate"} with input as research with data.agreements as agreements
}

test_nobody_but_developers_gets_names if {
	effects("Admission.entities") == set() with input as research with data.agreements as agreements
	effects("Admission.entities") == set() with input as care with data.agreements as agreements
}

test_partner_is_denied_notes_and_diagnoses if {
	effects("Admission.note") == {"deny"} with input as care with data.agreements as agreements
	effects("Admission.diagnosis") == {"deny"} with input as care with data.agreements as agreements
	effects("Admission.costCents") == {"invisible"} with input as care with data.agreements as agreements
}

test_partner_reads_its_region_only if {
	hospital_b.include.Admission with input as object.union(care, {"row": {"region": "Norvale"}}) with data.agreements as agreements
	not hospital_b.include.Admission with input as object.union(care, {"row": {"region": "Sudholm"}}) with data.agreements as agreements
}

test_officer_reads_the_own_hospital_only if {
	hospital_b.include.Admission with input as ask("oversight-2025", "oversight", "hospital_b") with data.agreements as agreements
	not hospital_b.include.Admission with input as ask("oversight-2025", "oversight", "hospital_a") with data.agreements as agreements
}

test_objectors_are_not_in_research if {
	asked := object.union(research, {"row": {"region": "Norvale", "patientId": "x"}})
	hospital_b.exclude.Admission with input as asked with data.agreements as agreements with data.sets.hospital_b_objectors as ["x"]
	not hospital_b.exclude.Admission with input as asked with data.agreements as agreements with data.sets.hospital_b_objectors as ["y"]
}

test_an_auditor_counts if {
	{f.effect | some f in hospital_b.fields} == {"aggregate"} with input as ask("audit-2025", "audit", "audit-office") with data.agreements as agreements
}

test_anonymous_gets_nothing if {
	count(hospital_b.fields) == 0 with input as {"subject": {"anonymous": true}} with data.agreements as agreements
}
