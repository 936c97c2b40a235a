# The transport agency decides who sees its measurements.
package concordat.access.transport

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
	some t in ["RoadSensor", "SpeedReading"]
}

fields contains {"coordinate": c, "effect": "allow", "reason": "measurements name nobody"} if {
	open
	some c in ["District.speedReadings", "District.roadSensors"]
}

fields contains {"coordinate": c, "effect": "aggregate", "reason": "an auditor counts, and reads nobody's data"} if {
	audit
	some c in ["SpeedReading.districtId", "SpeedReading.time", "RoadSensor.districtId"]
}

include.RoadSensor if open

include.RoadSensor if audit

include.SpeedReading if open

include.SpeedReading if audit
