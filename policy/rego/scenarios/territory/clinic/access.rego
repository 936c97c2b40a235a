# Rows of the agreement's regions, and of its districts for the people who live there.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.territory

fields contains {"type": t, "effect": "allow", "reason": "care in the own region"} if {
	lib.purpose("care-coordination")
	some t in ["Admission", "Resident"]
}

include.Admission if {
	lib.purpose("care-coordination")
	territory.region(input.row.region)
}

include.Admission if {
	lib.purpose("care-coordination")
	territory.district(input.row.district)
}
