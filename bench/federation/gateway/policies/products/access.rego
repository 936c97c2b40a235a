# Everybody under the agreement reads products.
package concordat.access.products

import data.concordat.lib
import rego.v1

reader if lib.purpose("reading")

reader if lib.purpose("open")

fields contains {"type": "Product", "effect": "allow", "reason": "a public catalogue"} if reader

include.Product if reader
