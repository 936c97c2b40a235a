# An emergency opens all of a stay: with a reason, for hours, and marked.
package concordat.access.clinic

import data.concordat.lib.breakglass
import data.concordat.lib.classification

fields contains s if {
	breakglass.open
	some s in classification.allow(classification.all, breakglass.text)
}

fields contains {"coordinate": "Resident.name", "effect": "deny", "reason": "sealed, whoever asks"}

include.Admission if breakglass.open

limits contains breakglass.mark if breakglass.open
