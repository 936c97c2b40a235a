package resolvers

import "github.com/vektah/gqlparser/v2/gqlerror"

// refuse makes an error with a stable code. The message is ours alone: no value of the request and no text of an
// inner error goes into it. It is made anew each time, because the executor writes the path into it.
func refuse(code, message string) error {
	return &gqlerror.Error{Message: message, Extensions: map[string]any{"code": code}}
}

// failed is refuse with the cause kept for the log; gqlerror never encodes it.
func failed(code, message string, cause error) error {
	return &gqlerror.Error{Message: message, Err: cause, Extensions: map[string]any{"code": code}}
}
