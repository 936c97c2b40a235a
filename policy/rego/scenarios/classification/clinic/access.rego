# Open figures for research; what points at a person does not exist there. Care reads all but free text.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.classification

fields contains s if {
	lib.purpose("research")
	some s in classification.allow(["NON_SENSITIVE"], "open figures")
}

fields contains s if {
	lib.purpose("research")
	some s in classification.hide(classification.personal, "research is about nobody")
}

fields contains s if {
	lib.purpose("care-coordination")
	some s in classification.allow(classification.all, "care knows its patients")
}

fields contains s if {
	lib.purpose("care-coordination")
	some s in classification.deny(["FREE_TEXT"], "notes are the ward's own")
}

include.Admission if lib.purpose("care-coordination")
