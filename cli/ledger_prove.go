package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"concordat/policy/ledger"

	"github.com/gowebpki/jcs"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ledgerAnswer is what a file says of a receipt: a whole answer, or the receipt alone.
type ledgerAnswer struct {
	receipt ledger.Receipt
	data    json.RawMessage // "null" where there is none
	whole   bool            // the file is an answer, so its data can be checked
}

// readLedgerAnswer tells a receipt from a GraphQL answer by its members. The file is brought to its RFC 8785 form first,
// which refuses repeated members, and names are compared exactly: two readers cannot see two different answers.
func readLedgerAnswer(path string) (ledgerAnswer, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return ledgerAnswer{}, err
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return ledgerAnswer{}, fmt.Errorf("%s: not a JSON receipt or answer", path)
	}
	file := jsonMembers(canonical)
	a := ledgerAnswer{data: json.RawMessage("null")}
	receipt := file
	if r, ok := jsonMembers(jsonMembers(file["extensions"])["concordat"])["receipt"]; ok {
		a.whole, receipt = true, jsonMembers(r)
		if file["data"] != nil {
			a.data = file["data"]
		}
	}
	if receipt["origin"] == nil || receipt["leaf"] == nil || receipt["index"] == nil {
		return ledgerAnswer{}, fmt.Errorf("%s: holds no receipt (extensions.concordat.receipt, or a receipt alone)", path)
	}
	r := &a.receipt
	for name, into := range map[string]any{"origin": &r.Origin, "index": &r.Index, "leaf": &r.Leaf, "digest": &r.Digest, "salt": &r.Salt} {
		if v := receipt[name]; v != nil && json.Unmarshal(v, into) != nil {
			return ledgerAnswer{}, fmt.Errorf("%s: the receipt's %s is malformed", path, name)
		}
	}
	if r.Index < 0 {
		return ledgerAnswer{}, fmt.Errorf("%s: the receipt's index is malformed", path)
	}
	return a, nil
}

