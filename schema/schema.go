// Package schema holds the gateway's own schema language text, embedded: the directives and scalars in which agencies
// describe their sources, and the control plane's types and roots.
//
//	sg, problems := compose.Compose(files, compose.Options{ControlPlane: schema.ControlPlane()})
//
// It promises text and nothing else: the text is read by package compose and by the code generator.
package schema

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.graphqls
var files embed.FS

const directives = "directives.graphqls"

// Directives is the text of the directive and scalar definitions that agencies' files may use.
func Directives() string { return read(directives) }

// ControlPlane is the text of every control-plane file, in order of file name.
func ControlPlane() string {
	names, err := fs.Glob(files, "*.graphqls")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	var b strings.Builder
	for _, name := range names {
		if name != directives {
			b.WriteString(read(name))
			b.WriteByte('\n')
		}
	}
	return b.String()
}

func read(name string) string {
	text, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return string(text)
}
