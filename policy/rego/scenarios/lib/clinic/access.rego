# Care reads what its agreement covers, of its own districts, until the data is stale.
package concordat.access.clinic

import data.concordat.lib

fields contains {"coordinate": c, "effect": "allow", "reason": "the agreement covers it"} if {
	lib.party
	lib.has_scope("graph:read")
	some purpose in ["research", "care-coordination"]
	lib.purpose(purpose)
	some c, f in data.fields
	f.kind != "JOIN"
	lib.covers(c)
}

fields contains {"coordinate": "Admission.note", "effect": "deny", "reason": "notes are read until the summer"} if {
	lib.today >= "2025-07-01"
}

include.Admission if {
	lib.purpose("care-coordination")
	input.row.district in lib.districts
}
