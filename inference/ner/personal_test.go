package ner

import (
	"context"
	"errors"
	"slices"
	"testing"

	"concordat/inference"
	"concordat/inference/models"
)

func TestPartsOfANameAndOfAnAddressAreJoined(t *testing.T) {
	text := "Anna Berg, 5 High Street, Flat 2, saw Bo Ek and Li in Rome."
	at := func(label, word string, from int, model string) Found {
		return Found{Entity: inference.Entity{Label: label, ByteStart: from, ByteEnd: from + len(word), Score: 0.9}, Model: model}
	}
	var got []string
	for _, s := range joinParts(text, []Found{at("GIVEN_NAME", "Anna", 0, "pii-en"), at("PER", "Anna Berg", 0, "ner-en"), at("SURNAME", "Berg", 5, "pii-en"),
		at("BUILDING_NUMBER", "5", 11, "pii-en"), at("STREET_NAME", "High Street", 13, "pii-en"), at("SECONDARY_ADDRESS", "Flat 2", 26, "pii-en"),
		at("PER", "Bo Ek", 38, "ner-en"), at("PER", "Li", 48, "ner-en"), at("LOC", "Rome", 54, "ner-en")}) {
		got = append(got, s.Label+" "+text[s.ByteStart:s.ByteEnd]+" "+s.Model)
	}
	want := []string{"PERSON Anna Berg pii-en", "PERSON Anna Berg ner-en", "ADDRESS 5 High Street, Flat 2 pii-en", "PERSON Bo Ek ner-en",
		"PERSON Li ner-en", "LOCATION Rome ner-en"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}

func TestPersonalReadsBothLanguagesAndFailsWhole(t *testing.T) {
	shelf, err := inference.NewRegistry(models.Files(), Open)
	if err != nil {
		t.Fatal(err)
	}
	defer shelf.Close()
	auto, err := OpenAuto(context.Background(), shelf, true)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"Angela Merkel met reporters in Berlin.", "张三在北京工作。", ""}
	found, err := auto.Personal(context.Background(), texts)
	if err != nil || len(found) != 3 || len(found[2]) != 0 {
		t.Fatal(found, err)
	}
	for i, want := range []string{"Angela Merkel", "张三"} {
		if s := found[i][0]; texts[i][s.ByteStart:s.ByteEnd] != want || s.Label != "PERSON" {
			t.Errorf("text %d: %+v", i, s)
		}
	}
	if found, err := auto.Personal(context.Background(), []string{"fine", "\xff"}); !errors.Is(err, inference.ErrTextInvalid) || found != nil {
		t.Errorf("%v %v", found, err)
	}
}
