package authn

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Paths that [WellKnown] answers.
const (
	JWKSPath     = "/.well-known/jwks.json"
	MetadataPath = "/.well-known/oauth-protected-resource"
)

// WellKnown serves the key set of the development issuer and the metadata of this protected resource (RFC 9728
// section 2). resource is the gateway's own URL. jwks gives the set as it is now; without a development issuer it is nil
// and its path is 404.
func WellKnown(resource string, issuers []string, jwks func() []byte) (http.Handler, error) {
	metadata, err := json.Marshal(map[string]any{
		"resource":                 resource,
		"authorization_servers":    issuers,
		"bearer_methods_supported": []string{"header"},
		// RFC 9728 section 2: which proofs of possession are taken for tokens that are bound to a key.
		"dpop_signing_alg_values_supported": strings.Fields(proofAlgorithms),
	})
	if err != nil {
		return nil, fmt.Errorf("protected resource metadata: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+MetadataPath, document(func() []byte { return metadata }, "application/json"))
	if jwks != nil {
		mux.Handle("GET "+JWKSPath, document(jwks, "application/jwk-set+json")) // RFC 7517 section 8.5
	}
	return mux, nil
}

func document(body func() []byte, contentType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(body()) // the client went away: nothing left to tell it
	}
}
