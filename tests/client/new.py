#!/usr/bin/env python3
"""auteur new asks nothing and writes a template; docs/storyboard.md explains each of its fields, and
each that the schema knows.

    new.py AUTEUR STORYBOARD.md
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AUTEUR, MANUAL = sys.argv[1], Path(sys.argv[2]).read_text()


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run([AUTEUR, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, check=False)


def fields(node: Any, path: str = "") -> Iterator[str]:
    """Every path of a storyboard, lists as []."""
    for key, value in node.items() if isinstance(node, dict) else ():
        yield f"{path}{key}"
        yield from fields(value, f"{path}{key}.")
        for item in value if isinstance(value, list) else ():
            yield from fields(item, f"{path}{key}[].")


def known(schema: dict, definitions: dict, path: str = "") -> Iterator[str]:
    """Every path that the schema knows."""
    for key, value in schema.get("properties", {}).items():
        yield f"{path}{key}"
        references = [*value.get("allOf", []), value.get("items", {})]
        for name in (r["$ref"].rsplit("/", 1)[1] for r in references if "$ref" in r):
            yield from known(definitions[name], definitions, f"{path}{key}[]." if "items" in value else f"{path}{key}.")


def explained() -> set[str]:
    """The paths of the manual's table: `a.b`, `.c` (of the same object), `{id, name?}` of a row's first path."""
    found = set()
    for row in MANUAL.splitlines():
        if not row.startswith("| `"):
            continue
        cells = row.strip("| ").split(" | ")
        before = ""
        for path in re.findall(r"`([^`]+)`", cells[0]):
            before = before.rsplit(".", 1)[0] + path if path.startswith(".") else path
            found.add(before.removesuffix("[]"))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        board = Path(folder) / "film.json"
        assert run("new", str(board)).returncode == 0, "auteur new"
        text = board.read_text()
        assert run("validate", str(board)).returncode == 0, "the template is valid"
        assert run("new").stdout == text, "standard output"
        board.write_text("mine")
        again = run("new", str(board))
        assert (again.returncode, board.read_text()) == (2, "mine"), "a file that exists is left"
    manual = explained()
    schema = json.loads(run("schema").stdout)
    wanted = set(fields(json.loads(text))) | {p for p in known(schema, schema["definitions"])
                                              if not re.search(r"(^|\.)x$", p)}
    # The manual names shots without their scene, and has transitions once.
    short = {re.sub(r"^(defaults|shots\[\])\.(transition\.)", r"\2", p.removeprefix("scenes[]."))
             if "shots" in p or "defaults" in p else p for p in wanted} - {"shots"}
    missing = sorted(p for p in short if p not in manual and
                     not any(other.startswith((p + ".", p + "[].")) for other in manual))
    if missing:
        sys.exit("FAILED: docs/storyboard.md has no row for: " + ", ".join(missing))
    print(f"new: {len(wanted)} fields are explained")


main()
