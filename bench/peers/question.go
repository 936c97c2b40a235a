package main

import "encoding/json"

// question is one that every server is asked in its own words. The answers hold the same rows and columns.
type question struct {
	name                        string
	gateway, postgraphile, path string // path: of the server by hand
	ids                         int    // a number up to this one is drawn for every request
}

var questions = []question{
	{"q1",
		`query Q1($id: Int!) { artist(id: $id) { name albums(first: 100) { nodes { title
			tracks(first: 100) { nodes { name composer milliseconds genre { name } } } } } } }`,
		`query Q1($id: Int!) { artistByArtistId(artistId: $id) { name albumsByArtistId(first: 100) { nodes { title
			tracksByAlbumId(first: 100) { nodes { name composer milliseconds genreByGenreId { name } } } } } } }`,
		"q1", 1000},
	{"q2",
		`query Q2($id: Int!) { track(id: $id) { id name milliseconds composer } }`,
		`query Q2($id: Int!) { trackByTrackId(trackId: $id) { trackId name milliseconds composer } }`,
		"q2", 1000},
	{"q3",
		`query Q3($id: Int!) { customers(where: {id: {gt: $id}}, orderBy: [{field: id}], first: 20) { nodes { firstName lastName email
			invoices(first: 5) { nodes { date total lines(first: 100) { nodes { unitPrice quantity track { name milliseconds } } } } } } } }`,
		`query Q3($id: Int!) { allCustomers(orderBy: PRIMARY_KEY_ASC, offset: $id, first: 20) { nodes { firstName lastName email
			invoicesByCustomerId(first: 5) { nodes { invoiceDate total invoiceLinesByInvoiceId(first: 100) { nodes { unitPrice quantity
			trackByTrackId { name milliseconds } } } } } } } }`,
		"q3", 100},
}

// body is the request, with the place where the number goes.
func body(query string) string {
	text, err := json.Marshal(query)
	if err != nil {
		panic(err) // a text
	}
	return `{"query":` + string(text) + `,"variables":{"id":@ID@}}`
}
