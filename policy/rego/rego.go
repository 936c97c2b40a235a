// Package rego holds the Rego library that every policy may use: package concordat.lib.
//
//	import data.concordat.lib
//
//	fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if {
//		lib.purpose("research")
//		lib.covers("Admission.ward")
//	}
//
// and the modules under modules/, each a package concordat.lib.NAME that says one thing an agency often wants said.
//
// The library reads the caller and the agreements only; it never reads a row, and it decides nothing itself.
package rego

import "embed"

// Files is the library, without its tests.
//
//go:embed lib.rego modules/classification.rego modules/limitation.rego modules/territory.rego modules/groups.rego
//go:embed modules/agreed.rego modules/breakglass.rego modules/exclusion.rego modules/hours.rego modules/statistics.rego
var Files embed.FS
