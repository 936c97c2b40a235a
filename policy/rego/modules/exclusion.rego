# METADATA
# title: Data-subject exclusion list
# description: |
#   People who objected (GDPR article 21), or whose records a court has sealed, are in no row and in no count, whoever
#   asks and whatever includes them: exclude always wins.
#
#   `exclusion.listed(id, list)` holds for a row whose identifier is in the list. `exclusion.ready(list)` holds where
#   there is a list at all, also an empty one: put it into every include of the type, so that a list that got lost shows
#   nobody instead of everybody. Lists are sets of `data.json`; 100,000 identifiers are no burden.
#
#   A row without an identifier is on no list. Where it could be anybody's, exclude it too:
#   `exclude.T if object.get(input.row, "patientId", null) == null`.
# custom:
#   example: |
#     include.Admission if {
#     	exclusion.ready(data.sets.hospital_objectors)
#     	territory.region(input.row.region)
#     }
#     exclude.Admission if exclusion.listed(input.row.patientId, data.sets.hospital_objectors)
package concordat.lib.exclusion

listed(id, list) if id in list

ready(list) if is_array(list)
