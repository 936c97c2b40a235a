package concordat.lib_test

import data.concordat.lib

agreements := {"a1": {
	"parties": ["hospital", "institute"],
	"purposes": ["research"],
	"datasets": ["Admission", "Resident.sex"],
	"regions": ["north"],
}}

caller := {
	"subject": {"id": "u", "organisation": "institute", "agreement": "a1", "scopes": ["query"]},
	"purpose": "research",
	"context": {"time": "2025-06-01T10:00:00Z"},
}

test_purpose_needs_request_and_agreement if {
	lib.purpose("research") with input as caller with data.agreements as agreements
	not lib.purpose("audit") with input as caller with data.agreements as agreements
}

test_purpose_outside_agreement_fails if {
	asked := object.union(caller, {"purpose": "marketing"})
	not lib.purpose("marketing") with input as asked with data.agreements as agreements
}

test_purpose_without_agreement_fails if {
	not lib.purpose("research") with input as caller with data.agreements as {}
}

test_has_scope if {
	lib.has_scope("query") with input as caller
	not lib.has_scope("ledger:read") with input as caller
}

test_party if {
	lib.party with input as caller with data.agreements as agreements
	stranger := object.union(caller, {"subject": {"organisation": "other"}})
	not lib.party with input as stranger with data.agreements as agreements
}

test_covers_coordinates_and_types if {
	lib.covers("Admission.ward") with input as caller with data.agreements as agreements
	lib.covers("Admission") with input as caller with data.agreements as agreements
	lib.covers("Resident.sex") with input as caller with data.agreements as agreements
	not lib.covers("Resident.name") with input as caller with data.agreements as agreements
	not lib.covers("Resident") with input as caller with data.agreements as agreements
}

test_regions_undefined_without_agreement if {
	not lib.regions with input as caller with data.agreements as {}
}

test_today if lib.today == "2025-06-01" with input as caller
