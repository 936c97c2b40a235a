package compose

// reserveNames finds every name of the public schema that two things would have.
func reserveNames(drafts []*draft, abstracts []*abstractDraft, control *controlPlane, ps *problems) {
	types, roots := map[string]string{}, map[string]string{}
	for name := range control.types {
		types[name] = "the gateway's own type"
	}
	for name := range control.roots {
		roots[name] = "the gateway's own field"
	}
	for _, name := range sharedTypes() {
		types[name] = "the gateway's own type"
	}
	for _, d := range drafts {
		claim(types, d, d.name(), "the type "+d.name(), ps)
	}
	for _, a := range abstracts {
		claim(types, a.draft, a.name(), "the type "+a.name(), ps)
	}
	for _, a := range abstracts {
		for _, name := range abstractNames(a.entity) {
			claim(types, a.draft, name, "derived from "+a.name(), ps)
		}
		claim(roots, a.draft, connectionName(a.name()), "a root of "+a.name(), ps)
	}
	for _, d := range drafts {
		for _, name := range derivedTypes(d.entity) {
			claim(types, d, name, "derived from "+d.name(), ps)
		}
		many := connectionName(d.name())
		for _, name := range []string{byKeyName(d.name()), many, aggregateName(many), secureAggregateName(many)} {
			claim(roots, d, name, "a root of "+d.name(), ps)
		}
		reserveMembers(d, ps)
	}
}

func claim(taken map[string]string, d *draft, name, by string, ps *problems) {
	if other, ok := taken[name]; ok {
		ps.add(d.place(), d.name(), NameReserved, "the name %s (%s) is taken: %s", name, by, other)
		return
	}
	taken[name] = by
}

// reserveMembers finds fields that collide with the aggregate beside a relation.
func reserveMembers(d *draft, ps *problems) {
	for _, f := range d.fields {
		if f.field.Join == nil || !f.field.Join.Many {
			continue
		}
		if other := d.field(aggregateName(f.field.Name)); other != nil {
			ps.add(other.said[0].as.at, string(other.field.Coordinate), NameReserved,
				"the name is derived from the relation %s", f.field.Name)
		}
	}
}
