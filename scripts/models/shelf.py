"""Writes model files of the shelf (format: package comment of inference/tensor).

A file is: "CONCMDL1", u32 header length, u32 zero, JSON header, then each tensor at the next multiple of 64 bytes.
Types: f32; i8, with a float scale a row in the tensor NAME.scale; bytes.
"""
import hashlib
import json
import struct

import numpy as np

ALIGN = 64


def quantise(w):
    """Rows of a float matrix as signed bytes and one scale each: w ~ scale * q."""
    w = np.asarray(w, np.float32)
    top = np.maximum(np.abs(w).max(axis=1), 1e-30)
    scale = (top / 127).astype(np.float32)
    return np.rint(w / scale[:, None]).clip(-127, 127).astype(np.int8), scale


class Writer:
    def __init__(self, kind, meta):
        self.kind, self.meta, self.items = kind, meta, []

    def add(self, name, array):
        array = np.ascontiguousarray(array)
        kind = {"float32": "f32", "int8": "i8", "uint8": "bytes"}[str(array.dtype)]
        self.items.append((name, kind, list(array.shape), array.tobytes()))

    def add_int8(self, name, w):
        q, scale = quantise(w)
        self.add(name, q)
        self.add(name + ".scale", scale)

    def add_text(self, name, text):
        self.add(name, np.frombuffer(text.encode("utf-8"), np.uint8))

    def save(self, path):
        offset, tensors = 0, []
        for name, kind, shape, blob in self.items:
            offset = -(-offset // ALIGN) * ALIGN
            tensors.append({"name": name, "type": kind, "shape": shape, "offset": offset, "size": len(blob)})
            offset += len(blob)
        header = json.dumps({"kind": self.kind, "meta": self.meta, "tensors": tensors}, ensure_ascii=False,
                            sort_keys=True, separators=(",", ":")).encode("utf-8")
        header += b" " * (-(16 + len(header)) % ALIGN)
        out = bytearray(b"CONCMDL1" + struct.pack("<II", len(header), 0) + header)
        for t, (_, _, _, blob) in zip(tensors, self.items):
            out += b"\0" * (16 + len(header) + t["offset"] - len(out)) + blob
        with open(path, "wb") as f:
            f.write(out)
        digest = hashlib.sha256(out).hexdigest()
        print(f"{path} {len(out)} bytes sha256:{digest}")
        return digest


def bert(meta, vocab, get, layers, int8=True):
    """A BERT tagger. get(name) gives an array by its Hugging Face name without the `bert.` prefix."""
    w = Writer("bert", meta)
    add = w.add_int8 if int8 else w.add
    w.add_text("vocab", vocab)
    w.add_int8("word", get("embeddings.word_embeddings.weight"))
    w.add("position", get("embeddings.position_embeddings.weight"))
    w.add("shape", get("embeddings.token_type_embeddings.weight"))
    w.add("norm.gain", get("embeddings.LayerNorm.weight"))
    w.add("norm.shift", get("embeddings.LayerNorm.bias"))
    for n in range(layers):
        p = f"encoder.layer.{n}."
        qkv = [get(f"{p}attention.self.{x}.weight") for x in ("query", "key", "value")]
        add(f"{n}.qkv", np.concatenate(qkv))
        w.add(f"{n}.qkv.bias", np.concatenate([get(f"{p}attention.self.{x}.bias") for x in ("query", "key", "value")]))
        for ours, theirs in (("out", "attention.output.dense"), ("up", "intermediate.dense"), ("down", "output.dense")):
            add(f"{n}.{ours}", get(f"{p}{theirs}.weight"))
            w.add(f"{n}.{ours}.bias", get(f"{p}{theirs}.bias"))
        for ours, theirs in (("out.norm", "attention.output.LayerNorm"), ("down.norm", "output.LayerNorm")):
            w.add(f"{n}.{ours}.gain", get(f"{p}{theirs}.weight"))
            w.add(f"{n}.{ours}.shift", get(f"{p}{theirs}.bias"))
    w.add("classifier", get("classifier.weight"))
    w.add("classifier.bias", get("classifier.bias"))
    return w
