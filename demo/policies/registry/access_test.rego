package concordat.access.registry_test

import data.concordat.access.registry
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"], "districts": ["D01", "D02"], "datasets": ["Resident"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"], "districts": ["D01"], "datasets": ["Resident"]},
	"audit-2025": {"purposes": ["audit"], "districts": ["D01"], "datasets": ["Resident"]},
}

ask(agreement, purpose) := {"subject": {"agreement": agreement, "organisation": "institute"}, "purpose": purpose}

effects(coordinate) := {f.effect | some f in registry.fields; f.coordinate == coordinate}

test_research_sees_no_name if {
	effects("Resident.name") == {"transform"} with input as ask("research-2025", "research") with data.agreements as agreements
}

test_research_does_not_know_of_phones if {
	effects("Resident.phone") == {"invisible"} with input as ask("research-2025", "research") with data.agreements as agreements
}

test_a_purpose_outside_the_agreement_gets_nothing if {
	count(registry.fields) == 0 with input as ask("research-2025", "care-coordination") with data.agreements as agreements
}

test_anonymous_gets_nothing if {
	count(registry.fields) == 0 with input as {"subject": {"anonymous": true}} with data.agreements as agreements
}

test_partner_reads_its_districts_only if {
	input_of := ask("norvale-aid-2025", "care-coordination")
	registry.include.Resident with input as object.union(input_of, {"row": {"districtId": "D01"}}) with data.agreements as agreements
	not registry.include.Resident with input as object.union(input_of, {"row": {"districtId": "D02"}}) with data.agreements as agreements
}

test_objectors_are_not_in_research if {
	asked := object.union(ask("research-2025", "research"), {"row": {"districtId": "D01", "nationalId": "x"}})
	registry.exclude.Resident with input as asked with data.agreements as agreements with data.sets.objectors as ["x"]
	not registry.exclude.Resident with input as asked with data.agreements as agreements with data.sets.objectors as ["y"]
}

test_an_auditor_counts if {
	{f.effect | some f in registry.fields} == {"aggregate"} with input as ask("audit-2025", "audit") with data.agreements as agreements
	registry.limits == {{"minimumGroup": 10}} with input as ask("audit-2025", "audit") with data.agreements as agreements
}

test_without_the_list_of_objectors_nobody_is_in_research if {
	asked := object.union(ask("research-2025", "research"), {"row": {"districtId": "D01", "nationalId": "x"}})
	registry.include.Resident with input as asked with data.agreements as agreements
	not registry.include.Resident with input as asked with data.agreements as agreements with data.sets as {}
}
