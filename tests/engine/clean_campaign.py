#!/usr/bin/env python3
"""Compares the prompt cleaning with the reference on random strings, and makes its test table.

    clean_campaign.py compare FILTER [COUNT [SEED]]   FILTER: the built clean_filter
    clean_campaign.py sweep FILTER      every character, character reference and composition
    clean_campaign.py table > tests/engine/clean_cases.json

The reference is what diffusers' Wan pipelines do with a prompt, by ftfy 6.3.1 and the html and re
modules of Python 3.11; it is needed for both. The strings are texts in many scripts, pushed through
the mistakes that cleaning undoes: read in wrong encodings, several times, cut, joined, escaped,
widened, decomposed, with controls between; and characters at random from the sets that decide.
"""

import html
import json
import os
import random
import re
import subprocess
import sys
import unicodedata

import ftfy
from ftfy import badness, chardata

HERE = os.path.dirname(os.path.abspath(__file__))
ENCODINGS = chardata.CHARMAP_ENCODINGS + ["windows-1252", "iso-8859-5", "koi8-r", "shift-jis",
                                          "sloppy-windows-1255", "sloppy-windows-1256"]
TEXTS = [
    "A fox runs over the red roofs of the old town at dawn.", "voilà le café crème à la plage",
    "às vezes àquela hora, àquilo não; à noite", "señor Pérez y la niña", "Größe, Straße, Übung",
    "“Curly” ‘quotes’ – and — dashes… ‹›«»", "Привет, мир! Лиса бежит по снегу.",
    "Γειά σου Κόσμε, καλημέρα", "狐狸在雪地里奔跑", "日本の映画、ツ ヴァイオリン", "한국어 여우가 달린다", "שלום עולם",
    "مرحبا بالعالم", "हिन्दी में लोमड़ी", "สุนัขจิ้งจอก", "Tiếng Việt có dấu",
    "Łódź, zażółć gęślą jaźń", "Příliš žluťoučký kůň", "İstanbul'da ığdır şehri",
    "Ąžuolas ėjo į ūkį", "Árvíztűrő tükörfúrógép", "🦊 runs 🏔️ 👩‍👩‍👧 🏴󠁧󠁢󠁷󠁬󠁳󠁿 🎬",
    "5 × 3² ± ½ ≈ 15 °C € £ ¥ ¢", "© ® ™ § ¶ † ‡ • ·", "│┌┐└┘├┤═║╔╗▀▄█░▒▓",
    "(╯°□°)╯︵ ┻━┻ ò_ó Õ_Õ", "œuvre Œdipe cœur œ", "x₀ ≤ y ≠ ∑ √∞ ∫", "ﬁne ﬂow eﬃcient ĳs ŉ ǆ ǅ ﬅ",
    "ＬＯＵＤ　ＮＯＩＳＥＳ ｶﾞｷﾞ ﾊﾟ ﾡ ￣ ￦", "e\u0301\u0323 o\u0302\u0301 A\u030a \u1100\u1161\u11a8",
    "\U00010348 \U0001d11e \U0001f600", "Ã la mode, Â£5, â€œhiâ€\x9d", "Ã©tÃ© Ã\xa0 la",
    "Å\xa0koda SÃ£o", "voilÃ le travail", "L&Atilde;&sup3;pez", "ГўВЂВњtest ГўВЂВќ",
    "рџ¦Љ Р»РёСЃР°", "вЂњquotedвЂќ", "a‚Äôb √© ≈í", "β€™s ΓΏ Ξ²", "ā€œxā€", "├⌐t├⌐ ΓÇö",
    "é\x85 \x93hi\x94 \x80", "\x81\x8d\x8f\x90\x9d", "Õ Ã¤Â¸\xadÃ¦â€“â€¡ mix Привет", "Ãƒâ€šÃ‚Â£",
    "ÃƒÆ’Ã‚Â©", "â€� lost â€? Ã? ï¿½", "\ufffd\ufffd?", "í\xa0½í¸\x8d", "í\xa0½í¸\ufffd",
    "À\x80 null", "é À\n", "Ãí\xa0½í¸\n",
]
# the shortest texts that one rule of the heuristic alone finds bad
RULES = [
    "\xac\xa2", " \xc0\xa2 b", "\xe0\xa1\xb1", "\xdf\xbb\xa1", "\xd7\xa1", "\u250c\xd6",
    "\xdf\xa1\u2502", "\u250c\xbb", "\u0152\xa2", "\xc0\xb0", "\xd7\xb2", "\xd8\xa0\xd8\xa0",
    "\xb7\xe0\xb5", "\u221a\xa5", "\u2248\xa2", "\u201a\xc4\xa2", "\u201a\xe2\xb0", "a \xc2 b",
    "\u0392\xa3\u0392\xa3", "No.\xc2 5", "Hm,\xc2 \u201cyes", "? \xc2 \xbb",
]
ENTITIES = [
    "&amp;", "&amp", "&lt;", "&gt;", "&quot;", "&#39;", "&#x27;", "&nbsp;", "&hellip;", "&notit;",
    "&notin;", "&not", "&eacute;", "&EACUTE;", "&eacute", "&SZLIG;", "&nTILDE;", "&#x1F98A;",
    "&#128;", "&#x85;", "&#0;", "&#1;", "&#xD800;", "&#x110000;", "&#99999999999;", "&#59;",
    "&#x3b;", "&#38;", "&#38;lt;", "&amp;amp;", "&amp;lt;", "&#xFFFE;", "&#12a;", "&#xg;", "&#;",
    "&", "&;", "&#", "&#x", "&unknown;", "&CounterClockwiseContourIntegral;", "&nGt;", "&acE;",
    "&fjlig;", "&copy", "&copyright", "&Aacute", "&ltd", "&gtrsim;", "&ampamp;", "&Atilde;&sup3;",
    "&acirc;&euro;&trade;", "&FFILIG;", "&#10;", "&#13;", "&#xA0;", "&#x3000;", "&#65279;",
]
CONTROLS = [
    "\t", "\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x1a", "\x1b",
    "\x1b[31m", "\x1b[0;1;4m", "\x1b[", "\x1b[12", "\x1b[٣m", "\x7f", "\x01", "\x08", "\x85",
    "\xa0", "\xad", "\u1680", "\u2000", "\u200a", "\u200b", "\u200d", "\u200e", "\u2028",
    "\u2029", "\u202e", "\u202f", "\u205f", "\u2060", "\u206a", "\u206f", "\u3000", "\ufeff",
    "\ufff9", "\ufffc", "\ufffd", "\U000e0041", " ", "  ", "<", ">", "?", "¿",
]


