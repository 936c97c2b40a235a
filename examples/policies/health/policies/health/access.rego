# A health agency: research counts, care sees its own region by day, an emergency opens with a reason.
package concordat.access.health

import data.concordat.lib
import data.concordat.lib.breakglass
import data.concordat.lib.classification
import data.concordat.lib.exclusion
import data.concordat.lib.groups
import data.concordat.lib.hours
import data.concordat.lib.limitation
import data.concordat.lib.statistics
import data.concordat.lib.territory
import rego.v1

# Purpose limitation: whatever is added below holds for these purposes only.
fields contains s if some s in limitation.otherwise_denied(["research", "care", "break-glass"])

# Research: aggregates of ten and more, nobody's row.
fields contains s if {
	lib.purpose("research")
	some s in statistics.only("research counts, and reads nobody's data")
}

limits contains groups.at_least(10) if lib.purpose("research")

# Care at home: people of the agreement's regions, in office hours, without diagnoses.
fields contains s if {
	lib.purpose("care")
	some s in classification.allow(["NON_SENSITIVE"], "care begins with the discharge")
}

fields contains {"coordinate": "Stay.patientId", "effect": "allow", "reason": "care needs to know who"} if lib.purpose("care")

fields contains {"coordinate": "Stay.birthDate", "effect": "transform", "method": "year", "reason": "an age is enough for care"} if {
	lib.purpose("care")
}

fields contains {"coordinate": "Stay.postcode", "effect": "transform", "method": "prefix", "args": {"length": 3}, "reason": "the district is enough"} if {
	lib.purpose("care")
}

fields contains {"classification": "DIRECT_IDENTIFIER", "effect": "deny", "reason": "outside office hours"} if {
	lib.purpose("care")
	not hours.office("Europe/Berlin", 7, 19)
}

# Emergencies: everything, with a reason, for hours, and marked.
fields contains s if {
	breakglass.open
	some s in classification.allow(classification.all, breakglass.text)
}

limits contains breakglass.mark if breakglass.open

# Rows: those who objected are in none of them. Without the list, nobody is.
include.Stay if {
	lib.purpose("research")
	exclusion.ready(data.sets.health_objectors)
}

include.Stay if {
	lib.purpose("care")
	exclusion.ready(data.sets.health_objectors)
	territory.region(input.row.region)
}

include.Stay if breakglass.open

exclude.Stay if {
	not breakglass.open
	exclusion.listed(input.row.patientId, data.sets.health_objectors)
}
