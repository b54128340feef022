#!/usr/bin/env python3
"""Writes node/engine/text/grapheme_table.inc: grapheme_tables.py [FOLDER]

The properties that grapheme clusters are made of (Unicode Standard Annex #29, table 2), from the
`regex` package, whose Unicode version the first line of the output names. Rows are ranges of code
points {first, last, class}; Hangul syllables are left out, they are computed.
"""

import os
import sys

import regex

# The first that fits. Consonants, linkers and pictographs are refinements of GB9c and GB11.
CLASSES = [
    ("CR", r"\p{GCB=CR}"), ("LF", r"\p{GCB=LF}"), ("CONTROL", r"\p{GCB=Control}"), ("ZWJ", r"\p{GCB=ZWJ}"),
    ("LINKER", r"\p{InCB=Linker}"), ("EXTEND", r"[\p{GCB=Extend}&&\p{InCB=Extend}]"),
    ("EXTEND_OTHER", r"\p{GCB=Extend}"), ("SPACING", r"\p{GCB=SpacingMark}"), ("PREPEND", r"\p{GCB=Prepend}"),
    ("REGIONAL", r"\p{GCB=Regional_Indicator}"), ("HANGUL_L", r"\p{GCB=L}"), ("HANGUL_V", r"\p{GCB=V}"),
    ("HANGUL_T", r"\p{GCB=T}"), ("CONSONANT", r"\p{InCB=Consonant}"), ("PICTOGRAPH", r"\p{Extended_Pictographic}"),
]


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "../node/engine/text")
    tests = [(name, regex.compile(pattern, regex.V1)) for name, pattern in CLASSES]
    rows, previous = [], None
    for code in range(0x110000):
        letter = chr(code)
        found = None if 0xD800 <= code < 0xE000 else next((n for n, t in tests if t.match(letter)), None)
        if found and previous == found:
            rows[-1][1] = code
        elif found:
            rows.append([code, code, found])
        previous = found
    items = ["{0x%X, 0x%X, %s}," % tuple(row) for row in rows]
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) + 1 > 99:
            lines.append(line)
            line = ""
        line += (" " if line else "") + item
    lines.append(line)
    with open(os.path.join(folder, "grapheme_table.inc"), "w", encoding="ascii") as out:
        out.write("/* Written by tools/grapheme_tables.py (regex %s); do not edit. */\n" % regex.__version__)
        out.write("/* clang-format off */\n" + "\n".join(lines) + "\n/* clang-format on */\n")


main()
