package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// invitation is what a gateway answers an invitation with.
type invitation struct {
	Agency  string `json:"agency"`
	Code    string `json:"code"`
	Key     string `json:"key"` // the pin of the gateway's own key
	Expires int    `json:"expires_in"`
}

// agentInvite asks a running gateway for a one-time code: what the agency's operator puts into agent.yaml.
func agentInvite(ctx context.Context, args []string, w *Wire) int {
	flags := flag.NewFlagSet("agent invite", flag.ContinueOnError)
	flags.SetOutput(w.Stderr)
	gateway := flags.String("gateway", "", "`URL` of the gateway")
	token := flags.String("token", "", "`reference` (env:NAME or file:PATH) to an access token with the scope agents:write")
	asJSON := flags.Bool("json", false, "print JSON")
	if len(args) == 0 || strings.HasPrefix(args[0], "-") {
		fmt.Fprint(w.Stderr, agentUsage)
		return exitUsage
	}
	if code, ok := parsed(flags, args[1:]); !ok {
		return code
	}
	bearer, err := secret(*token, ".", w.Getenv)
	if err != nil {
		return failed(w, fmt.Errorf("--token: %w", err))
	}
	i, err := requestInvitation(ctx, *gateway, args[0], strings.TrimSpace(bearer))
	if err != nil {
		return failed(w, err)
	}
	if *asJSON {
		err = json.NewEncoder(w.Stdout).Encode(i)
	} else {
		_, err = fmt.Fprintf(w.Stdout, "agency  %s\ncode    %s\ngateway %s\nuse the code within %s: a link that shows it enrols the agent's key under that name\n",
			i.Agency, i.Code, i.Key, time.Duration(i.Expires)*time.Second)
	}
	if err != nil {
		return failed(w, err)
	}
	return exitDone
}

var errInvitation = errors.New("the gateway gave no invitation")

func requestInvitation(ctx context.Context, gateway, agency, token string) (i invitation, err error) {
	address, err := url.JoinPath(gateway, "agents", url.PathEscape(agency), "invitations")
	if err != nil {
		return i, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, nil)
	if err != nil {
		return i, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Timeout: 30 * time.Second}
	response, err := client.Do(r)
	if err != nil {
		return i, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return i, json.NewDecoder(io.LimitReader(response.Body, 1<<16)).Decode(&i)
	case http.StatusUnauthorized:
		return i, fmt.Errorf("%w: the token does not hold agents:write", errInvitation)
	case http.StatusNotFound:
		return i, fmt.Errorf("%w: no agency of that name holds rows there, or it takes no agents", errInvitation)
	}
	return i, fmt.Errorf("%w: status %d", errInvitation, response.StatusCode)
}
