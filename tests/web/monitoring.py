#!/usr/bin/env python3
"""What a real broker's /metrics says, and whether the alerts and the Grafana dashboard in deploy/ ask
only for what is there. promtool joins in where it is installed.

    BIN=build/bin tests/web/monitoring.py
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import dashboard
import metrics

DEPLOY = pathlib.Path(__file__).resolve().parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "auteur.rules.yaml"
RULES_TEST = DEPLOY / "prometheus" / "auteur.rules.test.yaml"
GRAFANA = DEPLOY / "grafana" / "auteur.json"
USED = re.compile(r"\b(?:auteur|process)_[a-z0-9_]+")
NODE = 'node "of" a\\b'


def get(endpoints, page):
    with urllib.request.urlopen(endpoints["http"] + page, timeout=30) as answer:
        return answer.read().decode(), answer.headers


def value(families, name, **labels):
    family = families[name.removesuffix("_count") if name.endswith("_count") else name]
    return sum(v for n, have, v in family["samples"] if n == name and labels.items() <= have.items())


def refused(text):
    try:
        metrics.read(text)
    except metrics.Malformed:
        return True
    return False


def the_checker_checks():
    """A checker that lets everything pass would say nothing."""
    head = "# HELP a_b Is there.\n# TYPE a_b gauge\n"
    assert not refused(head + 'a_b{x="\\"\\\\ \\n"} 1\na_b{x="y"} 2.5\n')
    for bad in ('a_b 1', 'a_b{x="a"b"} 1\n', 'a_b{x="y"} 1\na_b{x="y"} 2\n', "c_d 1\n", "a_b one\n", 'a_b{x="y",x="z"} 1\n',
                "a_b 1 \n", "a_b\n"):
        assert refused(head + bad), bad
    for bad in ("a_total gauge", "a counter", "a_milliseconds gauge", "aB gauge", "a_count gauge"):
        name, kind = bad.split()
        assert refused(f"# HELP {name} Is there.\n# TYPE {name} {kind}\n{name} 1\n"), bad


def promtool(*args, given=None):
    path = shutil.which("promtool")
    if not path:
        return
    done = subprocess.run([path, *map(str, args)], input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def made_figures(cluster, endpoints):
    """A film without a node, then with one: the figures that it leaves."""
    job = cluster.submit("figures", 2, 1)
    before = metrics.read(get(endpoints, "/metrics")[0])
    assert value(before, "auteur_queue_tasks", model="auteur-animatic", state="ready") == 2
    assert value(before, "auteur_queue_served", model="auteur-animatic") == 0
    assert value(before, "auteur_demand") == 2 and value(before, "auteur_ready") == 1
    cluster.node(NODE)
    subprocess.run([dashboard.BIN / "auteur", "watch", job, "--endpoints", cluster.endpoints], env=cluster.env,
                   check=True, capture_output=True, timeout=120)
    text, headers = get(endpoints, "/metrics")
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    after = metrics.read(text)
    assert value(after, "auteur_queue_tasks", state="ready") == 0
    assert value(after, "auteur_attempts_total", result="done") == 2
    assert value(after, "auteur_chunk_seconds_count", **{"class": "cpu"}) == 2
    assert value(after, "auteur_store_commit_duration_seconds_count") > 0
    assert value(after, "auteur_event_lag_seconds_count") > 0
    escaped = NODE.replace("\\", "\\\\").replace('"', '\\"')
    assert value(after, "auteur_node_state", node=escaped, state="online") == 1
    assert value(after, "auteur_node_heartbeat_age_seconds", node=escaped) < 60
    assert value(after, "auteur_leases") == 0
    promtool("check", "metrics", given=text)
    return after


def asks_for_what_is_there(families):
    """Every metric of the alerts and the dashboard is one that a broker has."""
    there = {name for name in families}
    for name, family in families.items():
        if family["type"] == "histogram":
            there |= {name + suffix for suffix in metrics.SUFFIXES}
    rules = RULES.read_text()
    asked = set(USED.findall("\n".join(re.findall(r"expr:((?:.*\n)(?:(?! +for:| +labels:).*\n)*)", rules))))
    board = json.loads(GRAFANA.read_text())
    for panel in board["panels"]:
        for target in panel["targets"]:
            asked |= set(USED.findall(target["expr"]))
    assert len(asked) > 25, asked
    assert asked <= there, f"no broker says {sorted(asked - there)}"
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def alerts_lead_somewhere():
    """Each alert has its texts, and a place in the runbook that is named after it."""
    names = re.findall(r"- alert: Auteur(\w+)", RULES.read_text())
    links = re.findall(r"runbook_url: docs/operations.md#alert-([a-z-]+)", RULES.read_text())
    kebab = [re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in names]
    assert links == kebab, (links, kebab)
    for text in ("summary", "description"):
        assert len(re.findall(rf"^ +{text}: ", RULES.read_text(), re.M)) == len(names)
    for name in names:
        assert f"Auteur{name}" in RULES_TEST.read_text(), f"no test of Auteur{name}"
    promtool("check", "rules", RULES)
    promtool("test", "rules", RULES_TEST)


def keys_are_counted(cluster):
    """What only a broker with keys says."""
    keys = cluster.folder / "keys"
    subprocess.run([dashboard.BIN / "auteur", "keys", "new", "--keys", keys], env=cluster.env, check=True,
                   capture_output=True)
    cluster.stop("broker")
    endpoints = cluster.broker(0, 0, "--keys", str(keys))
    return metrics.read(get(endpoints, "/metrics")[0])


def main():
    the_checker_checks()
    alerts_lead_somewhere()
    with tempfile.TemporaryDirectory(prefix="auteur-web-") as folder:
        cluster = dashboard.Cluster(folder)
        try:
            endpoints = cluster.broker()
            families = made_figures(cluster, endpoints)
            families.update(keys_are_counted(cluster))
            asks_for_what_is_there(families)
        finally:
            cluster.close()
    if not shutil.which("promtool"):
        print("promtool is not here (Debian's prometheus has it): checked without it")
    print(f"{len(families)} metrics are as they should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
