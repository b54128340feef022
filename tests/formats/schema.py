#!/usr/bin/env python3
"""The JSON Schema that `auteur schema` prints, against `auteur validate`.

    schema.py AUTEUR VALIDATE_LINES STORYBOARD...

Every storyboard must be valid by both. Then each is broken in every way that its schema knows of, one
at a time: a key missing, unknown or of another kind, a value out of bounds, two that do not go
together. Whatever the one refuses the other must refuse, too. Needs jsonschema.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

WRONG = [None, True, 7, -1, 0.5, "", " ", "nonsense", "a\n", [], {}, [1], {"a": 1}, 10**19, "../a"]
# What only `validate` can know: ids that are used elsewhere, frames, files, models.
SEEN_BY_VALIDATE_ONLY = ("id of an earlier", "no ingredient has the id", "no model", "frames", "half of",
                         "first shot", "too many digits",
                         "is longer than", "makes at most")


def places(schema: dict[str, Any], node: dict[str, Any], path: tuple) -> Iterator[tuple]:
    """The paths of all objects in a storyboard, with the schema of each."""
    yield path, schema
    for key, value in node.items():
        if isinstance(value, dict) and key != "x":
            yield from places(schema, value, (*path, key))
        elif isinstance(value, list):
            for i, item in enumerate(value[:2]):
                if isinstance(item, dict):
                    yield from places(schema, item, (*path, key, i))


def at(document: Any, path: tuple) -> Any:
    for step in path:
        document = document[step]
    return document


def broken(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every variant with one thing changed, and what was changed."""
    for path, _ in places({}, document, ()):
        where = "/".join(map(str, path))
        for key in [*at(document, path), "unknown"]:
            if key == "x":
                continue
            if key in at(document, path):
                made = copy.deepcopy(document)
                del at(made, path)[key]
                yield f"{where} without {key}", made
            for wrong in WRONG:
                made = copy.deepcopy(document)
                at(made, path)[key] = wrong
                yield f"{where} {key}={wrong!r}", made
    for key, value in (("temp", "tone"), ("file", "a.wav")):
        made = copy.deepcopy(document)
        made["audio"] = [{key: value, "start": 1, "file": "b.wav"}]
        yield f"audio with {key}", made
    for transition in ({"type": "dissolve"}, {"type": "cut", "duration": 1}, {"duration": 1},
                       {"type": "fade", "duration": 0}, {"type": "cut", "duration": 0}):
        made = copy.deepcopy(document)
        made["defaults"] = {**made.get("defaults", {}), "transition": transition}
        yield f"transition {transition}", made
    made = copy.deepcopy(document)
    for scene in made["scenes"]:
        scene["shots"] = []
    yield "no shots", made
    made = copy.deepcopy(document)
    made["scenes"][0]["shots"][-1]["init"] = {"from": "previous", "image": "a.png"}
    yield "init of two kinds", made


def errors_of(lines: Path, documents: list[dict[str, Any]]) -> list[list[str]]:
    """What validation says of each."""
    text = "".join(json.dumps(d) + "\n" for d in documents)
    done = subprocess.run([lines], input=text, capture_output=True, text=True, check=True)
    return [[e["message"] for e in json.loads(line)["errors"]] for line in done.stdout.splitlines()]


def check(lines: Path, validator: Draft7Validator, path: Path) -> int:
    """How many variants were compared; every difference is told and ends the run."""
    document = json.loads(path.read_text())
    told = [e.message for e in validator.iter_errors(document)]
    if told:
        raise SystemExit(f"{path}: the schema refuses it: {told}")
    names, variants = zip(*broken(document), strict=True)
    wrong = []
    for name, variant, said in zip(names, variants, errors_of(lines, list(variants)), strict=True):
        refused = not validator.is_valid(variant)
        structural = [m for m in said if not any(s in m for s in SEEN_BY_VALIDATE_ONLY)]
        if refused and not said or structural and not refused:
            wrong.append(f"{path.name}: {name}: the schema {'refuses' if refused else 'takes'} it, "
                         f"validate says {said or 'nothing'}")
    if wrong:
        raise SystemExit("\n".join(wrong))
    return len(variants)


def main() -> None:
    program, lines = map(Path, sys.argv[1:3])
    schema = json.loads(subprocess.run([program, "schema"], capture_output=True, check=True).stdout)
    Draft7Validator.check_schema(schema)
    validator, compared = Draft7Validator(schema), 0
    for path in map(Path, sys.argv[3:]):
        compared += check(lines, validator, path)
    print(f"{len(sys.argv) - 3} storyboards, {compared} variants: schema and validate agree")


if __name__ == "__main__":
    main()
