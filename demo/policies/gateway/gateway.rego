# Rules of the exchange itself. They can only tighten what the agencies allow.
package concordat.access.gateway

import rego.v1

# Empty, not undefined: a negated test of something undefined would not hold, and nothing would be denied.
default datasets := []

datasets := data.agreements[input.subject.agreement].datasets

default scopes := []

scopes := input.subject.scopes

# What an agreement does not name is not shared under it, whatever an agency's rules say.
fields contains {"coordinate": c, "effect": "deny", "reason": "the agreement does not name this dataset"} if {
	some c, field in data.fields
	not field.type in datasets
	not c in datasets
}

# A token that may not read the graph reads nothing.
fields contains {"coordinate": c, "effect": "deny", "reason": "the token lacks the scope graph:read"} if {
	not "graph:read" in scopes
	some c, _ in data.fields
}

# What an agreement owes is done, whatever an agency's rules allow.
fields contains s if some s in data.agreements[input.subject.agreement].transforms
