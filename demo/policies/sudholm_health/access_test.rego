package concordat.access.sudholm_health_test

import data.concordat.access.sudholm_health
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"]},
}

research := {"subject": {"agreement": "research-2025"}, "purpose": "research"}

care := {"subject": {"agreement": "norvale-aid-2025"}, "purpose": "care-coordination"}

effects := {f.effect | some f in sudholm_health.fields}

test_research_asks_for_encrypted_sums if {
	said := effects with input as research with data.agreements as agreements
	said == {"encrypted"}
	sudholm_health.include.ClinicStay with input as research with data.agreements as agreements
}

test_others_learn_of_nothing if {
	said := effects with input as care with data.agreements as agreements
	said == {"invisible"}
	not sudholm_health.include.ClinicStay with input as care with data.agreements as agreements
}

test_anonymous_gets_nothing if {
	said := effects with input as {"subject": {"anonymous": true}} with data.agreements as agreements
	said == {"invisible"}
}
