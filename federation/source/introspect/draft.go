package introspect

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Draft writes the schema. Each suggestion stands beside its field with the reason for it.
func Draft(tables []*Table) string {
	d := &draft{judge: NewJudge(), types: map[string]string{}, fields: map[string]map[string]string{}, ids: map[*Column]bool{}}
	d.name(tables)
	d.identify(tables)
	d.printf("# A draft: every @classify is a suggestion, with the rule that made it. Read each line before it is composed;\n" +
		"# what no rule recognised is SENSITIVE until somebody who knows the data says otherwise.\n")
	for _, t := range tables {
		d.table(t, tables)
	}
	return d.String()
}

type draft struct {
	strings.Builder
	judge  *Judge
	types  map[string]string            // table -> type
	fields map[string]map[string]string // table -> column -> field
	ids    map[*Column]bool             // columns whose field is an ID
}

func (d *draft) printf(format string, arguments ...any) { fmt.Fprintf(d, format, arguments...) }

// name gives every type and field a name of GraphQL's, none twice.
func (d *draft) name(tables []*Table) {
	taken := map[string]bool{"Query": true, "Mutation": true, "Subscription": true, "ID": true, "Int": true, "Float": true, "String": true,
		"Boolean": true, "Date": true, "DateTime": true, "BigInt": true, "Decimal": true, "UUID": true, "JSON": true}
	for i, t := range tables {
		d.types[t.Name] = free(taken, upper(camel(singular(lastPart(t.Name)))), "Table", i+1)
		fields := map[string]bool{}
		d.fields[t.Name] = map[string]string{}
		for i, c := range t.Columns {
			d.fields[t.Name][c.Name] = free(fields, camel(c.Name), "field", i+1)
		}
	}
}

// free is wanted, or another name that nobody has: a name without a letter of ASCII becomes a number.
func free(taken map[string]bool, wanted, otherwise string, n int) string {
	name := wanted
	if name == "" {
		name = otherwise + strconv.Itoa(n)
	}
	for base, i := name, 2; taken[name]; i++ {
		name = base + strconv.Itoa(i)
	}
	taken[name] = true
	return name
}

// camel writes a name as GraphQL does: patient_id and PatientID are patientId. It is empty where no such name starts.
func camel(name string) string {
	var b strings.Builder
	for i, part := range asciiWords(name) {
		if i > 0 {
			part = upper(part)
		}
		b.WriteString(part)
	}
	s := b.String()
	if s == "" || s[0] >= '0' && s[0] <= '9' || strings.ContainsFunc(name, func(c rune) bool { return c > unicode.MaxASCII && unicode.IsLetter(c) }) {
		return ""
	}
	return s
}

// asciiWords splits at seams and keeps digits with the word before them.
func asciiWords(name string) []string {
	var out []string
	previous := rune(0)
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		switch {
		case !letter && !digit:
			previous = 0
			continue
		case previous == 0, unicode.IsUpper(c) && unicode.IsLower(previous):
			out = append(out, "")
		}
		out[len(out)-1] += strings.ToLower(string(c))
		previous = c
	}
	return out
}

