// Package models is the shelf of models that the binary carries: one card NAME.json and one file of weights each.
//
//	reg, err := inference.NewRegistry(models.Files(), ner.Open)
//
// How each file was made is a script in scripts/models, named on its card.
package models

import (
	"embed"
	"io/fs"
)

//go:embed *.json *.model
var files embed.FS

// Files is the shelf.
func Files() fs.FS { return files }
