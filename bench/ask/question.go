package main

import "encoding/json"

// question is what both servers are asked: twenty stays, the patient of each, and the conditions of each.
const question = `query Ask($ward: String!, $first: Int!) {
  admissions(where: {ward: {eq: $ward}}, orderBy: [{field: id}], first: $first) {
    nodes {
      id ward admittedOn diagnosis daysInHospital patientId
      patient { nationalId name sex birthDate postcode districtId }
      conditions(orderBy: [{field: id}], first: 10) { nodes { id code description onset } }
    }
  }
}
`

const (
	ward  = "Respiratory"
	first = 20
)

// body is the request, the same for both.
func body() []byte {
	text, err := json.Marshal(map[string]any{"query": question, "variables": map[string]any{"ward": ward, "first": first}})
	if err != nil {
		panic(err) // texts and a number
	}
	return text
}

// answer is the part of a reply that the two servers have in common: what no policy changes.
type answer struct {
	Data struct {
		Admissions struct {
			Nodes []struct {
				ID        string `json:"id"`
				Diagnosis string `json:"diagnosis"`
				Days      *int   `json:"daysInHospital"`
				Patient   *struct {
					Sex      string `json:"sex"`
					District string `json:"districtId"`
				} `json:"patient"`
				Conditions struct {
					Nodes []struct {
						ID   string `json:"id"`
						Code string `json:"code"`
					} `json:"nodes"`
				} `json:"conditions"`
			} `json:"nodes"`
		} `json:"admissions"`
	} `json:"data"`
	Errors     []json.RawMessage `json:"errors"`
	Extensions struct {
		Concordat struct {
			Receipt struct {
				Leaf string `json:"leaf"`
			} `json:"receipt"`
			Obligations []json.RawMessage `json:"obligations"`
		} `json:"concordat"`
	} `json:"extensions"`
}
