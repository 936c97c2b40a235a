# Hospital A decides who sees which stays of its patients.
package concordat.access.hospital_a

import data.concordat.lib
import rego.v1

# A caller without an agreement is nobody here: none of the rules below holds.
research if lib.purpose("research")

development if lib.purpose("development")

oversight if lib.purpose("oversight")

care if lib.purpose("care-coordination")

audit if lib.purpose("audit")

# Research: diagnoses without identities.
fields contains {"coordinate": c, "effect": "allow", "reason": "research into causes and courses of illness"} if {
	research
	some c in [
		"Admission.id", "Admission.admittedOn", "Admission.dischargedOn", "Admission.ward", "Admission.diagnosisCode",
		"Admission.diagnosis", "Admission.daysInHospital", "Admission.districtId", "Admission.region",
		"Admission.patient", "Admission.conditions", "Admission.district",
		"Condition.id", "Condition.admissionId", "Condition.code", "Condition.description", "Condition.districtId",
		"Condition.admission", "Resident.admissions", "District.admissions",
	]
}

fields contains {"coordinate": c, "effect": "transform", "method": "pseudonym", "reason": "research links records without knowing whose they are"} if {
	research
	some c in ["Admission.patientId", "Condition.patientId"]
}

fields contains {"coordinate": "Condition.onset", "effect": "transform", "method": "month", "reason": "the month is enough for research"} if research

fields contains {"coordinate": "Admission.costCents", "effect": "aggregate", "reason": "costs are for statistics only"} if research

fields contains {"coordinate": "Admission.note", "effect": "deny", "reason": "notes name people"} if research

# A declassification: how many persons and places a note names, and not which. Read inside the gateway, on the note itself.
fields contains {"coordinate": "Admission.entities", "effect": "transform", "method": "labels", "reason": "research counts what notes name"} if research

include.Admission if {
	research
	data.sets.hospital_a_objectors # without the list of objectors, nobody
	input.row.region in lib.regions
}

include.Condition if {
	research
	data.sets.hospital_a_objectors # without the list of objectors, nobody
	input.row.districtId in lib.districts
}

# Patients who objected to research are not in it.
exclude.Admission if {
	research
	input.row.patientId in data.sets.hospital_a_objectors
}

exclude.Condition if {
	research
	input.row.patientId in data.sets.hospital_a_objectors
}

# Development: the test district, nothing that identifies, no diagnoses.
fields contains {"coordinate": c, "effect": "allow", "reason": "shapes and joins are what a developer tests"} if {
	development
	some c in [
		"Admission.id", "Admission.ward", "Admission.daysInHospital", "Admission.districtId", "Admission.region",
		"Admission.patient", "Admission.conditions", "Admission.district", "Admission.entities",
		"Condition.id", "Condition.admissionId", "Condition.districtId", "Condition.admission",
		"Resident.admissions", "District.admissions",
	]
}

fields contains {"coordinate": c, "effect": "transform", "method": "pseudonym", "reason": "development needs keys, not people"} if {
	development
	some c in ["Admission.patientId", "Condition.patientId"]
}

fields contains {"coordinate": c, "effect": "transform", "method": "month", "reason": "development needs plausible dates only"} if {
	development
	some c in ["Admission.admittedOn", "Admission.dischargedOn", "Condition.onset"]
}

fields contains {"coordinate": c, "effect": "transform", "method": "constant", "args": {"value": "example"}, "reason": "development needs no diagnoses"} if {
	development
	some c in ["Admission.diagnosis", "Admission.note", "Condition.description"]
}

fields contains {"coordinate": c, "effect": "transform", "method": "null", "reason": "development needs no diagnoses"} if {
	development
	some c in ["Admission.diagnosisCode", "Condition.code"]
}

fields contains {"coordinate": "Admission.costCents", "effect": "transform", "method": "round", "args": {"to": 100000}, "reason": "development needs plausible amounts only"} if development

include.Admission if {
	development
	input.row.districtId in lib.districts
}

include.Condition if {
	development
	input.row.districtId in lib.districts
}

# Oversight: an officer of either hospital may read these fields, but only the officer's own hospital has rows
# for them.
fields contains {"type": t, "effect": "allow", "reason": "an officer oversees the hospital's own records"} if {
	oversight
	some t in ["Admission", "Condition"]
}

fields contains {"coordinate": "District.admissions", "effect": "allow", "reason": "an officer oversees the hospital's own records"} if oversight

include.Admission if {
	oversight
	input.subject.organisation == "hospital_a"
}

include.Condition if {
	oversight
	input.subject.organisation == "hospital_a"
}

# Care coordination: that somebody of the partner's region was here, when, and what the note asks for; nobody's name.
fields contains {"coordinate": c, "effect": "allow", "reason": "care at home begins with the discharge"} if {
	care
	some c in [
		"Admission.id", "Admission.admittedOn", "Admission.dischargedOn", "Admission.ward", "Admission.daysInHospital",
		"Admission.districtId", "Admission.region", "Admission.patient", "Admission.district",
		"Resident.admissions", "District.admissions",
	]
}

fields contains {"coordinate": "Admission.patientId", "effect": "transform", "method": "pseudonym", "reason": "the partner's own key, of no use elsewhere"} if care

fields contains {"coordinate": "Admission.note", "effect": "transform", "method": "redact", "args": {"text": "label"}, "reason": "care at home needs what was written, not who it names"} if care

# No more than the redacted note says.
fields contains {"coordinate": "Admission.entities", "effect": "allow", "reason": "what the redacted note still names"} if care

fields contains {"coordinate": c, "effect": "deny", "reason": "coded diagnoses stay in the hospital"} if {
	care
	some c in ["Admission.diagnosis", "Admission.diagnosisCode"]
}

fields contains {"coordinate": c, "effect": "invisible", "reason": "not part of the agreement"} if {
	care
	some c in ["Admission.costCents", "Admission.conditions"]
}

fields contains {"type": "Condition", "effect": "invisible", "reason": "not part of the agreement"} if care

include.Admission if {
	care
	input.row.region in lib.regions
}

# Audit: how many, never who.
fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in [
		"Admission.admittedOn", "Admission.ward", "Admission.districtId", "Admission.region", "Admission.daysInHospital",
		"Condition.districtId",
	]
}

include.Admission if audit

include.Condition if audit

# Small groups point at persons.
limits contains {"minimumGroup": 10} if research

limits contains {"minimumGroup": 10} if audit

limits contains {"minimumGroup": 5} if care
