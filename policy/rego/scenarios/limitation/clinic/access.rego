# Research and audit, and whatever is added below by mistake stays within them.
package concordat.access.clinic

import data.concordat.lib.limitation

fields contains s if some s in limitation.otherwise_denied(["research", "audit"])

# The mistake: an allow that forgot to say for what.
fields contains {"coordinate": "Admission.ward", "effect": "allow", "reason": "wards are no secret"}

include.Admission if limitation.kept(["research", "audit"])
