package node

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"concordat/policy"
	"concordat/policy/authn"
)

// AddressFile holds, in the state directory of a gateway that serves, the URL that it answers at.
const AddressFile = "address"

// gate is the authenticator in force. A rotated key set is another one, with which every token is verified again; the
// proofs that were taken are remembered over it.
type gate struct {
	current atomic.Pointer[authn.Authenticator]
	trusted atomic.Pointer[[]authn.Trusted]
}

// Authenticate is that of the authenticator in force.
func (g *gate) Authenticate(r *http.Request) (policy.Subject, error) {
	return g.current.Load().Authenticate(r)
}

// trust puts the keys of issuers in force.
func (n *Node) trust(issuers []authn.Trusted) error {
	fresh, err := authn.New(authn.Options{Issuers: issuers, Denylist: authn.StoredDenylist(n.store, time.Now), Proofs: n.proofs})
	if err != nil {
		return fmt.Errorf("issuers: %w", err)
	}
	n.auth.current.Store(fresh)
	n.auth.trusted.Store(&issuers)
	return nil
}

// retrust looks for rotated keys. What cannot be read is logged; the keys in force stay.
func (n *Node) retrust() {
	if n.wire.Issuers == nil {
		return
	}
	issuers, err := n.wire.Issuers()
	changed := err == nil && !authn.SameIssuers(issuers, *n.auth.trusted.Load())
	if changed {
		err = n.trust(issuers)
	}
	switch {
	case err != nil:
		n.log.Error("the issuers' keys; those in force stay", "cause", err)
	case changed:
		n.log.Info("rotated keys are in force")
	}
}

// announce says where this gateway answers: in its state directory, and to the proofs of possession, which name a URL. The
// address of the listener itself is one of a gateway's URLs only on this machine.
func (n *Node) announce(l net.Listener) (withdraw func(), err error) {
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return func() {}, nil
	}
	if address.IP.IsLoopback() {
		n.proofs.Accept("http://" + address.String())
		n.proofs.Accept(fmt.Sprintf("http://localhost:%d", address.Port))
	}
	file := filepath.Join(n.config.State, AddressFile)
	if err := os.WriteFile(file, []byte("http://"+reachable(address)+"/\n"), 0o644); err != nil {
		return nil, fmt.Errorf("address file: %w", err)
	}
	return func() { _ = os.Remove(file) }, nil // one that stays names a gateway that does not answer
}

// reachable is where a caller on this machine finds a listener.
func reachable(a *net.TCPAddr) string {
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("127.0.0.1:%d", a.Port)
	}
	return a.String()
}
