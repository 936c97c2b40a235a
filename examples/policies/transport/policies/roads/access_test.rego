package concordat.access.roads_test

import data.concordat.access.roads
import rego.v1

agreements := {"planning": {"purposes": ["planning"], "districts": ["centre"]}}

ask(row) := {"subject": {"agreement": "planning"}, "purpose": "planning", "row": row}

test_districts_of_the_agreement_only if {
	roads.include.Trip with input as ask({"district": "centre"}) with data.agreements as agreements
	not roads.include.Trip with input as ask({"district": "forest"}) with data.agreements as agreements
}

test_a_planner_gets_no_card if {
	some f in roads.fields with input as ask({}) with data.agreements as agreements
	f.coordinate == "Trip.cardId"
	f.method == "pseudonym"
}
