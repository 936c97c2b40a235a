// Package compose turns the schema files of several agencies into one Supergraph: the public GraphQL schema, and what
// each element of it stands for.
//
//	files := []compose.File{{Name: "health.graphqls", Agency: "health", Text: text}}
//	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
//	view := sg.View(profile) // what one subject may know of
//
// An agency's type becomes an entity with derived roots (by key, a connection, an aggregate), filters, orders and
// groups. The same type in several agencies' files is the union of their rows. An extension adds relations to another
// agency's type. Whoever declares a field decides it.
//
// The package is pure: it reads no file and asks no source. That a table or a column exists is found out when the
// source is opened.
package compose

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"slices"

	"concordat/policy"
)

// MaxFile is the size in bytes of the largest file that is read.
const MaxFile = 1 << 20

// File is one schema file of an agency, or one of its files of levels (see LevelsOf): CSV that a schema of the same
// agency names as a field's hierarchy.
type File struct {
	Name   string          // as problems name it
	Agency policy.AgencyID // owns every declaration of the file; the default source name
	Text   string
}

// Options of a composition. The zero value composes agencies alone.
type Options struct {
	ControlPlane string   // schema text of the gateway's own types and roots
	Sources      []string // configured sources; nil: any name is taken
}

// Compose builds the supergraph. It reports every mistake at once, sorted by place; with any error there is no
// supergraph.
func Compose(files []File, opt Options) (*Supergraph, []Problem) {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Agency, b.Agency))
	})
	ps := &problems{}
	control := readControlPlane(opt.ControlPlane, ps)
	schemas := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return isLevels(f.Name) })
	declared := readDeclarations(schemas, opt.Sources, control, ps)
	entities := mergeEntities(declared, ps)
	resolveJoins(entities, declared, ps)
	resolveComputed(entities, ps)
	resolveLevels(entities, files, ps)
	resolveFusion(entities, ps)
	mergeSecure(entities, ps)
	abstracts := resolveAbstracts(declared, entities, ps)
	reserveNames(entities, abstracts, control, ps)
	if ps.failed() {
		return nil, ps.sorted()
	}
	sg := derive(entities, abstracts, control, ps)
	if ps.failed() {
		return nil, ps.sorted()
	}
	sg.Hash = digest(files, opt)
	return sg, ps.sorted()
}

// Entity finds an entity by its type name, nil where there is none.
func (s *Supergraph) Entity(typeName string) *Entity { return s.Entities[typeName] }

// digest is over length-prefixed inputs, so that no two different lists of files have one text.
func digest(files []File, opt Options) string {
	h := sha256.New()
	writeText(h, opt.ControlPlane)
	for _, f := range files {
		writeText(h, f.Name)
		writeText(h, string(f.Agency))
		writeText(h, f.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func writeText(h hash.Hash, s string) {
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(s)))
	h.Write(n[:])
	h.Write([]byte(s))
}
