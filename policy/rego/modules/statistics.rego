# METADATA
# title: Aggregate-only research
# description: |
#   Research that counts and reads nobody's row: what can be counted leaves only inside statistics, what names people
#   does not exist.
#
#   `statistics.only(reason)` is a set of statements: QUASI_IDENTIFIER, SENSITIVE and NON_SENSITIVE fields are
#   `aggregate`, DIRECT_IDENTIFIER and FREE_TEXT fields `invisible`. A type of which a subject has only aggregates has no
#   list, no connection and no cursor: only its `...Aggregate`.
#
#   Give it an include rule for the rows that are counted, and a minimum group, or one row is a group like any other.
# custom:
#   example: |
#     fields contains s if {
#     	lib.purpose("research")
#     	some s in statistics.only("research counts, and reads nobody's data")
#     }
#     include.Admission if lib.purpose("research")
#     limits contains groups.at_least(10) if lib.purpose("research")
package concordat.lib.statistics

import data.concordat.lib.classification

counted := ["QUASI_IDENTIFIER", "SENSITIVE", "NON_SENSITIVE"]

named := ["DIRECT_IDENTIFIER", "FREE_TEXT"]

only(reason) := {{"classification": c, "effect": "aggregate", "reason": reason} | some c in counted} | classification.hide(named, reason)
