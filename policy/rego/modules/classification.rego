# METADATA
# title: Allow by classification
# description: |
#   Says one thing of every field of some classifications, so that a new column falls under a rule the day it is
#   described. Start with this, then add stricter statements by coordinate: the strictest wins.
#
#   `classification.allow(classes, reason)` is a set of statements that allow them; `classification.deny(classes, reason)`
#   one that denies them; `classification.hide(classes, reason)` makes them invisible. `classification.all` is every
#   classification there is, and `classification.personal` those that point at a person.
#
#   Do not allow DIRECT_IDENTIFIER or FREE_TEXT this way: a note names people whatever the column's other neighbours
#   are. Fields that a schema does not classify count as SENSITIVE.
# custom:
#   example: |
#     fields contains s if {
#     	lib.purpose("research")
#     	some s in classification.allow(["NON_SENSITIVE"], "open figures")
#     }
package concordat.lib.classification

all := ["DIRECT_IDENTIFIER", "QUASI_IDENTIFIER", "SENSITIVE", "FREE_TEXT", "NON_SENSITIVE"]

personal := ["DIRECT_IDENTIFIER", "QUASI_IDENTIFIER", "FREE_TEXT"]

allow(classes, reason) := {{"classification": c, "effect": "allow", "reason": reason} | some c in classes}

deny(classes, reason) := {{"classification": c, "effect": "deny", "reason": reason} | some c in classes}

hide(classes, reason) := {{"classification": c, "effect": "invisible", "reason": reason} | some c in classes}
