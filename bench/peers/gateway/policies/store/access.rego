# The shop's rules: "sales" under rows and masks, "open" with none, to measure what they cost.
package concordat.access.store

import data.concordat.lib
import rego.v1

sales if lib.purpose("sales")

open if lib.purpose("open")

types := ["Artist", "Genre", "Album", "Track", "Customer", "Invoice", "InvoiceLine"]

fields contains {"type": t, "effect": "allow", "reason": "the shop's own books"} if {
	some t in types
	sales
}

fields contains {"type": t, "effect": "allow", "reason": "the shop's own books"} if {
	some t in types
	open
}

fields contains {"coordinate": "Track.composer", "effect": "transform", "method": "pseudonym", "reason": "sales need no names"} if sales

fields contains {"coordinate": "Customer.email", "effect": "transform", "method": "pseudonym", "reason": "sales need no names"} if sales

include.Artist if sales

include.Genre if sales

include.InvoiceLine if sales

include.Album if {
	sales
	input.row.region in lib.regions
}

include.Track if {
	sales
	input.row.region in lib.regions
}

include.Customer if {
	sales
	input.row.region in lib.regions
}

include.Invoice if {
	sales
	input.row.region in lib.regions
}

include.Artist if open

include.Genre if open

include.Album if open

include.Track if open

include.Customer if open

include.Invoice if open

include.InvoiceLine if open
