package main

import (
	"errors"
	"testing"
)

func TestGovernedAnswerNeedsReceiptAndMask(t *testing.T) {
	for answer, want := range map[string]error{
		`{"data":{"composer":"k3"},"extensions":{"concordat":{"receipt":{}}}}`:         nil,
		`{"data":{"composer":"Composer 7"},"extensions":{"concordat":{"receipt":{}}}}`: errUngoverned,
		`{"data":{"composer":"k3"}}`: errUngoverned,
	} {
		if err := governed("ours", answer); !errors.Is(err, want) {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestShapeTellsAMissingRow(t *testing.T) {
	if shape(`{"name":1,"total":2}`) == shape(`{"name":1}`) {
		t.Error("a missing column is not seen")
	}
}
