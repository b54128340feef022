#!/usr/bin/env python3
"""Writes token_cases.json: make_token_cases.py [FOLDER]

Texts where tokenizers differ, with the ids that Hugging Face's `tokenizers` gives for them: with the
goldens' tokenizer.json, and with variants of it that published folders may have. Each variant says
what it changes in that file. Needs tokenizers 0.23.
"""

import json
import os
import random
import sys

from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "goldens/wan21-t2v/model/tokenizer/tokenizer.json")

PLAIN = [
    "", " ", "a", " a", "a ", "  two  spaces  ", "tab\tand\nline", "\u2581", "\u2581\u2581x", "a\u2581b", "x \u2581 y",
    "rimerimerimerimerimerimerimerimerime", "dredredredredredredre", "rimerimerimerimerime", "!!!!!!!!!!", "hmmmmmmmm",
    "windqatherconesらriseva洋Eclojviaincameralowtr景irße灯台toweragainuntlll火",
    "\u00bd\u0301", "\ufb01\u0301", "\ufb01\u0301\u0301", "e\u0301", "e\u0301\u0302\u0303", "\u2122\ufe0f", "\u00a9\ufe0f",
    "\u00aa\u0303b", "か\u3099", "ｶﾞ", "\u2460\u20e3", "\r\n", "a\r\nb", "\u1112\u1161\u11ab", "한글", "\uac00\u0301", "क्त",
    "\u0915\u094d\u0937\u0301", "\u0958\u0301", "\u0600\u00bd", "\U0001f1e6\U0001f1e7\U0001f1e8", "\u00a9\u200d\u00ae",
    "\U0001f469\u200d\U0001f680", "开dr¯泧㍈\u0349zint\u0309", "ﱺugba🥻１\u0350n슰wA", "\ufdfa", "\u3000a\u3000", "a\x85", "a\x0b ",
    "\u200b", "\ufeff", "\u00a0", "a\x01b", "\u00ad", "\ufffd",
    "</s>", "<pad>x", "x<unk>y", " <s> ", "a </s> b", "a</s>b", "</s></s>", "</s", "</S>", "<extra_id_0>", "<extra_id_299>",
    "<extra_id_300>", "<extra_id_0", "<<extra_id_7>>", "﹤s﹥", "﹤extra_id_7﹥", "﹤unk﹥", "＜unk＞", "日本<unk>語", "\U00010480\U00010481",
    "x\U00010480\U00010481y z\U00010482", "<0x41>",
]
MARKED = ["a[L] b", "a [L]b", "a  [L]  [L]b", "a [R] b", "[R]  [R]", " [LR] ", "a\u3000[LR]\tb", "x[N]y", "x ［Ｎ］ y", "[N][L]",
          "a [n] b", "[LONG", "[LONGER]", "[LONG]", " [N] ", "ab[L][R] [N]\u00a0[LR]", "</s> [L] </s>"]


def added(content, token, **flags):
    base = {"id": token, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": False}
    return {**base, **flags}


TOKENS = [added("[L]", 900, lstrip=True), added("[R]", 901, rstrip=True), added("[LR]", 902, lstrip=True, rstrip=True),
          added("[N]", 903, normalized=True), added("[LONG", 904), added("[LONGER]", 905),
          added("Old", 906, normalized=True, lstrip=True)]
METASPACE = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
VARIANTS = [
    {"name": "golden", "strings": PLAIN},
    {"name": "flags", "added": TOKENS, "strings": MARKED + ["the Old  man", "Older Old", "x\tOld"]},
    {"name": "white", "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, METASPACE]},
     "strings": PLAIN},
    {"name": "first", "pre_tokenizer": {**METASPACE, "prepend_scheme": "first"}, "added": TOKENS,
     "strings": MARKED + PLAIN},
    {"name": "bare", "normalizer": True, "strings": PLAIN},
    {"name": "bytes", "byte_fallback": True, "strings": PLAIN},
]


def vary(base, variant):
    """The same changes as vary () of test_tokenizer.c."""
    made = json.loads(json.dumps(base))
    made["added_tokens"] += variant.get("added", [])
    made["pre_tokenizer"] = variant.get("pre_tokenizer", made["pre_tokenizer"])
    if variant.get("normalizer"):
        made["normalizer"] = made["normalizer"]["normalizers"][0]
    if variant.get("byte_fallback"):
        made["model"]["byte_fallback"] = True
        made["model"]["vocab"] += [["<0x%02X>" % byte, 0.0] for byte in range(256)]
    return Tokenizer.from_str(json.dumps(made))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else HERE
    base = json.load(open(GOLDEN, encoding="utf-8"))
    random.seed(1)
    for variant in VARIANTS:
        tokenizer = vary(base, variant)
        texts = variant["strings"] + [" ".join(random.sample(variant["strings"], 4)) for _ in range(12)]
        variant["strings"] = [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]
    with open(os.path.join(folder, "token_cases.json"), "w", encoding="ascii") as out:
        json.dump(VARIANTS, out, ensure_ascii=True, separators=(",", ":"))
        out.write("\n")


main()
