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

// question is one request: a document and the JSON object of its variables, "" for none.
type question struct{ document, variables string }

func (q question) body() []byte {
	b := appendString([]byte(`{"query":`), q.document)
	if q.variables != "" {
		b = append(append(b, `,"variables":`...), q.variables...)
	}
	return append(b, '}')
}

// ask sends one question and appends its rows. Cancelling ctx closes the connection.
func (s *Source) ask(ctx context.Context, q question, e *entities, rows *privacy.Table) error {
	body, err := s.answer(ctx, q)
	if err != nil {
		return err
	}
	return decode(body, e, rows, s.MaxScan)
}

// answer is the body of the answer to one question.
func (s *Source) answer(ctx context.Context, q question) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	body, err := s.post(ctx, q)
	if err != nil && ctx.Err() != nil {
		return nil, source.Ended(ctx.Err())
	}
	return body, err
}

// request writes the question. Where the service wants a token and there is none to be had, it is not asked.
func (s *Source) request(ctx context.Context, q question) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(q.body()))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", source.ErrInvalid, err)
	}
	for name, value := range s.Headers {
		r.Header.Set(name, value)
	}
	if s.Audience != "" {
		token, err := source.Token(ctx, s.Audience)
		if err != nil {
			return nil, fmt.Errorf("a token for the source: %w: %w", source.ErrUnavailable, err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json, application/json")
	return r, nil
}

// post returns the body of a successful answer.
func (s *Source) post(ctx context.Context, q question) ([]byte, error) {
	r, err := s.request(ctx, q)
	if err != nil {
		return nil, err
	}
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
