# Rules of the exchange itself: they only tighten.
package concordat.access.gateway

import data.concordat.lib
import rego.v1

fields contains {"coordinate": c, "effect": "deny", "reason": "the token lacks the scope graph:read"} if {
	some c, _ in data.fields
	not lib.has_scope("graph:read")
}
