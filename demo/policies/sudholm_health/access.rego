# The health region of Sudholm decides what its agent may be asked. Its agent decides again, by rules of its own.
package concordat.access.sudholm_health

import data.concordat.lib
import rego.v1

# A caller without an agreement is nobody here: none of the rules below holds.
research if lib.purpose("research")

fields contains {"type": "ClinicStay", "effect": "encrypted", "reason": "a stay leaves the region only inside a sum over several regions"} if research

# Who may not ask does not learn that there is something to ask.
fields contains {"type": "ClinicStay", "effect": "invisible", "reason": "shared for research alone"} if not research

include.ClinicStay if research
