# Names while the office is staffed, and on no holiday.
package concordat.access.clinic

import data.concordat.lib
import data.concordat.lib.hours

fields contains {"type": "Resident", "effect": "allow", "reason": "care"} if lib.purpose("care-coordination")

fields contains {"type": "Resident", "effect": "deny", "reason": "outside office hours"} if {
	not hours.office("Europe/Berlin", 7, 19)
}

fields contains {"type": "Admission", "effect": "allow", "reason": "wards work at weekends, offices do not"} if {
	hours.weekday("Europe/Berlin")
	not lib.today in data.sets.clinic_holidays
}
