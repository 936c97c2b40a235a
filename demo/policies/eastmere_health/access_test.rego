package concordat.access.eastmere_health_test

import data.concordat.access.eastmere_health
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"]},
}

research := {"subject": {"agreement": "research-2025"}, "purpose": "research"}

care := {"subject": {"agreement": "norvale-aid-2025"}, "purpose": "care-coordination"}

effects := {f.effect | some f in eastmere_health.fields}

test_research_asks_for_encrypted_sums if {
	said := effects with input as research with data.agreements as agreements
	said == {"encrypted"}
	eastmere_health.include.ClinicStay with input as research with data.agreements as agreements
}

test_others_learn_of_nothing if {
	said := effects with input as care with data.agreements as agreements
	said == {"invisible"}
	not eastmere_health.include.ClinicStay with input as care with data.agreements as agreements
}

test_anonymous_gets_nothing if {
	said := effects with input as {"subject": {"anonymous": true}} with data.agreements as agreements
	said == {"invisible"}
}
