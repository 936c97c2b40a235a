# METADATA
# title: Concordat policy library
# description: Words that policies share. A rule here is undefined where it cannot say yes, so that a policy that
#   asks it allows nothing by accident.
package concordat.lib

# agreement is the content of the agreement that the caller's token is bound to.
agreement := data.agreements[input.subject.agreement]

# purpose(p) holds where the request is for p, and the agreement permits p.
purpose(p) if {
	input.purpose == p
	p in agreement.purposes
}

# has_scope(s) holds where the token was granted s.
has_scope(s) if s in input.subject.scopes

# party holds where the caller's organisation is a party of the agreement.
party if input.subject.organisation in agreement.parties

# covers(coordinate) holds where the agreement's data sets name a coordinate or its type.
covers(coordinate) if coordinate in agreement.datasets

covers(coordinate) if {
	contains(coordinate, ".")
	split(coordinate, ".")[0] in agreement.datasets
}

# regions and districts are those of the agreement: for row rules, `input.row.region in lib.regions`.
regions := agreement.regions

districts := agreement.districts

# today is the date of the request as YYYY-MM-DD (UTC), for dates. A rule that reads it is decided anew each time.
today := substring(input.context.time, 0, 10)
