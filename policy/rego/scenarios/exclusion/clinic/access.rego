# Stays of the own region, less those who objected and those of whom it is not known who they are.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.exclusion
import data.concordat.lib.territory

fields contains {"type": "Admission", "effect": "allow", "reason": "care"} if lib.purpose("care-coordination")

include.Admission if {
	exclusion.ready(data.sets.hospital_objectors)
	territory.region(input.row.region)
}

exclude.Admission if exclusion.listed(input.row.patientId, data.sets.hospital_objectors)

exclude.Admission if object.get(input.row, "patientId", null) == null
