# METADATA
# title: Break-glass
# description: |
#   Emergency access that must say why, ends by itself and is seen afterwards. The issuer grants it in the token: the
#   scope `break-glass`, a scope `reason:CASE`, and a scope `until:TIME` (RFC 3339) at most four hours ahead. The
#   purpose is `break-glass`, and the agreement must permit it. Without any one of these nothing opens.
#
#   `breakglass.open` holds while it lasts; `breakglass.reason` is the case. `breakglass.mark` is a limit that writes
#   `break-glass CASE` into the ledger entry and into the gateway's log of every answer given so, which is where the
#   alarm is raised. A rule that opens without the mark cannot be told from an ordinary one afterwards: always add both.
#
#   Exclusions and denials of other rules still hold: this allows, and the strictest wins.
# custom:
#   example: |
#     fields contains s if {
#     	breakglass.open
#     	some s in classification.allow(classification.all, breakglass.text)
#     }
#     include.Admission if breakglass.open
#     limits contains breakglass.mark if breakglass.open
package concordat.lib.breakglass

import data.concordat.lib

hours := 4

reason := trim_prefix(scope, "reason:") if {
	some scope in input.subject.scopes
	startswith(scope, "reason:")
	count(scope) > count("reason:")
	count([s | some s in input.subject.scopes; startswith(s, "reason:")]) == 1
}

until := time.parse_rfc3339_ns(trim_prefix(scope, "until:")) if {
	some scope in input.subject.scopes
	startswith(scope, "until:")
	count([s | some s in input.subject.scopes; startswith(s, "until:")]) == 1
}

open if {
	lib.purpose("break-glass")
	lib.has_scope("break-glass")
	reason != ""
	now := time.parse_rfc3339_ns(input.context.time)
	until > now
	until - now <= ((hours * 3600) * 1000) * 1000000
}

text := concat(" ", ["break-glass", reason])

mark := {"mark": text}
