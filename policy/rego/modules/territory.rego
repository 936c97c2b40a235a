# METADATA
# title: Own-region rows
# description: |
#   Rows of the regions or districts that the caller's agreement names, and no others. A row without a region is in
#   nobody's: a NULL column is absent, and what is absent equals nothing.
#
#   `territory.region(value)` holds for a row's region, `territory.district(value)` for its district. Give them
#   `input.row.FIELD`. They are conditions of an include rule and run inside the source's own query.
#
#   The agreement says which regions; the caller does not. A caller without an agreement has none, so no rows.
# custom:
#   example: |
#     include.Admission if {
#     	lib.purpose("care-coordination")
#     	territory.region(input.row.region)
#     }
package concordat.lib.territory

import data.concordat.lib

region(value) if value in lib.regions

district(value) if value in lib.districts
