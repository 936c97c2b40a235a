# Names are for nobody who only reads reviews.
package concordat.access.users

import data.concordat.lib
import rego.v1

reading if lib.purpose("reading")

open if lib.purpose("open")

fields contains {"type": "User", "effect": "allow", "reason": "whose reviews belong together"} if reading

fields contains {"type": "User", "effect": "allow", "reason": "to measure what rules cost"} if open

fields contains {"coordinate": "User.name", "effect": "transform", "method": "pseudonym", "reason": "reading needs no names"} if reading

include.User if reading

include.User if open
