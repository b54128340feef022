#!/usr/bin/env python3
"""Writes the tables of node/engine/text/clean_*.c: text_tables.py [FOLDER]

The prompt cleaning must do what the models' training code did, so its data comes from that code's
own libraries: Python's unicodedata and html.entities, its charmap codecs, and the character
categories of ftfy (https://ftfy.readthedocs.io, Apache License 2.0). Run it with the versions
below; another Unicode version would change what NFC and \\w mean.

    clean_class_names.inc  the bits of the mojibake categories
    clean_classes.inc      mojibake categories per character, word characters, decimal digits
    clean_charmaps.inc     the single-byte encodings that are tried, Windows-1252's bytes 80 to 9F
    clean_html.inc         named character references, with ftfy's upper-case ones
    clean_nfc.inc          canonical decompositions, compositions, combining classes
    clean_width.inc        the full- and half-width forms U+FF01 to U+FFEF
"""

import html
import html.entities
import os
import re
import sys
import unicodedata

import ftfy
from ftfy import badness, chardata

UNICODE, FTFY = "14.0.0", "6.3.1"
CHARMAPS = chardata.CHARMAP_ENCODINGS[1:]  # latin-1 needs no table
CLUES = ["utf8_first_of_2", "utf8_first_of_3", "utf8_first_of_4", "utf8_continuation",
         "utf8_continuation_strict"]


def rows(items, width=98, indent="    "):
    """The items, comma-separated, in lines of at most `width` columns."""
    line, lines = indent, []
    for item in items:
        if len(line) + len(item) + 2 > width:
            lines.append(line.rstrip())
            line = indent
        line += item + ", "
    lines.append(line.rstrip())
    return "\n".join(lines)


def array(head, items):
    return "static const %s = {\n%s\n};\n" % (head, rows(items))


def hexes(values):
    return ["0x%X" % v for v in values]


def ranges(test):
    """[first, last] pairs of the code points for which test (character) holds."""
    out, start = [], None
    for code in range(0x110001):
        inside = code < 0x110000 and test(chr(code))
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            out.append((start, code - 1))
            start = None
    return out


def class_sets():
    sets = dict(badness.MOJIBAKE_CATEGORIES)
    sets.update({name: chardata.UTF8_CLUES[name] for name in CLUES})
    return sets


def class_names():
    sets = class_sets()
    names = ["CLASS_%s = 1u << %d" % (name.upper(), bit) for bit, name in enumerate(sets)]
    return "enum {\n%s\n};\n#define CLASS_BITS %d\n" % (rows(names), len(sets))


def classes():
    sets = class_sets()
    masks = [0] * 0x10000
    for bit, text in enumerate(sets.values()):
        pattern = re.compile("[%s]" % text)
        for code in range(0x10000):
            if pattern.match(chr(code)):
                masks[code] |= 1 << bit
    kinds = sorted(set(masks))
    blocks, pages = [], []
    for page in range(0, 0x10000, 64):
        block = tuple(kinds.index(m) for m in masks[page:page + 64])
        if block not in blocks:
            blocks.append(block)
        pages.append(blocks.index(block))
    word = ranges(lambda c: c.isalnum() or c == "_")
    digits = ranges(lambda c: c.isdecimal())
    return (array("uint32_t class_kinds[%d]" % len(kinds), hexes(kinds))
            + array("uint8_t class_pages[%d]" % len(pages), map(str, pages))
            + array("uint8_t class_blocks[%d]" % (64 * len(blocks)),
                    (str(k) for b in blocks for k in b))
            + array("range_t word_ranges[%d]" % len(word), ("{0x%X, 0x%X}" % r for r in word))
            + array("range_t digit_ranges[%d]" % len(digits),
                    ("{0x%X, 0x%X}" % r for r in digits)))


def charmaps():
    out = ""
    for name in CHARMAPS:
        table = sorted((ord(bytes([b]).decode(name)), b) for b in range(0x80, 0x100))
        assert len({code for code, _ in table}) == 128
        out += array("charmap_byte_t %s[128]" % name.replace("-", "_"),
                     ("{0x%X, 0x%X}" % pair for pair in table))
    sloppy = bytes(range(0x80, 0xA0)).decode("sloppy-windows-1252")
    return out + array("uint16_t windows_1252[32]", hexes(map(ord, sloppy)))


def entity_array(name, table):
    items = []
    for key in sorted(table, key=lambda k: k.encode()):
        codes = [ord(c) for c in table[key]]
        assert 1 <= len(codes) <= 3
        items.append('{"%s", {%s}}' % (key, ", ".join(hexes(codes))))
    return array("entity_t %s[%d]" % (name, len(items)), items)


def entities():
    """Names as HTML writes them, with a semicolon if they need one; then what ftfy adds."""
    known = html.entities.html5
    shouted = {name[1:]: text for name, text in chardata.HTML_ENTITIES.items()
               if name[1:] not in known}
    assert all(known.get(name[1:], text) == text
               for name, text in chardata.HTML_ENTITIES.items())
    return entity_array("html_entities", known) + entity_array("shouted_entities", shouted)


def nfc():
    decompositions, compositions = [], []
    for code in range(0x110000):
        value = unicodedata.decomposition(chr(code))
        if not value or value.startswith("<"):
            continue
        parts = [int(p, 16) for p in value.split()]
        decompositions.append((code, parts[0], parts[1] if len(parts) > 1 else 0))
        if len(parts) == 2 and unicodedata.normalize("NFC", chr(code)) == chr(code):
            compositions.append((parts[0], parts[1], code))
    marks = []
    for code in range(0x110000):
        combining = unicodedata.combining(chr(code))
        if not combining:
            continue
        if marks and marks[-1][1] == code - 1 and marks[-1][2] == combining:
            marks[-1][1] = code
        else:
            marks.append([code, code, combining])
    triple = "{0x%X, 0x%X, 0x%X}"
    return (array("decomposition_t decompositions[%d]" % len(decompositions),
                  (triple % d for d in decompositions))
            + array("composition_t compositions[%d]" % len(compositions),
                    (triple % c for c in sorted(compositions)))
            + array("mark_t marks[%d]" % len(marks),
                    ("{0x%X, 0x%X, %d}" % tuple(m) for m in marks)))


def width():
    pairs = []
    for code in range(0xFF01, 0xFFF0):
        text = chardata.WIDTH_MAP.get(code, chr(code))
        assert 1 <= len(text) <= 2 and max(map(ord, text)) < 0x10000
        pairs.append((ord(text[0]), ord(text[1]) if len(text) > 1 else 0))
    return array("uint16_t widths[%d][2]" % len(pairs), ("{0x%X, 0x%X}" % p for p in pairs))


def main():
    if unicodedata.unidata_version != UNICODE or ftfy.__version__ != FTFY:
        sys.exit("text_tables.py: needs ftfy %s on a Python with Unicode %s (3.11), not %s and %s"
                 % (FTFY, UNICODE, ftfy.__version__, unicodedata.unidata_version))
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(root, "node/engine/text")
    for make in (class_names, classes, charmaps, entities, nfc, width):
        name = "html" if make is entities else make.__name__
        with open(os.path.join(folder, "clean_%s.inc" % name), "w", encoding="ascii") as file:
            file.write("/* Made by tools/text_tables.py (Unicode %s, ftfy %s). */\n"
                       % (UNICODE, FTFY) + make())


if __name__ == "__main__":
    main()
