# The public health office decides who sees its weekly counts.
package concordat.access.publichealth

import data.concordat.lib
import rego.v1

# A caller without an agreement is nobody here: none of the rules below holds.
research if lib.purpose("research")

development if lib.purpose("development")

care if lib.purpose("care-coordination")

audit if lib.purpose("audit")

fields contains {"type": "FluWeek", "effect": "allow", "reason": "weekly counts by region name nobody"} if open

open if research

open if development

open if care

fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in ["FluWeek.week", "FluWeek.region", "FluWeek.iliCases", "FluWeek.hospitalAdmissions"]
}

include.FluWeek if research

include.FluWeek if development

# A partner reads the regions of its agreement and learns of no other.
include.FluWeek if {
	care
	input.row.region in lib.regions
}

include.FluWeek if audit
