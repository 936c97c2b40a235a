package concordat.access.gateway_test

import data.concordat.access.gateway
import rego.v1

agreements := {"norvale-aid-2025": {"datasets": ["District", "Admission.ward"]}}

catalog := {
	"District.id": {"type": "District"},
	"Admission.ward": {"type": "Admission"},
	"Admission.note": {"type": "Admission"},
	"Resident.name": {"type": "Resident"},
}

all := {c | some c, _ in catalog}

ask(scopes) := {"subject": {"agreement": "norvale-aid-2025", "scopes": scopes}}

denied := {f.coordinate | some f in gateway.fields}

test_what_the_agreement_does_not_name_is_denied if {
	coordinates := denied with input as ask(["graph:read"]) with data.agreements as agreements with data.fields as catalog
	coordinates == {"Admission.note", "Resident.name"}
}

test_without_the_scope_everything_is_denied if {
	coordinates := denied with input as ask([]) with data.agreements as agreements with data.fields as catalog
	coordinates == all
}

test_without_an_agreement_everything_is_denied if {
	coordinates := denied with input as {"subject": {"scopes": ["graph:read"]}} with data.agreements as agreements with data.fields as catalog
	coordinates == all
}

test_the_exchange_never_allows if {
	effects := {f.effect | some f in gateway.fields} with input as {"subject": {}} with data.agreements as agreements with data.fields as catalog
	effects == {"deny"}
}

test_what_the_agreement_owes_is_demanded if {
	owed := {"coordinate": "Admission.note", "effect": "transform", "method": "redact"}
	content := {"norvale-aid-2025": {"datasets": ["Admission"], "transforms": [owed]}}
	said := gateway.fields with input as ask(["graph:read"]) with data.agreements as content with data.fields as catalog
	owed in said
}
