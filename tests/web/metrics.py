"""The Prometheus text (format 0.0.4), read strictly: whatever a scraper or its rules of naming would
complain of is an error here. `python3 metrics.py FILE` checks a file."""

import re
import sys

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|Inf|NaN)\Z")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,|\Z)')
# Base units only, and no unit or type where the name says it already.
BAD_UNITS = ("milliseconds", "microseconds", "ms", "minutes", "hours", "days", "kilobytes", "megabytes", "percent")
SUFFIXES = ("_bucket", "_sum", "_count")


class Malformed(Exception):
    pass


def need(true, line, what):
    if not true:
        raise Malformed(f"{what}: {line}")


def labels_of(text, line):
    labels = {}
    while text:
        match = LABEL.match(text)
        need(match, line, "malformed labels")
        need(match[1] not in labels, line, "a label twice")
        need(match[3] == "," or match.end() == len(text), line, "malformed labels")
        labels[match[1]] = match[2]
        text = text[match.end():]
    return labels


def sample_of(line):
    match = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
    need(match, line, "no sample")
    need(NUMBER.match(match[3]), line, "no number")
    return match[1], labels_of(match[2] or "", line), float(match[3].replace("Inf", "inf"))


def check_name(name, kind, line):
    need(NAME.match(name), line, "a name that is not in snake case")
    need(name.endswith("_total") == (kind == "counter"), line, "counters, and they alone, end in _total")
    need(not name.endswith(SUFFIXES), line, "a suffix that belongs to histograms")
    words = name.split("_")
    need(not any(word in BAD_UNITS for word in words), line, "a unit that is no base unit")
    need("_".join(words).count("seconds") <= 1, line, "a unit twice")


def check_histogram(name, samples):
    series = {}
    for full, labels, value in samples:
        rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
        part = series.setdefault(rest, {"buckets": []})
        if full == name + "_bucket":
            part["buckets"].append((float(labels["le"].replace("Inf", "inf")), value))
        else:
            part[full[len(name):]] = value
    for rest, part in series.items():
        bounds = [bound for bound, _ in part["buckets"]]
        counts = [count for _, count in part["buckets"]]
        need(bounds == sorted(set(bounds)) and bounds[-1] == float("inf"), name, f"buckets {bounds}")
        need(counts == sorted(counts), name, f"counts that do not rise {rest}")
        need(part["_count"] == counts[-1], name, "a count that is not that of +Inf")
        need(part["_sum"] >= 0, name, "a negative sum")


def read(text):
    """Families by name: {"type", "help", "samples": [(name, labels, value)]}."""
    need(text.endswith("\n"), text[-40:], "no newline at the end")
    families, current, seen = {}, None, set()
    for line in text[:-1].split("\n"):
        need(line and line == line.strip(), line, "an empty or padded line")
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            need(name not in families, line, "a family twice")
            need(help_text.endswith("."), line, "help that is no sentence")
            current = families[name] = {"name": name, "help": help_text, "type": None, "samples": []}
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            need(current and name == current["name"] and not current["type"], line, "TYPE without its HELP")
            need(kind in ("counter", "gauge", "histogram"), line, "an unknown type")
            current["type"] = kind
            check_name(name, kind, line)
        else:
            full, labels, value = sample_of(line)
            need(current and current["type"], line, "a sample before its TYPE")
            parts = [current["name"] + s for s in SUFFIXES] if current["type"] == "histogram" else [current["name"]]
            need(full in parts, line, "a sample in another family")
            need(("le" in labels) == full.endswith("_bucket"), line, "le belongs to buckets")
            key = (full, tuple(sorted(labels.items())))
            need(key not in seen, line, "a series twice")
            seen.add(key)
            need(current["type"] == "gauge" or value >= 0, line, "a negative count")
            current["samples"].append((full, labels, value))
    for name, family in families.items():
        if family["type"] == "histogram":
            check_histogram(name, family["samples"])
    return families


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(f"{len(read(file.read()))} families")
