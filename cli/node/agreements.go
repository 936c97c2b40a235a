package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"concordat/federation"
	"concordat/federation/review"
	"concordat/policy"
	"concordat/policy/agreement"
	"concordat/policy/ledger"
)

// holds checks what was loaded against what is shared; its result is an error only where there are mistakes.
func (n *Node) holds(s *agreement.Set, c policy.Catalog) error {
	if found := s.Check(review.Shared{Catalog: c, Check: n.wire.Transforms.Check}); len(found) > 0 {
		return found
	}
	return nil
}

// publisher makes changes of agreements for the control plane. The watcher puts what is written in force.
type publisher struct{ node *Node }

func (p publisher) Check(ctx context.Context, s *agreement.Set) agreement.Mistakes {
	snapshot := federation.SnapshotFrom(ctx)
	if snapshot == nil {
		return agreement.Mistakes{{Message: errOutside.Error()}}
	}
	return s.Check(review.Shared{Catalog: snapshot.Supergraph.Catalog, Check: p.node.wire.Transforms.Check})
}

// Publish enters who changed what before the file is there: a version without its entry is never in force. An entry
// whose file could not be written is followed by no activation of that version.
func (p publisher) Publish(ctx context.Context, by policy.Subject, c *agreement.Change) error {
	sum := sha256.Sum256(c.Text)
	_, err := p.node.ledger.Append(ctx, ledger.Entry{Kind: ledger.Decision, Agreement: c.Agreement.ID, Purpose: by.Purpose,
		Subject: ledger.Subject{ID: by.ID, Organisation: by.Organisation, Client: by.Client},
		Extra: map[string]string{"agreementVersion": c.Agreement.Version, "agreementBefore": c.Before,
			"agreementDigest": hex.EncodeToString(sum[:])}})
	if err != nil {
		return fmt.Errorf("recording the change: %w", err)
	}
	return p.node.files.Write(c)
}

// versions says which versions a set holds, for the entry of its activation: those that differ from before.
func versions(now, before *agreement.Set) map[string]string {
	all := map[string]string{}
	for _, id := range now.IDs() {
		a, _ := now.Get(id)
		all[id] = a.Version
	}
	if before != nil {
		for _, id := range before.IDs() {
			was, _ := before.Get(id)
			if version, still := all[id]; !still {
				all[id] = "none"
			} else if version == was.Version {
				delete(all, id)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	var texts []string
	for _, id := range slices.Sorted(maps.Keys(all)) {
		texts = append(texts, id+"@"+all[id])
	}
	return map[string]string{"agreements": strings.Join(texts, " ")}
}
