# The clinic allows all of a stay for research; its agreement holds less.
package concordat.access.clinic

import data.concordat.lib

fields contains {"type": "Admission", "effect": "allow", "reason": "research"} if lib.purpose("research")

fields contains {"type": "Admission", "effect": "allow", "reason": "care"} if lib.purpose("care-coordination")

fields contains {"coordinate": "Admission.birthDate", "effect": "transform", "method": "month", "reason": "audits need the month"} if {
	lib.purpose("audit")
}

fields contains {"coordinate": "Admission.ward", "effect": "allow", "reason": "audit"} if lib.purpose("audit")

include.Admission if lib.purpose("research")