func upper(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// table writes a type. A row of a type is found by its key: a table without one is written as a comment, so that the
// draft composes as it is.
func (d *draft) table(t *Table, tables []*Table) {
	d.printf("\n")
	if t.Note != "" {
		d.printf("# %s\n", oneLine(t.Note))
	}
	if t.composes() {
		d.typeOf(t, tables)
		return
	}
	aside := &draft{judge: d.judge, types: d.types, fields: d.fields, ids: d.ids}
	aside.typeOf(t, tables)
	d.printf("# %s has no primary key that could be asked. Where columns identify a row, name them and take the marks away.\n", oneLine(t.Name))
	for line := range strings.Lines(aside.String()) {
		d.printf("# %s", line)
	}
}

func (d *draft) typeOf(t *Table, tables []*Table) {
	d.describe("", t.Comment, lastPart(t.Name), d.types[t.Name])
	d.printf("type %s @source(table: %s)", d.types[t.Name], literal(t.Name))
	var key []string
	for _, column := range t.keys() {
		key = append(key, d.fields[t.Name][column.Name])
	}
	d.printf(" @key(fields: %s) {\n", literal(strings.Join(key, " ")))
	for i, s := range d.judge.Suggest(t) {
		d.field(t, t.Columns[i], s)
	}
	d.joins(t, tables)
	d.printf("}\n")
}

// oneLine keeps a text within its comment: both CR and LF end one (October 2021, section 2.1.4).
func oneLine(s string) string { return strings.NewReplacer("\n", " ", "\r", " ").Replace(s) }

// describe keeps what the database says of a name, and the name itself where GraphQL cannot spell it.
func (d *draft) describe(indent, comment, name, spelt string) {
	if comment == "" && strings.HasPrefix(spelt, "Table") || comment == "" && strings.HasPrefix(spelt, "field") {
		comment = name
	}
	if comment != "" {
		d.printf("%s%s\n", indent, literal(comment))
	}
}

func (d *draft) field(t *Table, c *Column, s Suggestion) {
	name := d.fields[t.Name][c.Name]
	required := ""
	if c.Required {
		required = "!"
	}
	d.describe("  ", c.Comment, c.Name, name)
	d.printf("  %s: %s%s", name, d.scalar(c), required)
	if name != c.Name {
		d.printf(" @column(name: %s)", literal(c.Name))
	}
	d.printf(" @classify(as: %s) # %s\n", s.Class, oneLine(s.Why))
}

// identify finds the columns whose values only say which: keys, and both ends of every foreign key, so that these join.
func (d *draft) identify(tables []*Table) {
	for _, t := range tables {
		if key := t.key(); keyed(key) {
			d.ids[key] = true
		}
		for _, f := range t.Foreign {
			if here, there := t.column(f.Column), columnOf(tables, f); keyed(here) && keyed(there) {
				d.ids[here], d.ids[there] = true, true
			}
		}
	}
}

func (d *draft) scalar(c *Column) string {
	if d.ids[c] {
		return "ID"
	}
	return c.Scalar
}

// joinable reports whether composition takes a join along a foreign key: a type to lead to, and one scalar at both ends.
func (d *draft) joinable(tables []*Table, t *Table, f Foreign) bool {
	here, there := t.column(f.Column), columnOf(tables, f)
	return here != nil && there != nil && table(tables, f.Table).composes() && d.scalar(here) == d.scalar(there)
}

// joins writes both directions of every foreign key that names one known column.
func (d *draft) joins(t *Table, tables []*Table) {
	taken := map[string]bool{}
	for _, field := range d.fields[t.Name] {
		taken[field] = true
	}
	for _, f := range t.Foreign {
		if d.joinable(tables, t, f) {
			here, target := d.fields[t.Name][f.Column], d.fields[f.Table][f.References]
			name := strings.TrimSuffix(strings.TrimSuffix(here, "Id"), "Code")
			if name == here {
				name = lower(d.types[f.Table])
			}
			d.printf("  %s: %s @join(on: %s)\n", free(taken, name, "", 0), d.types[f.Table], literal(here+" = "+target))
		}
	}
	for _, other := range tables {
		if !other.composes() {
			continue
		}
		for _, f := range other.Foreign {
			if f.Table != t.Name || !d.joinable(tables, other, f) {
				continue
			}
			d.printf("  %s: [%s!] @join(on: %s)\n", free(taken, plural(lower(d.types[other.Name])), "", 0), d.types[other.Name],
				literal(d.fields[t.Name][f.References]+" = "+d.fields[other.Name][f.Column]))
		}
	}
}

func lower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

func plural(s string) string {
	switch {
	case strings.HasSuffix(s, "y") && !slices.Contains([]string{"ay", "ey", "oy", "uy"}, s[max(0, len(s)-2):]):
		return s[:len(s)-1] + "ies"
	case strings.HasSuffix(s, "s"), strings.HasSuffix(s, "x"), strings.HasSuffix(s, "ch"), strings.HasSuffix(s, "sh"):
		return s + "es"
	}
	return s + "s"
}

// literal is a string of the schema language (October 2021, section 2.9.4), whose escapes JSON's are.
func literal(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < 0x20:
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
