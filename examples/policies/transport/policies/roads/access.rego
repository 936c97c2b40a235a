# A transport agency: counters are open to planners, trips of their districts without riders, statistics of all.
package concordat.access.roads

import data.concordat.lib
import data.concordat.lib.exclusion
import data.concordat.lib.groups
import data.concordat.lib.limitation
import data.concordat.lib.statistics
import data.concordat.lib.territory
import rego.v1

fields contains s if some s in limitation.otherwise_denied(["planning", "statistics"])

# Planning: counters as they are; trips by day and district, the rider as a pseudonym of this agreement.
fields contains {"type": "Counter", "effect": "allow", "reason": "counters name nobody"} if lib.purpose("planning")

fields contains {"coordinate": c, "effect": "allow", "reason": "where and how far is what planning is about"} if {
	lib.purpose("planning")
	some c in ["Trip.id", "Trip.district", "Trip.metres"]
}

fields contains {"coordinate": "Trip.cardId", "effect": "transform", "method": "pseudonym", "reason": "trips are counted by rider, not by name"} if {
	lib.purpose("planning")
}

fields contains {"coordinate": "Trip.startedAt", "effect": "transform", "method": "month", "reason": "the season is enough"} if {
	lib.purpose("planning")
}

# Statistics: everything counts, nobody's row.
fields contains s if {
	lib.purpose("statistics")
	some s in statistics.only("statistics count, and read nobody's trip")
}

limits contains groups.at_least(5) if lib.purpose("planning")

limits contains groups.at_least(20) if lib.purpose("statistics")

include.Counter if lib.purpose("planning")

include.Counter if lib.purpose("statistics")

include.Trip if {
	lib.purpose("planning")
	exclusion.ready(data.sets.roads_objectors)
	territory.district(input.row.district)
}

include.Trip if {
	lib.purpose("statistics")
	exclusion.ready(data.sets.roads_objectors)
}

exclude.Trip if exclusion.listed(input.row.cardId, data.sets.roads_objectors)
