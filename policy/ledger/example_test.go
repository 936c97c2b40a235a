package ledger_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"

	"concordat/policy/ledger"
	"concordat/state"

	"golang.org/x/mod/sumdb/note"
)

// An answer is recorded before it leaves; later its receipt is turned into a proof, and the proof is checked with the
// public key alone.
func Example() {
	skey, vkey, err := ledger.GenerateKey("gateway.example/ledger")
	if err != nil {
		log.Fatal(err)
	}
	signer, _ := note.NewSigner(skey)
	verifier, _ := note.NewVerifier(vkey)
	store, err := state.Open(state.Options{InMemory: true})
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	book, err := ledger.Open(store, ledger.Options{Origin: signer.Name(), Signer: signer, Verifier: verifier})
	if err != nil {
		log.Fatal(err)
	}

	data := []byte(`{"admissions":[]}`)
	salt, err := ledger.NewSalt(rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	receipt, err := book.Append(context.Background(), ledger.Entry{Kind: ledger.Answer, Digest: ledger.Digest(data, salt)})
	if err != nil {
		log.Fatal(err) // no receipt, no data
	}
	receipt.Salt = ledger.EncodeSalt(salt)

	proof, err := book.Prove(context.Background(), receipt.Index)
	if err != nil {
		log.Fatal(err)
	}
	entry, proved, err := ledger.Verify(proof, vkey)
	fmt.Println(err, proved.Leaf == receipt.Leaf, ledger.VerifyAnswer(entry, receipt.Salt, data))
	// Output: <nil> true <nil>
}
