"""A BERT encoder with a token-classification head, with the tensor names that the Hugging Face files use."""
import json
import struct

import torch
from torch import nn
from torch.nn import functional as F


def read_safetensors(path):
    with open(path, "rb") as f:
        blob = f.read()
    size = struct.unpack("<Q", blob[:8])[0]
    header = json.loads(blob[8:8 + size])
    out = {}
    for name, t in header.items():
        if name == "__metadata__" or t["dtype"] != "F32":
            continue
        a, b = t["data_offsets"]
        out[name] = torch.frombuffer(bytearray(blob[8 + size + a:8 + size + b]), dtype=torch.float32).reshape(t["shape"])
    return out


class Layer(nn.Module):
    def __init__(self, width, heads, inner, drop):
        super().__init__()
        self.heads, self.drop = heads, drop
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out, self.out_norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.down_norm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, x, mask):
        b, t, w = x.shape
        split = lambda y: y.view(b, t, self.heads, w // self.heads).transpose(1, 2)
        p = self.drop if self.training else 0.0
        a = F.scaled_dot_product_attention(split(self.query(x)), split(self.key(x)), split(self.value(x)),
                                           attn_mask=mask, dropout_p=p)
        a = self.out(a.transpose(1, 2).reshape(b, t, w))
        x = self.out_norm(x + F.dropout(a, self.drop, self.training))
        f = self.down(F.gelu(self.up(x)))
        return self.down_norm(x + F.dropout(f, self.drop, self.training))


class Tagger(nn.Module):
    def __init__(self, vocab, labels, types, width=384, heads=12, inner=1536, layers=6, positions=512, drop=0.1):
        super().__init__()
        self.drop = drop
        self.word = nn.Embedding(vocab, width)
        self.position = nn.Embedding(positions, width)
        self.shape = nn.Embedding(types, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.layers = nn.ModuleList(Layer(width, heads, inner, drop) for _ in range(layers))
        self.classifier = nn.Linear(width, labels)

    def forward(self, ids, shapes, mask):
        pos = torch.arange(ids.shape[1], device=ids.device)
        x = self.norm(self.word(ids) + self.position(pos) + self.shape(shapes))
        x = F.dropout(x, self.drop, self.training)
        m = mask[:, None, None, :]
        for layer in self.layers:
            x = layer(x, m)
        return self.classifier(F.dropout(x, self.drop, self.training))


NAMES = {"attention.self.query": "query", "attention.self.key": "key", "attention.self.value": "value",
         "attention.output.dense": "out", "attention.output.LayerNorm": "out_norm",
         "intermediate.dense": "up", "output.dense": "down", "output.LayerNorm": "down_norm"}


def load_encoder(model, path):
    """Fills the encoder from a Hugging Face file; every row of the shape table starts as token type 0."""
    have = read_safetensors(path)
    state = model.state_dict()
    state["word.weight"] = have["embeddings.word_embeddings.weight"]
    state["position.weight"] = have["embeddings.position_embeddings.weight"]
    types = have["embeddings.token_type_embeddings.weight"][:1].repeat(model.shape.weight.shape[0], 1)
    state["shape.weight"] = types + 0.01 * torch.randn_like(types) * (torch.arange(len(types)) > 0)[:, None]
    for k in ("weight", "bias"):
        state["norm." + k] = have["embeddings.LayerNorm." + k]
        for n in range(len(model.layers)):
            for theirs, ours in NAMES.items():
                state[f"layers.{n}.{ours}.{k}"] = have[f"encoder.layer.{n}.{theirs}.{k}"]
    model.load_state_dict(state)