def members(pattern):
    return [chr(c) for c in range(0x10000) if re.match("[%s]" % pattern, chr(c))]


CLASSES = [members(p) for p in badness.MOJIBAKE_CATEGORIES.values()]
CLASSES += [members(p) for p in chardata.UTF8_CLUES.values()]
CLASSES += [list("ÂÃÎÐØÙà×√≈‚ÄâóвЂВГРСГўΒΓΞΟβ€ā°œŒ"), list("abzAZ .,?!0_é我\n")]
HIGH = [c for c in map(chr, range(0x80, 0x110000))
        if unicodedata.category(c) not in ("Cn", "Cs", "Co")]
MARKS = [c for c in HIGH if unicodedata.combining(c)]
COMPOSED = [c for c in HIGH if unicodedata.decomposition(c)]
NAMES = list(html.entities.html5) + [n[1:] for n in chardata.HTML_ENTITIES]


def prompt_clean(text):
    """What diffusers 0.42.1 does with a prompt of a Wan model."""
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return re.sub(r"\s+", " ", text.strip()).strip()


def garble(rng, text):
    """Writes text in one encoding and reads it in another."""
    data = text.encode("utf-8" if rng.random() < 0.85 else rng.choice(ENCODINGS), "ignore")
    kind = rng.random()
    if kind < 0.10:
        data = data.replace(b"\xa0", b" ")
    elif kind < 0.15 and data:
        at = rng.randrange(len(data))
        data = data[:at] + data[at + 1:]
    elif kind < 0.18:
        data = data.replace(b"\xf0", b"\xed")
    elif kind < 0.22:
        data = text.encode("utf-16-be", "ignore")
        units = [data[i:i + 2] for i in range(0, len(data), 2)]
        data = b"".join(chr(int.from_bytes(u, "big")).encode("utf-8", "surrogatepass")
                        for u in units)
    encoding = rng.choice(ENCODINGS if rng.random() < 0.4 else ENCODINGS[:2])
    try:
        return data.decode(encoding, "replace" if rng.random() < 0.3 else "strict")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def atom(rng):
    kind = rng.random()
    if kind < 0.35:
        text = rng.choice(TEXTS)
        start = rng.randrange(len(text))
        return text[start:start + rng.randint(1, 12)] if rng.random() < 0.6 else text
    if kind < 0.45:
        return rng.choice(ENTITIES)
    if kind < 0.50:
        name = "&" + rng.choice(NAMES)
        return rng.choice([name, name.rstrip(";"), name[:-2], name + rng.choice("a;1&"),
                           name.upper()])
    if kind < 0.62:
        return rng.choice(CONTROLS)
    if kind < 0.80:
        return "".join(rng.choice(rng.choice(CLASSES)) for _ in range(rng.randint(1, 6)))
    if kind < 0.86:
        return rng.choice(COMPOSED) + "".join(rng.choice(MARKS) for _ in range(rng.randint(0, 4)))
    if kind < 0.90:
        return "".join(chr(rng.randint(lo, hi)) for lo, hi in
                       rng.choices([(0x1100, 0x11ff), (0xac00, 0xd7a3), (0xff01, 0xffef)], k=3))
    if kind < 0.95:
        return "".join(rng.choice(HIGH) for _ in range(rng.randint(1, 4)))
    return "".join(chr(rng.randint(1, 0x17f)) for _ in range(rng.randint(1, 8)))


