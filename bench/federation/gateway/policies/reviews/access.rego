# Reviews of one author are withheld from readers.
package concordat.access.reviews

import data.concordat.lib
import rego.v1

reading if lib.purpose("reading")

open if lib.purpose("open")

fields contains {"type": "Review", "effect": "allow", "reason": "published reviews"} if reading

fields contains {"type": "Review", "effect": "allow", "reason": "to measure what rules cost"} if open

fields contains {"coordinate": "Product.reviews", "effect": "allow", "reason": "published reviews"} if reading

fields contains {"coordinate": "Product.reviews", "effect": "allow", "reason": "to measure what rules cost"} if open

include.Review if {
	reading
	input.row.authorId != "4711"
}

include.Review if open
