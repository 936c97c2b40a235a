# METADATA
# title: Office hours
# description: |
#   Access while the office is staffed. `hours.office(zone, first, last)` holds from Monday to Friday, from hour `first`
#   up to but not including hour `last`, by the clock of an IANA time zone, daylight saving included.
#
#   `hours.weekday(zone)` holds from Monday to Friday. Holidays are the agency's to list: `not today in data.sets.x`.
#
#   The gateway's clock decides, never the caller's. A rule that asks the time is decided anew for each request, so
#   put what does not depend on it first.
# custom:
#   example: |
#     fields contains {"type": "Resident", "effect": "deny", "reason": "outside office hours"} if {
#     	not hours.office("Europe/Berlin", 7, 19)
#     }
package concordat.lib.hours

weekday(zone) if {
	day := time.weekday([time.parse_rfc3339_ns(input.context.time), zone])
	not day in ["Saturday", "Sunday"]
}

office(zone, first, last) if {
	weekday(zone)
	clock := time.clock([time.parse_rfc3339_ns(input.context.time), zone])
	clock[0] >= first
	clock[0] < last
}
