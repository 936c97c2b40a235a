package concordat.access.publichealth_test

import data.concordat.access.publichealth
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"], "regions": ["Norvale", "Sudholm"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"], "regions": ["Norvale"]},
}

research := {"subject": {"agreement": "research-2025"}, "purpose": "research"}

care := {"subject": {"agreement": "norvale-aid-2025"}, "purpose": "care-coordination"}

test_research_reads_every_region if {
	publichealth.include.FluWeek with input as object.union(research, {"row": {"region": "Eastmere"}}) with data.agreements as agreements
}

test_partner_reads_its_region_only if {
	publichealth.include.FluWeek with input as object.union(care, {"row": {"region": "Norvale"}}) with data.agreements as agreements
	not publichealth.include.FluWeek with input as object.union(care, {"row": {"region": "Sudholm"}}) with data.agreements as agreements
}

test_anonymous_gets_nothing if {
	count(publichealth.fields) == 0 with input as {"subject": {"anonymous": true}} with data.agreements as agreements
}
