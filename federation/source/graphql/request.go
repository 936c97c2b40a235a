package graphql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"concordat/federation/source"
	"concordat/privacy"
)

// ask sends one document and appends its rows. Cancelling ctx closes the connection.
func (s *Source) ask(ctx context.Context, text string, rows *privacy.Table) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	body, err := s.post(ctx, text)
	if err != nil {
		if ctx.Err() != nil {
			return source.Ended(ctx.Err())
		}
		return err
	}
	return decode(body, rows, s.MaxScan)
}

// post returns the body of a successful answer.
func (s *Source) post(ctx context.Context, text string) ([]byte, error) {
	question := append(appendString([]byte(`{"query":`), text), '}')
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(question))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json, application/json")
	answer, err := s.client.Do(r)
	if err != nil {
		return nil, unreachable(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d: %w", answer.StatusCode, source.ErrUnavailable)
	}
	if !isJSON(answer.Header.Get("Content-Type")) {
		return nil, fmt.Errorf("the answer is not JSON: %w", source.ErrInvalid)
	}
	body, err := read(answer, s.MaxBody+1)
	if err != nil {
		return nil, unreachable(err)
	}
	if int64(len(body)) > s.MaxBody {
		return nil, fmt.Errorf("more than %d bytes: %w", s.MaxBody, source.ErrTooLarge)
	}
	return body, nil
}

// trusted is how much is set aside for an answer because it says that it will be that long.
const trusted = 64 << 10

// read takes the body, up to most bytes, into a buffer that need not grow where the answer says its length.
func read(answer *http.Response, most int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, bytes.MinRead+min(max(answer.ContentLength, 0), trusted)))
	_, err := b.ReadFrom(io.LimitReader(answer.Body, most))
	return b.Bytes(), err
}

func unreachable(err error) error {
	var t interface{ Timeout() bool }
	if errors.As(err, &t) && t.Timeout() {
		return fmt.Errorf("%w: %w", source.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", source.ErrUnavailable, err)
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == "application/json" || media == "application/graphql-response+json")
}
