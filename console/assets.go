package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed pages assets vendor
var embedded embed.FS

// asset is one file in memory, ready to send. A packed asset is gzip data.
type asset struct {
	mediaType string
	body      []byte
	packed    bool
	etag      string
}

// newAssets reads every script, style and image, by base name.
func newAssets() http.Handler {
	files := assets{}
	for _, folder := range []string{"assets", "vendor"} {
		entries, err := fs.ReadDir(embedded, folder)
		if err != nil {
			panic(err) // embedded at build time
		}
		for _, entry := range entries {
			body, err := fs.ReadFile(embedded, path.Join(folder, entry.Name()))
			if err != nil {
				panic(err)
			}
			name, packed := strings.CutSuffix(entry.Name(), ".gz")
			files[name] = newAsset(name, body, packed)
		}
	}
	return files
}

type assets map[string]*asset

func (files assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	file.ServeHTTP(w, r)
}

func newAsset(name string, body []byte, packed bool) *asset {
	sum := sha256.Sum256(body)
	return &asset{
		mediaType: mediaType(path.Ext(name)),
		body:      body,
		packed:    packed,
		etag:      base64.RawURLEncoding.EncodeToString(sum[:16]),
	}
}

// mediaType is our own table: what the host's MIME files say must not decide how a browser reads a script.
func mediaType(extension string) string {
	switch extension {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return "text/plain; charset=utf-8"
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Type", a.mediaType)
	header.Set("Cache-Control", "no-cache") // kept, but asked for again: a new binary shows at once
	body, etag := a.body, a.etag
	if a.packed {
		header.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			header.Set("Content-Encoding", "gzip")
			etag += "-gz"
		} else {
			body = unpack(body)
		}
	}
	header.Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reads Accept-Encoding (RFC 9110 section 12.5.3) as far as this choice needs: gzip named, not refused.
func acceptsGzip(r *http.Request) bool {
	for term := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(term, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		weight = strings.ReplaceAll(weight, " ", "")
		return strings.Trim(strings.TrimPrefix(strings.ToLower(weight), "q="), "0.") != "" || weight == ""
	}
	return false
}

func unpack(packed []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(err) // embedded at build time, read by a test
	}
	body, err := io.ReadAll(reader)
	if err != nil {
		panic(err)
	}
	return body
}

// page renders an HTML page once: nothing on it depends on the visitor.
func page(name string, demo bool) http.Handler {
	pages := template.Must(template.ParseFS(embedded, "pages/*.html"))
	var body bytes.Buffer
	if err := pages.ExecuteTemplate(&body, name+".html", struct{ Demo bool }{demo}); err != nil {
		panic(err) // the pages are embedded and their data is constant
	}
	return newAsset(name+".html", body.Bytes(), false)
}
