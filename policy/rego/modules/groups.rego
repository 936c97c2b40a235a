# METADATA
# title: Minimum group
# description: |
#   Groups and counts of fewer rows than a number are withheld, and the answer does not say how many there were. The
#   strictest number of all agencies asked holds for the whole question.
#
#   `groups.at_least(n)` is a limit. Ten is usual where rows are persons; five where the agency has weighed it. A limit
#   below the gateway's own changes nothing.
#
#   A minimum group does not stop a caller from subtracting one answer from another: for that, keep to a fixed list of
#   tables, or spend a privacy budget.
# custom:
#   example: |
#     limits contains groups.at_least(10) if lib.purpose("research")
package concordat.lib.groups

at_least(n) := {"minimumGroup": n}
