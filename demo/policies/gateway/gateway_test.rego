package concordat.access.gateway_test

import data.concordat.access.gateway
import rego.v1

agreements := {"norvale-aid-2025": {"datasets": ["District", "Admission"]}}

subject := {"agreement": "norvale-aid-2025", "scopes": ["graph:read"]}

denied := {f.type | some f in gateway.fields}

test_what_the_agreement_does_not_name_is_denied if {
	types := denied with input as {"subject": subject} with data.agreements as agreements
	"Resident" in types
	not "Admission" in types
}

test_without_the_scope_everything_is_denied if {
	types := denied with input as {"subject": object.union(subject, {"scopes": []})} with data.agreements as agreements
	types == {t | some t in gateway.types}
}

test_without_an_agreement_everything_is_denied if {
	types := denied with input as {"subject": {"scopes": ["graph:read"]}} with data.agreements as agreements
	types == {t | some t in gateway.types}
}

test_the_exchange_never_allows if {
	effects := {f.effect | some f in gateway.fields} with input as {"subject": {}} with data.agreements as agreements
	effects == {"deny"}
}
