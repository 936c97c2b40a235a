package policy

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"
)

// Files of OPA's bundle format that make a directory a signed bundle.
const (
	ManifestFile   = ".manifest"
	SignaturesFile = ".signatures.json"
)

// signatureAlgorithm is the only one: Ed25519 (RFC 8037).
const signatureAlgorithm = "EdDSA"

// clockSkew is how far ahead of the gateway's clock a bundle may say it was signed.
const clockSkew = 5 * time.Minute

// Signatures says which bundles are believed: only those signed with the key pinned for their agency.
type Signatures struct {
	Keys   map[AgencyID]string // public keys, PEM (PKIX)
	MaxAge time.Duration       // since a bundle was signed; 0 for no limit
	// Newest is when the newest bundle was signed that was ever in force for an agency: one that was signed before it
	// has been replaced by its agency, and who brings it back is not the agency. Engine.Signed says what to keep.
	Newest map[AgencyID]time.Time
}

// manifest is what we write of OPA's .manifest.
type manifest struct {
	Revision string            `json:"revision"`
	Roots    []string          `json:"roots"`
	Metadata map[string]string `json:"metadata"`
}

// Sign makes the two files that turn an agency's directory into a signed bundle: the manifest, and over it and every
// other file a signature in OPA's format. key is a private key in PEM (PKCS 8). Whatever begins with a dot is no part
// of a bundle.
func Sign(agency AgencyID, files fs.FS, key string, now time.Time) (map[string][]byte, error) {
	m := manifest{Revision: now.UTC().Format(time.RFC3339), Roots: []string{"concordat/access/" + string(agency), "sets"},
		Metadata: map[string]string{"agency": string(agency), "signedAt": now.UTC().Format(time.RFC3339)}}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("policy: manifest: %w", err)
	}
	digest, err := contentDigest(ManifestFile, text)
	if err != nil {
		return nil, err
	}
	list := []bundle.FileInfo{bundle.NewFile(ManifestFile, digest, string(bundle.SHA256))}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if dotted(name) && entry.IsDir() {
			return fs.SkipDir
		}
		if dotted(name) || entry.IsDir() {
			return nil
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		digest, err := contentDigest(name, content)
		list = append(list, bundle.NewFile(name, digest, string(bundle.SHA256)))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("policy: sign %s: %w", agency, err)
	}
	token, err := bundle.GenerateSignedToken(list, bundle.NewSigningConfig(key, signatureAlgorithm, ""), string(agency))
	if err != nil {
		return nil, fmt.Errorf("policy: sign %s: %w", agency, err)
	}
	signatures, err := json.Marshal(bundle.SignaturesConfig{Signatures: []string{token}})
	return map[string][]byte{ManifestFile: text, SignaturesFile: signatures}, err
}

// contentDigest is OPA's: JSON by its values, everything else by its bytes.
func contentDigest(name string, content []byte) (string, error) {
	hash, err := bundle.NewSignatureHasher(bundle.SHA256)
	if err != nil {
		return "", err
	}
	var value any = content
	if bundle.IsStructuredDoc(name) {
		if err := util.Unmarshal(content, &value); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	sum, err := hash.HashFile(value)
	return hex.EncodeToString(sum), err
}

// signed is what a bundle's signature vouches for. The loader compares what it reads, as it reads it.
type signed struct {
	files map[string]bundle.FileInfo // not yet read
	at    time.Time
}

var (
	errSignature = errors.New("the bundle's signature")
	errReplaced  = errors.New("the bundle was replaced by a newer one before")
)

// verify checks a bundle's signature against the agency's key and the clock.
func (s *Signatures) verify(b Bundle, now time.Time) (*signed, error) {
	key, known := s.Keys[b.Agency]
	if !known {
		return nil, fmt.Errorf("%w: no key is pinned for %s", errSignature, b.Agency)
	}
	text, err := readBounded(b.Files, SignaturesFile, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w is missing", errSignature)
	}
	if err != nil {
		return nil, err
	}
	var config bundle.SignaturesConfig
	if err := json.Unmarshal(text, &config); err != nil || config.Plugin != "" {
		return nil, fmt.Errorf("%w cannot be read", errSignature)
	}
	id := string(b.Agency)
	pinned := bundle.NewVerificationConfig(map[string]*bundle.KeyConfig{id: {Key: key, Algorithm: signatureAlgorithm}}, id, "", nil)
	files, err := bundle.VerifyBundleSignature(config, pinned)
	if err != nil {
		return nil, fmt.Errorf("%w is not that of %s's key: %w", errSignature, b.Agency, err)
	}
	out := &signed{files: files}
	if err := out.readManifest(b, now, s.MaxAge); err != nil {
		return nil, err
	}
	if newest := s.Newest[b.Agency]; out.at.Before(newest) {
		return nil, fmt.Errorf("%w: it was signed at %s, and one of %s was in force; sign it anew to return to it", errReplaced,
			out.at.UTC().Format(time.RFC3339), newest.UTC().Format(time.RFC3339))
	}
	return out, nil
}

func (s *signed) readManifest(b Bundle, now time.Time, maxAge time.Duration) error {
	text, err := readBounded(b.Files, ManifestFile, maxFile)
	if err != nil {
		return fmt.Errorf("the bundle's manifest: %w", err)
	}
	if err := s.match(ManifestFile, text); err != nil {
		return err
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("the bundle's manifest: %w", err)
	}
	if m.Metadata["agency"] != string(b.Agency) {
		return fmt.Errorf("the bundle was signed as that of %q", m.Metadata["agency"])
	}
	if s.at, err = time.Parse(time.RFC3339, m.Metadata["signedAt"]); err != nil {
		return errors.New("the bundle's manifest does not say when it was signed")
	}
	switch {
	case s.at.After(now.Add(clockSkew)):
		return fmt.Errorf("the bundle says that it was signed at %s, which is to come", s.at.Format(time.RFC3339))
	case maxAge > 0 && now.Sub(s.at) > maxAge:
		return fmt.Errorf("the bundle was signed at %s, longer ago than %s", s.at.Format(time.RFC3339), maxAge)
	}
	return nil
}

// match takes a file as read; it must be what was signed.
func (s *signed) match(name string, content []byte) error {
	if err := bundle.VerifyBundleFile(name, *bytes.NewBuffer(content), s.files); err != nil {
		return fmt.Errorf("%s is not what was signed: %w", name, err)
	}
	return nil
}

// missing is a signed file that would have been read and is not there, "" for none.
func (s *signed) missing() string {
	for _, name := range sortedKeys(s.files) {
		if strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, "_test.rego") || path.Base(name) == "data.json" {
			return name
		}
	}
	return ""
}
