package secagg_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"concordat/privacy/secagg"
)

func conditioned(where *secagg.Condition) *secagg.Question {
	return &secagg.Question{Session: "s", Querier: "k", Agreement: "a", Dataset: "d", Until: 1, Minimum: 2, Where: where,
		Fields:   []secagg.Field{{Name: "days", Kind: secagg.Integer, Upper: 3}, {Name: "ward", Kind: secagg.Text, Domain: []string{"a", "b"}}},
		Measures: []secagg.Measure{{Fn: secagg.Count}, {Fn: secagg.Sum, Field: "days"}}}
}

// TestConditionCountsTheRowsThatSQLWouldWithTwoValuedLogic checks each operator on rows with and without NULL. Values
// are compared as they are: 9 is more than 3 also where the bounds clip it to 3.
func TestConditionCountsTheRowsThatSQLWouldWithTwoValuedLogic(t *testing.T) {
	table := &secagg.Table{Rows: 5, Integers: map[string][]int64{"days": {1, 2, 9, 0, 3}}, Texts: map[string][]string{"ward": {"a", "b", "ab", "", "zb"}},
		Null: map[string][]bool{"days": {false, false, false, true, false}, "ward": {false, false, false, true, false}}}
	number := func(op string, v ...int64) secagg.Condition {
		return secagg.Condition{Op: op, Field: "days", Integers: v}
	}
	text := func(op string, v ...string) secagg.Condition {
		return secagg.Condition{Op: op, Field: "ward", Texts: v}
	}
	of := func(op string, kids ...secagg.Condition) secagg.Condition { return secagg.Condition{Op: op, Of: kids} }
	for _, c := range []struct {
		where secagg.Condition
		count int64
	}{
		{number(secagg.Equal, 2), 1}, {number(secagg.Unequal, 2), 3}, {number(secagg.Less, 2), 1}, {number(secagg.AtMost, 2), 2},
		{number(secagg.Greater, 3), 1}, {number(secagg.AtLeast, 3), 2}, {number(secagg.OneOf, 1, 9), 2}, {number(secagg.IsNull), 1},
		{text(secagg.Equal, "a"), 1}, {text(secagg.Prefix, "a"), 2}, {text(secagg.Suffix, "b"), 3}, {text(secagg.Contains, "b"), 3},
		{of(secagg.None, number(secagg.Equal, 2)), 4}, {of(secagg.All, number(secagg.Less, 3), text(secagg.Equal, "a")), 1},
		{of(secagg.Any, number(secagg.IsNull), text(secagg.Equal, "a")), 2}, {secagg.Condition{Op: secagg.Nothing}, 0},
	} {
		q := conditioned(&c.where)
		if err := q.Check(2); err != nil {
			t.Fatalf("%+v: %v", c.where, err)
		}
		values, err := q.Local(table, 2)
		if err != nil || values[0] != c.count {
			t.Errorf("%+v: %v rows (%v), want %d", c.where, values, err, c.count)
		}
	}
	values, err := conditioned(nil).Local(table, 2)
	if err != nil || !slices.Equal(values, []int64{5, 9}) {
		t.Error(values, err)
	}
}

func TestConditionWithoutMeaningIsRefused(t *testing.T) {
	deep := secagg.Condition{Op: secagg.Nothing}
	for range 20 {
		deep = secagg.Condition{Op: secagg.None, Of: []secagg.Condition{deep}}
	}
	for i, c := range []secagg.Condition{
		{}, {Op: "like", Field: "ward", Texts: []string{"a"}}, {Op: secagg.Equal, Field: "nobody", Texts: []string{"a"}}, {Op: secagg.Equal, Field: "days"},
		{Op: secagg.Equal, Field: "days", Texts: []string{"1"}}, {Op: secagg.Equal, Field: "days", Integers: []int64{1, 2}}, {Op: secagg.OneOf, Field: "days"},
		{Op: secagg.Prefix, Field: "days", Integers: []int64{1}}, {Op: secagg.IsNull, Field: "days", Integers: []int64{1}}, {Op: secagg.All},
		{Op: secagg.None, Of: []secagg.Condition{{Op: secagg.Nothing}, {Op: secagg.Nothing}}}, {Op: secagg.Nothing, Field: "days"}, deep,
	} {
		if err := conditioned(&c).Check(2); !errors.Is(err, secagg.ErrQuestion) {
			t.Error(fmt.Sprint(i), err)
		}
	}
}
