// Package rego holds the Rego library that every policy may use: package concordat.lib.
//
//	import data.concordat.lib
//
//	fields contains {"classification": "NON_SENSITIVE", "effect": "allow"} if {
//		lib.purpose("research")
//		lib.covers("Admission.ward")
//	}
//
// The library reads the caller and the agreements only; it never reads a row, and it decides nothing itself.
package rego

import "embed"

// Files is the library, without its tests.
//
//go:embed lib.rego
var Files embed.FS
