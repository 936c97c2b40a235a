package main

import (
	"fmt"
	"strconv"
)

const (
	products       = 5
	reviewsOfOne   = 4
	users          = 6
	subrequestsOf1 = 3 // products, their reviews, the authors
)

// subgraphs are products 1 to 5, of each of which there are four reviews by six users.
func subgraphs() map[string]*subgraph {
	all := make([]object, users)
	for i := range all {
		id := strconv.Itoa(i + 1)
		all[i] = object{"__typename": "User", "id": id, "name": "User " + id}
	}
	userByID := func(r map[string]any) object { return among(all, "id", []any{r["id"]})[0] }
	return map[string]*subgraph{"products": productGraph(), "reviews": reviewGraph(), "users": {root: object{
		"__typename": "Query", "me": all[0],
		"users":     resolver(func(a map[string]any) any { return among(all, "id", a["ids"]) }),
		"_entities": entities(map[string]func(map[string]any) object{"User": userByID}),
	}}}
}

func productGraph() *subgraph {
	all := make([]object, products)
	for i := range all {
		upc := strconv.Itoa(i + 1)
		all[i] = object{"__typename": "Product", "upc": upc, "name": "Product " + upc, "price": 100 * (i + 1), "weight": 10 * (i + 1)}
	}
	byUPC := func(r map[string]any) object { return among(all, "upc", []any{r["upc"]})[0] }
	return &subgraph{root: object{
		"__typename": "Query", "topProducts": all,
		"product":   resolver(func(a map[string]any) any { return byUPC(a) }),
		"products":  resolver(func(a map[string]any) any { return among(all, "upc", a["upcs"]) }),
		"_entities": entities(map[string]func(map[string]any) object{"Product": byUPC}),
	}}
}

func reviewGraph() *subgraph {
	var all []object
	for n := 1; n <= products; n++ {
		for i := range reviewsOfOne {
			upc, author := strconv.Itoa(n), strconv.Itoa((n+i)%users+1)
			all = append(all, object{"__typename": "Review", "id": strconv.Itoa(10*n + i), "productUpc": upc, "authorId": author,
				"body":    fmt.Sprintf("A perfectly reasonable review, number %d", 10*n+i),
				"author":  object{"__typename": "User", "id": author},
				"product": object{"__typename": "Product", "upc": upc}})
		}
	}
	of := func(name, key, field string) func(map[string]any) object {
		return func(r map[string]any) object {
			return object{"__typename": name, key: r[key], "reviews": among(all, field, []any{r[key]})}
		}
	}
	return &subgraph{root: object{
		"__typename": "Query",
		"reviews":    resolver(func(a map[string]any) any { return among(all, "productUpc", a["productUpcs"]) }),
		"_entities": entities(map[string]func(map[string]any) object{
			"Product": of("Product", "upc", "productUpc"), "User": of("User", "id", "authorId")}),
	}}
}