// jsonMembers is an object's members, none where raw is no object.
func jsonMembers(raw json.RawMessage) (m map[string]json.RawMessage) {
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

func ledgerCheckpoint(c ledgerCall) error {
	place := ledgerPlaceFlags(c.flags)
	asJSON := c.flags.Bool("json", false, "print JSON")
	if _, err := c.parse(0, 0); err != nil {
		return err
	}
	log, verifier, err := place.open()
	if err != nil {
		return err
	}
	defer log.Close()
	checkpoint, err := log.Checkpoint(c.ctx, -1)
	if err != nil {
		return err
	}
	head, err := openHead(checkpoint, verifier)
	if err != nil {
		return err
	}
	if *asJSON {
		return printLedgerJSON(c.stdout, map[string]any{
			"origin": head.Origin, "size": head.Size, "root": head.Root.String(), "checkpoint": string(checkpoint), "verified": verifier != nil,
		})
	}
	_, err = c.stdout.Write(checkpoint)
	return err
}

// openHead checks the signature where a key is known.
func openHead(checkpoint []byte, v note.Verifier) (ledger.Head, error) {
	if v == nil {
		return ledger.ReadHead(checkpoint)
	}
	return ledger.OpenCheckpoint(checkpoint, v)
}

func printLedgerJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func ledgerProve(c ledgerCall) error {
	place := ledgerPlaceFlags(c.flags)
	out := c.flags.String("out", "", "write the proof to this file")
	args, err := c.parse(1, 1)
	if err != nil {
		return err
	}
	answer, err := readLedgerAnswer(args[0])
	if err != nil {
		return err
	}
	log, verifier, err := place.open()
	if err != nil {
		return err
	}
	defer log.Close()
	proof, err := log.Prove(c.ctx, answer.receipt)
	if err != nil {
		return err
	}
	if err := checkNewProof(proof, answer.receipt, verifier); err != nil {
		return err
	}
	return c.ledgerOutput(*out, func(w io.Writer) error {
		_, err := w.Write(proof.Format())
		return err
	})
}

// checkNewProof refuses to write a proof that would not verify, or is of another entry than the receipt's.
func checkNewProof(p ledger.Proof, r ledger.Receipt, v note.Verifier) error {
	head, err := openHead(p.Checkpoint, v)
	if err != nil {
		return err
	}
	leaf := tlog.RecordHash(p.Entry)
	if head.Origin != r.Origin || leaf.String() != r.Leaf {
		return errors.New("the log holds another entry at the receipt's index: it does not stand by this receipt")
	}
	return tlog.CheckRecord(tlog.RecordProof(p.Path), head.Size, head.Root, p.Index, leaf)
}

// ledgerVerdict is what verify found.
type ledgerVerdict struct {
	Verified bool            `json:"verified"`
	Error    string          `json:"error,omitempty"`
	Answer   string          `json:"answer,omitempty"` // "matches" where an answer was given
	Receipt  *ledger.Receipt `json:"receipt,omitempty"`
	Entry    *ledger.Entry   `json:"entry,omitempty"`
}

func ledgerVerify(c ledgerCall) error {
	key := c.flags.String("key", "", "verifier key, or a file that holds it (required)")
	asJSON := c.flags.Bool("json", false, "print JSON")
	args, err := c.parse(1, 2)
	if err != nil {
		return err
	}
	if *key == "" {
		return fmt.Errorf("%w: --key is required", errLedgerUse)
	}
	verdict, err := verifyLedgerFiles(args, *key)
	if err != nil {
		verdict = ledgerVerdict{Error: err.Error()}
	}
	if *asJSON {
		return errors.Join(err, printLedgerJSON(c.stdout, verdict))
	}
	if err != nil {
		return fmt.Errorf("NOT VERIFIED: %w", err)
	}
	return verdict.print(c.stdout)
}

func verifyLedgerFiles(args []string, key string) (ledgerVerdict, error) {
	verifier, err := ledgerKey(key)
	if err != nil {
		return ledgerVerdict{}, err
	}
	file, err := os.ReadFile(args[0])
	if err != nil {
		return ledgerVerdict{}, err
	}
	proof, err := ledger.ParseProof(file)
	if err != nil {
		return ledgerVerdict{}, err
	}
	entry, receipt, err := proof.Verify(verifier)
	if err != nil {
		return ledgerVerdict{}, err
	}
	v := ledgerVerdict{Verified: true, Receipt: &receipt, Entry: &entry}
	if len(args) == 2 {
		v.Answer = "matches"
		err = verifyLedgerAnswer(args[1], entry, receipt)
	}
	return v, err
}

// verifyLedgerAnswer checks that the answer carries the proved entry's receipt, and that its data is what was answered.
func verifyLedgerAnswer(path string, entry ledger.Entry, proved ledger.Receipt) error {
	a, err := readLedgerAnswer(path)
	if err != nil {
		return err
	}
	r := a.receipt
	if r.Origin != proved.Origin || r.Index != proved.Index || r.Leaf != proved.Leaf {
		return errors.New("the answer's receipt is of another entry than the proof")
	}
	if !a.whole {
		return nil // a receipt alone: there is no data to compare
	}
	if r.Digest != entry.Digest && (r.Digest != "" || string(a.data) != "null") {
		return fmt.Errorf("%w: the receipt's digest is not the entry's", ledger.ErrAnswer)
	}
	if r.Digest == "" {
		return nil // allowed only where there is no data
	}
	return ledger.VerifyAnswer(entry, r.Salt, a.data)
}

func (v ledgerVerdict) print(w io.Writer) error {
	e := v.Entry
	fmt.Fprintf(w, "verified: entry %d of %s\n", v.Receipt.Index, v.Receipt.Origin)
	for _, line := range [][2]string{
		{"kind", e.Kind}, {"time", e.Time.Format(time.RFC3339Nano)}, {"code", e.Code},
		{"subject", e.Subject.ID}, {"organisation", e.Subject.Organisation}, {"client", e.Subject.Client},
		{"agreement", e.Agreement}, {"purpose", e.Purpose}, {"request", e.RequestID},
		{"policy", e.PolicyRevision}, {"schema", e.SchemaRevision}, {"answer", v.Answer},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "  %-12s %s\n", line[0], printable(line[1]))
		}
	}
	for _, o := range e.Obligations {
		fmt.Fprintf(w, "  %-12s %s %s\n", "obligation", printable(o.Coordinate), printable(o.Method))
	}
	return nil
}
