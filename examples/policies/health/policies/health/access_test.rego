package concordat.access.health_test

import data.concordat.access.health
import rego.v1

agreements := {"care": {"purposes": ["care"], "regions": ["north"]}}

care := {"subject": {"agreement": "care", "scopes": []}, "purpose": "care", "context": {"time": "2025-06-02T08:00:00Z"}}

row(r) := object.union(care, {"row": r})

test_own_region_only if {
	health.include.Stay with input as row({"region": "north"}) with data.agreements as agreements
	not health.include.Stay with input as row({"region": "south"}) with data.agreements as agreements
}

test_objectors_are_excluded if {
	health.exclude.Stay with input as row({"region": "north", "patientId": "P-3"}) with data.agreements as agreements
	not health.exclude.Stay with input as row({"region": "north", "patientId": "P-1"}) with data.agreements as agreements
}
