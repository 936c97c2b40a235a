"""BERT's uncased WordPiece with character offsets and a shape for every piece.

The Go tokeniser (inference/ner) does the same; its tests compare the two.
A basic token is a run of letters, marks and digits, or one punctuation mark, symbol or Chinese character.
"""
import unicodedata

SHAPES = 8  # rows of the token-type table


def load_vocab(path):
    with open(path, encoding="utf-8") as f:
        return {line.rstrip("\n"): i for i, line in enumerate(f)}


def shape(word):
    """0 lower or caseless, 1 Capitalised, 2 ALL CAPS, 3 mIxed, 4 digits, 5 one capital, 6 letters and digits, 7 mark."""
    has_digit = any(c.isdigit() for c in word)
    has_alpha = any(c.isalpha() for c in word)
    if not has_alpha:
        return 4 if has_digit else 7
    if has_digit:
        return 6
    upper = [c.isupper() for c in word]
    if not any(upper):
        return 0
    if len(word) == 1:
        return 5
    if all(upper):
        return 2
    return 1 if upper[0] and not any(upper[1:]) else 3


def _is_cjk(o):
    return (0x4E00 <= o <= 0x9FFF or 0x3400 <= o <= 0x4DBF or 0x20000 <= o <= 0x2FA1F
            or 0xF900 <= o <= 0xFAFF)


def _is_mark(ch):
    o = ord(ch)
    if 33 <= o <= 47 or 58 <= o <= 64 or 91 <= o <= 96 or 123 <= o <= 126:
        return True
    return unicodedata.category(ch).startswith("P")


def basic(text):
    """Yields (start, end) of each basic token, in characters."""
    start = None
    for i, ch in enumerate(text):
        cat = unicodedata.category(ch)
        space = ch.isspace() or ch in "\t\n\r" or cat == "Zs"
        alone = _is_mark(ch) or _is_cjk(ord(ch))
        if space or alone:
            if start is not None:
                yield start, i
                start = None
            if alone:
                yield i, i + 1
        elif start is None:
            start = i
    if start is not None:
        yield start, len(text)


def fold(word):
    """Lower case, accents and control characters removed (BERT's basic tokeniser)."""
    out = []
    for ch in unicodedata.normalize("NFD", word.lower()):
        cat = unicodedata.category(ch)
        if cat == "Mn" or cat in ("Cc", "Cf") or ch == "\ufffd":
            continue
        out.append(ch)
    return "".join(out)


def pieces(vocab, word, unk):
    """Greedy longest match; a word over 100 characters or without a match is one unknown piece."""
    if len(word) > 100:
        return [unk]
    out, start = [], 0
    while start < len(word):
        end, found = len(word), None
        while end > start:
            sub = word[start:end] if start == 0 else "##" + word[start:end]
            if sub in vocab:
                found = vocab[sub]
                break
            end -= 1
        if found is None:
            return [unk]
        out.append(found)
        start = end
    return out
