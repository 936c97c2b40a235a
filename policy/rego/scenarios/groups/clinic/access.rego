# Counts of ten and more for research; care counts its own patients.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.groups

fields contains {"type": "Admission", "effect": "aggregate", "reason": "research counts"} if lib.purpose("research")

fields contains {"type": "Admission", "effect": "allow", "reason": "care knows its patients"} if lib.purpose("care-coordination")

limits contains groups.at_least(10) if lib.purpose("research")

limits contains groups.at_least(5) if lib.purpose("research")
