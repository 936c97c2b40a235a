package concordat.access.environment_test

import data.concordat.access.environment
import rego.v1

agreements := {
	"research-2025": {"purposes": ["research"]},
	"norvale-aid-2025": {"purposes": ["care-coordination"]},
	"audit-2025": {"purposes": ["audit"]},
}

ask(agreement, purpose) := {"subject": {"agreement": agreement}, "purpose": purpose}

test_research_reads_measurements if {
	some f in environment.fields with input as ask("research-2025", "research") with data.agreements as agreements
	f.type == "AirReading"
	f.effect == "allow"
	environment.include.AirReading with input as ask("research-2025", "research") with data.agreements as agreements
}

test_care_has_no_use_for_measurements if {
	count(environment.fields) == 0 with input as ask("norvale-aid-2025", "care-coordination") with data.agreements as agreements
	not environment.include.AirReading with input as ask("norvale-aid-2025", "care-coordination") with data.agreements as agreements
}

test_an_auditor_counts if {
	{f.effect | some f in environment.fields} == {"aggregate"} with input as ask("audit-2025", "audit") with data.agreements as agreements
}
