package agent

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Certificate wraps an identity key for TLS. The certificate says nothing that anybody believes: peers pin the key.
func Certificate(key ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "concordat"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // RFC 5280 4.1.2.5: no expiry
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// Pin names a public key in configuration: SHA-256, base64url.
func Pin(key ed25519.PublicKey) string {
	d := sha256.Sum256(key)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

var errPeerKey = errors.New("the peer shows no Ed25519 key that is expected")

// peerKey is the key a TLS peer has proved to hold.
func peerKey(state tls.ConnectionState) (ed25519.PublicKey, error) {
	if len(state.PeerCertificates) != 1 {
		return nil, errPeerKey
	}
	key, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, errPeerKey
	}
	return key, nil
}

// serverTLS asks every client for a key; which keys are known is the registry's business, after the handshake.
func serverTLS(c tls.Certificate) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		ClientAuth: tls.RequireAnyClientCert, SessionTicketsDisabled: true,
		VerifyConnection: func(s tls.ConnectionState) error { _, err := peerKey(s); return err },
	}
}

// clientTLS accepts exactly the pinned key. There are no authorities here, so the usual chain check is off and this
// takes its place; a session that resumes runs it too.
func clientTLS(c tls.Certificate, pin string) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			key, err := peerKey(s)
			if err == nil && Pin(key) != pin {
				err = errPeerKey
			}
			return err
		},
	}
}
