# The environment agency decides who sees its measurements.
package concordat.access.environment

import data.concordat.lib
import rego.v1

# A caller without an agreement is nobody here: none of the rules below holds.
research if lib.purpose("research")

development if lib.purpose("development")

audit if lib.purpose("audit")

open if research

open if development

fields contains {"type": t, "effect": "allow", "reason": "measurements name nobody"} if {
	open
	some t in ["Station", "AirReading"]
}

fields contains {"coordinate": c, "effect": "allow", "reason": "measurements name nobody"} if {
	open
	some c in ["District.airReadings", "District.stations"]
}

fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in ["AirReading.districtId", "AirReading.time"]
}

include.Station if open

include.Station if audit

include.AirReading if open

include.AirReading if audit
