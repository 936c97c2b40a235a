# METADATA
# title: What the agreement says
# description: |
#   Holds the caller's agreement against everybody's rules, as the gateway's package does best: it can only tighten, so
#   no agency has to remember it.
#
#   `agreed.held` is a set of statements: what the agreement's `datasets` do not name is denied, and what its
#   `transforms` owe is demanded. Where an agency demands another transform of the same field, the two are a conflict and
#   the field is denied: an agreement is never met by something else than it says.
#
#   A caller without an agreement, and an agreement without datasets, are denied everything.
# custom:
#   example: |
#     package concordat.access.gateway
#     fields contains s if some s in agreed.held
package concordat.lib.agreed

# Empty, not undefined: a negated test of something undefined would not hold, and nothing would be denied.
default named := []

named := data.agreements[input.subject.agreement].datasets

held contains {"coordinate": c, "effect": "deny", "reason": "the agreement does not name this dataset"} if {
	some c, field in data.fields
	not field.type in named
	not c in named
}

held contains s if some s in data.agreements[input.subject.agreement].transforms
