package compose

import "concordat/policy"

// requireOwnSources reports bindings to another agency's source. Whoever declares a column decides it, so that a file
// that could bind another agency's table would take the decision from the agency whose data it is. A source that is
// named as an agency is that agency's; any other belongs to the first agency that names it.
func (r *reader) requireOwnSources(files []File) {
	owners := map[string]policy.AgencyID{}
	for _, f := range files {
		owners[string(f.Agency)] = f.Agency
	}
	for _, name := range r.out.order {
		for _, d := range r.out.byType[name] {
			for _, b := range d.sources {
				if _, taken := owners[b.name]; !taken {
					owners[b.name] = d.agency
				}
				if owner := owners[b.name]; owner != d.agency {
					r.ps.add(b.at, name, SourceNotOwn, "the source %s is the agency %s's", b.name, owner)
				}
			}
		}
	}
}
