#!/usr/bin/env python3
"""Each alert links to a section of docs/operations.md that exists, and each section has its alert."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


rules = read("deploy", "prometheus", "auteur.rules.yaml")
page = "docs/operations.md"
# A heading's anchor: small letters, no punctuation, blanks as hyphens.
anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
           for title in re.findall(r"^#+ (.*)$", read(page), re.MULTILINE)}
alerts = re.findall(r"- alert: Auteur(\w+)", rules)
linked = re.findall(r"runbook_url: (\S+)", rules)
wanted = [page + "#alert" + re.sub(r"[A-Z]", lambda m: "-" + m[0].lower(), name) for name in alerts]
wrong = [f"{url} is no section" for url in linked if url.partition("#")[2] not in anchors]
wrong += [f"{want} is not linked to" for want in wanted if want not in linked]
wrong += [f"{page}#{anchor} is of no alert" for anchor in sorted(anchors)
          if anchor.startswith("alert-") and f"{page}#{anchor}" not in wanted]
print(f"{len(alerts)} alerts, {len(wrong)} faults", *wrong, sep="\n")
sys.exit(bool(wrong) or not alerts)
