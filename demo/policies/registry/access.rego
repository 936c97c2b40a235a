# The population registry decides who sees which residents.
package concordat.access.registry

import data.concordat.lib
import rego.v1

# A caller without an agreement is nobody here: none of the rules below holds.
research if lib.purpose("research")

development if lib.purpose("development")

oversight if lib.purpose("oversight")

care if lib.purpose("care-coordination")

audit if lib.purpose("audit")

# Districts are public to every party of an agreement.
party if research

party if development

party if oversight

party if care

fields contains {"coordinate": c, "effect": "allow", "reason": "districts are open to the parties of an agreement"} if {
	party
	some c in ["District.id", "District.name", "District.nameZh", "District.region", "District.population"]
}

include.District if party

include.District if audit

fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in ["District.id", "District.region", "District.population"]
}

# Research: generalised rows, no identifiers.
fields contains {"coordinate": c, "effect": "allow", "reason": "research needs the district and the broad attributes"} if {
	research
	some c in [
		"District.residents", "Resident.district", "Resident.districtId", "Resident.sex",
		"Resident.education", "Resident.occupation", "Resident.maritalStatus",
	]
}

fields contains {"coordinate": "Resident.nationalId", "effect": "transform", "method": "pseudonym", "reason": "research links records without knowing whose they are"} if research

fields contains {"coordinate": "Resident.name", "effect": "transform", "method": "redact", "reason": "research needs no names"} if research

fields contains {"coordinate": "Resident.birthDate", "effect": "transform", "method": "year", "reason": "the year of birth is enough for research"} if research

fields contains {"coordinate": "Resident.postcode", "effect": "transform", "method": "prefix", "args": {"length": 3}, "reason": "the region is enough for research"} if research

fields contains {"coordinate": "Resident.incomeClass", "effect": "aggregate", "reason": "income is for statistics only"} if research

fields contains {"coordinate": c, "effect": "invisible", "reason": "research has no use for contact data"} if {
	research
	some c in ["Resident.address", "Resident.phone"]
}

include.Resident if {
	research
	data.sets.objectors # without the list of objectors, nobody
	input.row.districtId in lib.districts
}

exclude.Resident if {
	research
	input.row.nationalId in data.sets.objectors
}

# Development: one test district, nothing that identifies.
fields contains {"coordinate": c, "effect": "allow", "reason": "shapes and joins are what a developer tests"} if {
	development
	some c in [
		"District.residents", "Resident.district", "Resident.districtId", "Resident.sex",
		"Resident.education", "Resident.maritalStatus",
	]
}

fields contains {"coordinate": "Resident.nationalId", "effect": "transform", "method": "pseudonym", "reason": "development needs keys, not people"} if development

fields contains {"coordinate": "Resident.name", "effect": "transform", "method": "constant", "args": {"value": "Test Person"}, "reason": "development needs no names"} if development

fields contains {"coordinate": "Resident.birthDate", "effect": "transform", "method": "year", "reason": "development needs plausible dates only"} if development

fields contains {"coordinate": "Resident.postcode", "effect": "transform", "method": "prefix", "args": {"length": 4}, "reason": "development needs plausible places only"} if development

fields contains {"coordinate": "Resident.address", "effect": "transform", "method": "null", "reason": "development needs no addresses"} if development

fields contains {"coordinate": "Resident.phone", "effect": "transform", "method": "mask", "args": {"pattern": "***-****-****"}, "reason": "development sees the form of a number only"} if development

include.Resident if {
	development
	input.row.districtId in lib.districts
}

# Care coordination: people of the partner's own districts, reachable in part.
fields contains {"coordinate": c, "effect": "allow", "reason": "care at home needs to know where and who"} if {
	care
	some c in ["District.residents", "Resident.district", "Resident.districtId", "Resident.name", "Resident.sex"]
}

fields contains {"coordinate": "Resident.nationalId", "effect": "transform", "method": "pseudonym", "reason": "the partner's own key, of no use elsewhere"} if care

fields contains {"coordinate": "Resident.birthDate", "effect": "transform", "method": "year", "reason": "an age is enough for care"} if care

fields contains {"coordinate": "Resident.phone", "effect": "transform", "method": "mask", "args": {"pattern": "###-****-####"}, "reason": "enough to confirm a number that the patient gave"} if care

fields contains {"coordinate": "Resident.postcode", "effect": "transform", "method": "prefix", "args": {"length": 4}, "reason": "the district is enough"} if care

fields contains {"coordinate": c, "effect": "invisible", "reason": "not part of the agreement"} if {
	care
	some c in ["Resident.incomeClass", "Resident.education", "Resident.occupation", "Resident.maritalStatus"]
}

include.Resident if {
	care
	input.row.districtId in lib.districts
}

# Audit: how many, never who.
fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in ["Resident.districtId", "Resident.sex"]
}

include.Resident if audit

# Small groups point at persons.
limits contains {"minimumGroup": 10} if research

limits contains {"minimumGroup": 10} if audit

limits contains {"minimumGroup": 5} if care
