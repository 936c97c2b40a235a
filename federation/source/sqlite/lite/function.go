package lite

import (
	"encoding/binary"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// Hash is what the SQL function `hashed` computes of a text.
type Hash func(text []byte) int64

// hashed is the SQL function hashed(slot, x): the hash in that slot of x as text; NULL of NULL, and of a slot that is
// not set. Hashes are set for one run at a time, so that a statement's text is the same whatever its keys are.
type hashed struct {
	hashes []Hash
	call   func(tls *libc.TLS, ctx uintptr, argc int32, argv uintptr)
}

// SetHashes says what hashed computes until it is called again: in the next run, or in none.
func (c *Conn) SetHashes(hashes []Hash) { c.hashed.hashes = hashes }

// define registers the function. SQLite keeps a pointer to a Go function value; the connection keeps the value alive,
// and Go does not move what lives on its heap.
func (c *Conn) define() error {
	h := &hashed{}
	h.call = h.answer
	c.hashed = h
	name, err := libc.CString("hashed")
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	const flags = lib.SQLITE_UTF8 | lib.SQLITE_DETERMINISTIC | lib.SQLITE_DIRECTONLY // the file's own views may not call it
	rc := lib.Xsqlite3_create_function_v2(c.tls, c.db, name, 2, flags, 0, pointer(&h.call), 0, 0, 0)
	if rc != lib.SQLITE_OK {
		return c.fail(rc)
	}
	return nil
}

// pointer is a Go function value as the library calls it (https://golang.org/s/go11func): the same conversion as in
// modernc.org/sqlite.
func pointer(f *func(*libc.TLS, uintptr, int32, uintptr)) uintptr {
	return *(*uintptr)(unsafe.Pointer(f))
}

func (h *hashed) answer(tls *libc.TLS, ctx uintptr, _ int32, argv uintptr) {
	first, second := argument(argv, 0), argument(argv, 1)
	slot := int(lib.Xsqlite3_value_int64(tls, first))
	text := lib.Xsqlite3_value_text(tls, second)
	if text == 0 || slot < 0 || slot >= len(h.hashes) {
		lib.Xsqlite3_result_null(tls, ctx)
		return
	}
	n := lib.Xsqlite3_value_bytes(tls, second)
	lib.Xsqlite3_result_int64(tls, ctx, h.hashes[slot](libc.GoBytes(text, int(n))))
}

// argument reads a pointer of an array of the library.
func argument(argv uintptr, i int) uintptr {
	const size = int(unsafe.Sizeof(argv))
	at := libc.GoBytes(argv+uintptr(size*i), size)
	if size == 4 {
		return uintptr(binary.NativeEndian.Uint32(at))
	}
	return uintptr(binary.NativeEndian.Uint64(at))
}
