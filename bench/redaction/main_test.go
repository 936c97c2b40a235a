package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
)

var sentences = filepath.Join("..", "..", "privacy", "deid", "recognise", "testdata", "presidio-synth", "train.jsonl")

// The floors hold on every sentence, and on a part of the notes.
func TestRedactionReachesItsFloors(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 1,189 sentences with every model")
	}
	var out bytes.Buffer
	if err := run(&out, sentences, 850, "", false); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// Rules alone find no names without a label: the floors notice a tagger that is missing.
func TestFloorsNoticeAMissingTagger(t *testing.T) {
	var out bytes.Buffer
	err := run(&out, sentences, 170, "cn-person", true)
	if err == nil || !strings.Contains(err.Error(), "PERSON") || !strings.Contains(err.Error(), "cn-person") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "因胸痛3天入院") {
		t.Error("no miss is shown")
	}
}
