package console

import (
	"encoding/json"
	"net/http"
)

// world serves what the pages need to act as the demo's personas: bearer tokens among it, so it is never stored and
// never given to another site's page.
type world struct{ demo *DemoInfo }

func (h world) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !sameOrigin(r) {
		http.Error(w, "only for this origin's pages", http.StatusForbidden)
		return
	}
	body, err := json.Marshal(struct {
		Personas  []Persona         `json:"personas"`
		Questions []Question        `json:"questions"`
		Tokens    map[string]string `json:"tokens"`
	}{h.demo.Personas, h.demo.Questions, h.demo.Tokens()})
	if err != nil {
		http.Error(w, "the demo's questions cannot be encoded", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(body)
}

// sameOrigin refuses what a browser says comes from another site (Fetch Metadata, W3C). Programs send no such
// header: whoever can run one here reads the token file anyway.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return true
	}
	return false
}
