#!/usr/bin/env python3
"""Writes inference/score/testdata/seqeval.json: random tags and seqeval's strict figures.

    pip install seqeval && python make_score_vectors.py inference/score/testdata/seqeval.json
"""
import json
import random
import sys
import warnings

from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

warnings.simplefilter("ignore")
TAGS = ["O", "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def figures(r):
    return {"precision": float(r["precision"]), "recall": float(r["recall"]), "f1": float(r["f1-score"]),
            "support": int(r["support"])}


def main():
    rng, out = random.Random(5), []
    for _ in range(12):
        gold = [[rng.choice(TAGS) for _ in range(rng.randint(1, 12))] for _ in range(20)]
        pred = [[t if rng.random() < 0.8 else rng.choice(TAGS) for t in s] for s in gold]
        r = classification_report(gold, pred, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
        out.append({"gold": gold, "predicted": pred, "micro": figures(r["micro avg"]),
                    "types": {k: figures(v) for k, v in r.items() if " avg" not in k}})
    with open(sys.argv[1], "w", encoding="utf-8") as f:
        json.dump(out, f)
        f.write("\n")


if __name__ == "__main__":
    main()
