# Research counts, in groups of ten and more.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.groups
import data.concordat.lib.statistics

fields contains s if {
	lib.purpose("research")
	some s in statistics.only("research counts, and reads nobody's data")
}

include.Admission if lib.purpose("research")

limits contains groups.at_least(10) if lib.purpose("research")
