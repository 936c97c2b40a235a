package concordat.lib.modules_test

import data.concordat.lib.agreed
import data.concordat.lib.breakglass
import data.concordat.lib.classification
import data.concordat.lib.exclusion
import data.concordat.lib.groups
import data.concordat.lib.hours
import data.concordat.lib.limitation
import data.concordat.lib.statistics
import data.concordat.lib.territory

agreements := {"a1": {"purposes": ["research", "break-glass"], "regions": ["north"], "districts": ["D1"]}}

asking(purpose, scopes, at) := {
	"subject": {"agreement": "a1", "scopes": scopes},
	"purpose": purpose,
	"context": {"time": at},
}

noon := "2025-06-02T12:00:00Z"

test_classification_says_one_thing_of_each if {
	some s in classification.allow(["SENSITIVE"], "r")
	s.classification == "SENSITIVE"
	s.effect == "allow"
	s.reason == "r"
	count(classification.deny(classification.all, "r")) == 5
	{h.effect | some h in classification.hide(classification.personal, "r")} == {"invisible"}
}

test_a_purpose_of_the_agency_and_the_agreement_is_kept if {
	limitation.otherwise_denied(["research"]) == set() with input as asking("research", [], noon) with data.agreements as agreements
}

test_every_other_purpose_is_denied if {
	count(limitation.otherwise_denied(["research"])) == 5 with input as asking("marketing", [], noon) with data.agreements as agreements
	count(limitation.otherwise_denied(["research"])) == 5 with input as asking("research", [], noon) with data.agreements as {}
	count(limitation.otherwise_denied(["marketing"])) == 5 with input as asking("marketing", [], noon) with data.agreements as agreements
	count(limitation.otherwise_denied(["research"])) == 5 with input as {} with data.agreements as agreements
}

test_territory_is_the_agreements if {
	territory.region("north") with input as asking("research", [], noon) with data.agreements as agreements
	not territory.region("south") with input as asking("research", [], noon) with data.agreements as agreements
	not territory.region("north") with input as {} with data.agreements as agreements
	territory.district("D1") with input as asking("research", [], noon) with data.agreements as agreements
}

test_groups if groups.at_least(10) == {"minimumGroup": 10}

emergency := ["break-glass", "reason:case-7", "until:2025-06-02T13:00:00Z"]

test_break_glass_opens_marks_and_says_why if {
	breakglass.open with input as asking("break-glass", emergency, noon) with data.agreements as agreements
	breakglass.mark == {"mark": "break-glass case-7"} with input as asking("break-glass", emergency, noon) with data.agreements as agreements
}

test_break_glass_needs_every_part if {
	every i in [0, 1, 2] {
		scopes := [s | some j, s in emergency; j != i]
		not breakglass.open with input as asking("break-glass", scopes, noon) with data.agreements as agreements
	}
	not breakglass.open with input as asking("research", emergency, noon) with data.agreements as agreements
	not breakglass.open with input as asking("break-glass", emergency, noon) with data.agreements as {}
}

test_break_glass_ends_and_cannot_be_long_or_vague if {
	not breakglass.open with input as asking("break-glass", emergency, "2025-06-02T13:00:00Z") with data.agreements as agreements
	not breakglass.open with input as asking("break-glass", emergency, "2025-06-02T08:59:59Z") with data.agreements as agreements
	not breakglass.open with input as asking("break-glass", ["break-glass", "reason:", "until:2025-06-02T13:00:00Z"], noon) with data.agreements as agreements
	two := array.concat(emergency, ["until:2025-06-02T14:00:00Z"])
	not breakglass.open with input as asking("break-glass", two, noon) with data.agreements as agreements
	reasons := array.concat(emergency, ["reason:other"])
	not breakglass.open with input as asking("break-glass", reasons, noon) with data.agreements as agreements
}

test_exclusion if {
	exclusion.listed("x", ["x", "y"])
	not exclusion.listed("z", ["x", "y"])
	exclusion.ready([])
	not lost_list_is_ready
}

lost_list_is_ready if exclusion.ready(data.sets.nothing)

test_office_hours_follow_the_zone if {
	hours.office("Europe/Berlin", 7, 19) with input as asking("research", [], "2025-06-02T16:59:59Z")
	not hours.office("Europe/Berlin", 7, 19) with input as asking("research", [], "2025-06-02T17:00:00Z")
	hours.office("Europe/Berlin", 7, 19) with input as asking("research", [], "2025-12-01T17:59:59Z")
	not hours.office("UTC", 7, 19) with input as asking("research", [], "2025-06-07T12:00:00Z")
	hours.weekday("UTC") with input as asking("research", [], noon)
	not hours.weekday("UTC") with input as asking("research", [], "2025-06-08T12:00:00Z")
}

test_statistics_only_counts if {
	statements := statistics.only("r")
	{s.effect | some s in statements} == {"aggregate", "invisible"}
	count(statements) == count(classification.all)
}

test_the_agreement_is_held if {
	owed := {"coordinate": "Admission.born", "effect": "transform", "method": "year"}
	catalog := {"Admission.born": {"type": "Admission"}, "Stay.ward": {"type": "Stay"}, "Stay.note": {"type": "Stay"}}
	content := {"a1": {"datasets": ["Admission", "Stay.ward"], "transforms": [owed]}}
	said := agreed.held with input as asking("research", [], noon) with data.agreements as content with data.fields as catalog
	owed in said
	{s.coordinate | some s in said; s.effect == "deny"} == {"Stay.note"}
}

test_without_an_agreement_nothing_is_shared if {
	catalog := {"Admission.born": {"type": "Admission"}}
	said := agreed.held with input as {} with data.agreements as agreements with data.fields as catalog
	{s.coordinate | some s in said; s.effect == "deny"} == {"Admission.born"}
}
