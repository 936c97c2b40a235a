# METADATA
# title: Purpose limitation
# description: |
#   Whatever other rules allow, nothing leaves for a purpose that is not on the agency's list, or that the caller's
#   agreement does not permit (GDPR article 5(1)(b)). It denies, so it wins over every allow, also one that somebody
#   adds later and forgets to limit.
#
#   `limitation.kept(purposes)` holds where the request is for one of the agency's purposes and the agreement permits
#   it. `limitation.otherwise_denied(purposes)` is a set of statements that deny every classification where it does not
#   hold, and is empty where it does.
#
#   A request without a purpose, and a caller without an agreement, keep no purpose.
# custom:
#   example: |
#     fields contains s if some s in limitation.otherwise_denied(["research", "audit"])
package concordat.lib.limitation

import data.concordat.lib
import data.concordat.lib.classification

kept(purposes) if {
	input.purpose in purposes
	lib.purpose(input.purpose)
}

otherwise_denied(purposes) := set() if kept(purposes)

otherwise_denied(purposes) := classification.deny(classification.all, "not a purpose of this agency's data") if {
	not kept(purposes)
}