def sample(rng):
    text = "".join(atom(rng) for _ in range(rng.randint(1, rng.choice([2, 5, 12]))))
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        kind = rng.random()
        if kind < 0.6:
            text = garble(rng, text)
        elif kind < 0.7:
            text = html.escape(text)
        elif kind < 0.8:
            text = unicodedata.normalize("NFD", text)
        elif kind < 0.9:
            start = rng.randrange(len(text) + 1)
            text = text[:start] + garble(rng, text[start:])
        else:
            text = text[rng.randrange(len(text) + 1):] + atom(rng)
        if len(text) > 600:
            break
    return "".join(c for c in text if c != "\0" and not 0xd800 <= ord(c) <= 0xdfff)


def filtered(program, texts):
    data = b"".join(t.encode() + b"\0" for t in texts)
    out = subprocess.run([program], input=data, stdout=subprocess.PIPE, check=True).stdout
    return out.decode().split("\0")[:-1]


def swept():
    """Every character between letters, as a reference, and every name, with and without ";"."""
    for code in range(1, 0x110000):
        if not 0xd800 <= code <= 0xdfff:
            yield "a%sb" % chr(code)
            if code < 0x3000 or unicodedata.combining(chr(code)):
                yield "e\u0327%s\u0301\u05b0 \u1112%s\u1161" % (chr(code), chr(code))
        if code < 0x3000 or code & 0xff > 0xf0 or 0xd700 < code < 0xe000:
            yield "<&#%d;&#x%x &#%d" % (code, code, code)
            yield "&#%d;x&#X%X;" % (code, code)
    for name in NAMES:
        for form in (name, name.rstrip(";"), name + "z", name.upper(), name[:-1]):
            yield "&%s" % form
            yield "<&%s&amp;%s" % (form, form)
    for code in range(0x80, 0x10000):  # UTF-8 read in each encoding
        for encoding in ENCODINGS[:10] if code < 0x3100 else ENCODINGS[1:2]:
            if not 0xd800 <= code <= 0xdfff:
                yield "x " + chr(code).encode().decode(encoding, "replace") + " y"


def random_texts(count, seed):
    rng = random.Random(seed)
    for _ in range(count):
        yield sample(rng)


def batches(texts, size=20000):
    batch = []
    for text in texts:
        batch.append(text)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def compare(program, source):
    done = differences = changed = 0
    for texts in batches(source):
        ours = filtered(program, texts)
        if len(ours) != len(texts):
            sys.exit("the filter gave %d prompts for %d" % (len(ours), len(texts)))
        for text, mine in zip(texts, ours):
            expected = prompt_clean(text)
            changed += expected != text
            if mine != expected:
                differences += 1
                if differences <= 20:
                    print("text    %s\nwanted  %s\ngot     %s\n"
                          % (ascii(text), ascii(expected), ascii(mine)))
        done += len(texts)
    print("%d strings, %d of them changed by the reference, %d differences"
          % (done, changed, differences))
    return differences != 0


def table():
    rng = random.Random(6)
    with open(os.path.join(HERE, "goldens/token_strings.json"), encoding="utf-8") as file:
        loaded = json.load(file)
    texts = [t for t in loaded if isinstance(t, str)] + TEXTS + RULES + ENTITIES + CONTROLS
    texts += [a + rng.choice(ENTITIES) + b for a, b in zip(TEXTS, reversed(TEXTS))]
    for encoding in ENCODINGS[:10]:
        for text in TEXTS[:24]:
            try:
                texts.append(text.encode().decode(encoding))
            except UnicodeDecodeError:
                pass
    while len(texts) < 600:
        text = sample(rng)
        if len(text) < 60 and prompt_clean(text) != text:
            texts.append(text)
    texts = [t.replace("\0", "") for t in dict.fromkeys(texts)]
    rows = ["[%s, %s]" % (json.dumps(t), json.dumps(prompt_clean(t))) for t in texts]
    print("[\n" + ",\n".join(rows) + "\n]")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["table"]:
        sys.exit(table())
    if len(sys.argv) >= 3 and sys.argv[1] == "compare":
        numbers = [int(n) for n in sys.argv[3:]] + [200000, 1][len(sys.argv) - 3:]
        sys.exit(compare(sys.argv[2], random_texts(*numbers)))
    if len(sys.argv) == 3 and sys.argv[1] == "sweep":
        sys.exit(compare(sys.argv[2], swept()))
    sys.exit(__doc__)
