"""auteur top on a real terminal against a real broker and node: rows, keys, sizes, a broker that goes
away and comes back, and the terminal as it was afterwards. BIN is the folder of the programs."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from terminal import Terminal  # noqa: E402

BIN = os.environ["BIN"]
TMP = tempfile.mkdtemp(prefix="auteur-top.")
FILM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cluster", "data", "film.json")
ENDPOINTS = TMP + "/broker/endpoints.json"
DOWN, UP, ESC = "\x1bOB", "\x1bOA", "\x1b"
started = []

for variable in ("AUTEUR_BROKER", "AUTEUR_STATE", "AUTEUR_MODELS", "AUTEUR_KEYS", "NO_COLOR"):
    os.environ.pop(variable, None)
os.environ.update(HF_HUB_CACHE=TMP + "/no-hub", XDG_STATE_HOME=TMP + "/state", XDG_CONFIG_HOME=TMP + "/config")


def start(log, command, **environment):
    with open(f"{TMP}/{log}.log", "ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=dict(os.environ, **environment))
    started.append(process)
    return process


def start_broker(base=None):
    """The broker and its ports: below the system's free ones, so that no other test's broker gets them
    while this one is away."""
    if os.path.exists(ENDPOINTS):
        os.remove(ENDPOINTS)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        port = base or 10000 + random.randrange(220) * 100
        broker = start("broker", [BIN + "/auteur-broker", "--state", TMP + "/broker", "--port", str(port)])
        while broker.poll() is None and time.monotonic() < end:
            if os.path.exists(ENDPOINTS):
                return broker, port
            time.sleep(0.05)
    raise AssertionError("the broker does not accept")


def ask(*words, code=0):
    result = subprocess.run(
        [BIN + "/auteur", *words, "--endpoints", ENDPOINTS], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )
    assert result.returncode == code, (words, result.returncode, result.stdout, result.stderr)
    return result.stdout


def submit(project):
    film = json.load(open(FILM))
    film["project"] = project
    film["defaults"]["seed"] = len(project)
    film["scenes"][0]["shots"][0]["duration"] = 60  # outlives the test: a frame takes 0.1 s
    path = f"{TMP}/{project}.json"
    json.dump(film, open(path, "w"))
    return json.loads(ask("submit", path, "--json"))["job"]


def top(columns, rows, *more, **environment):
    return Terminal([BIN + "/auteur", "top", "--endpoints", ENDPOINTS, *more], columns, rows, environment)


def state_of(listing, key, name):
    items = json.loads(ask(listing, "--json"))[listing]
    return next(item["state"] for item in items if item[key] == name)


def leave(terminal, what, keys):
    terminal.press(keys)
    assert terminal.finish(what) == 0, (what, terminal.status, terminal.output[-2000:])
    terminal.close()


def look_around(terminal, first):
    terminal.wait("the jobs", r"^JOBS 2, by state")
    page = terminal.wait("the first job runs", rf"^[> ] {first} +running +harbour ")
    assert "auteur-broker" in page and re.search(r"epoch [0-9a-f]{8}\.1", page), page
    page = terminal.wait("what the node runs", rf"^  node-one +online +cpu +busy .* {first} one chunk \d")
    assert page.rstrip().endswith("q quit"), page
    terminal.press("s")
    terminal.wait("another order", r"^JOBS 2, by newest")
    terminal.press("ssss")
    terminal.wait("the first order", r"^JOBS 2, by state")
    terminal.press("?")
    terminal.wait("help", r"cancel the job \(asks first\)")
    terminal.press("x")
    terminal.wait("the overview", r"^JOBS 2")
    terminal.press("/harb\r")
    terminal.wait("the filter", r"^JOBS 1 of 2, by state, only 'harb'")
    terminal.press("\r")
    page = terminal.wait("the job's page", r"^[> ] one +running +[■▶]")
    assert re.search(r"^[> ] two +queued", page, re.M) and "CHUNKS of shot one" in page, page
    terminal.press(ESC)
    terminal.wait("the filter again", r"^JOBS 1 of 2")
    terminal.press(ESC)
    terminal.wait("all jobs", r"^JOBS 2, by state")


def cancel(terminal, job):
    terminal.press(DOWN)
    terminal.wait("the second job is selected", rf"^> {job} ")
    terminal.press("c")
    terminal.wait("the question", rf"Cancel job {job} \(bees\)")
    terminal.press("n")
    terminal.wait("no", r"Nothing was done")
    assert state_of("jobs", "id", job) in ("queued", "running")
    terminal.press("cy")
    terminal.wait("the cancel", rf"Job {job} is cancelled")
    terminal.wait("the row", rf"{job} +cancelled")
    assert state_of("jobs", "id", job) == "cancelled"


def drain(terminal):
    terminal.press("\t")
    terminal.wait("the node is selected", r"^> node-one ")
    terminal.press("dy")
    terminal.wait("the drain", r"Node node-one drains")
    terminal.wait("the row", r"^> node-one +draining")
    assert state_of("nodes", "name", "node-one") == "draining"
    terminal.press("\r")
    terminal.wait("the node's page", r"^NODE node-one  draining")
    terminal.press("q")
    terminal.wait("the overview", r"^JOBS 2")


def lose_broker(terminal, broker, base):
    broker.kill()
    broker.wait()
    terminal.wait("the silence", r"no answer for \d+s, trying")
    terminal.press("d")
    terminal.wait("the refusal", r"Not now: the broker does not answer")
    start_broker(base)
    terminal.wait("the new start", r"epoch [0-9a-f]{8}\.2$")
    page = terminal.wait("all is there", r"^JOBS 2")
    assert "no answer" not in page, page


def without_terminal(job):
    result = subprocess.run(
        [BIN + "/auteur", "top", "--endpoints", ENDPOINTS], stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60, check=False,
    )
    assert result.returncode == 2 and "auteur status --json" in result.stderr, result
    page = ask("top", "--once", job)
    assert "\x1b" not in page and f"JOB {job}" in page and "SHOTS 5" in page, page
    ask("top", "--once", "j99", code=2)
    ask("top", "--json", code=2)


def unknown_terminal():
    terminal = Terminal(
        ["/usr/bin/env", "TERM=no-such-kind", BIN + "/auteur", "top", "--endpoints", ENDPOINTS], 80, 24
    )
    assert terminal.finish("an unknown terminal") == 2, terminal.output
    assert b"auteur status --json" in terminal.output, terminal.output
    terminal.close()


def main():
    broker, base = start_broker()
    start(
        "node", [BIN + "/auteur-node", "--endpoints", ENDPOINTS, "--state", TMP + "/node", "--name", "node-one",
                 "--workers", "1"], AUTEUR_TEST_WORKER_FAULT="slow:100",
    )
    first, second = submit("harbour"), submit("bees")
    terminal = top(80, 24)
    look_around(terminal, first)
    terminal.size(140, 50)
    terminal.wait("more columns", r"MEMORY .*PROGRESS")
    terminal.size(80, 24)
    terminal.wait("fewer columns", r"^NODES AND DEVICES")
    assert "MEMORY" not in terminal.page.text()
    cancel(terminal, second)
    drain(terminal)
    assert terminal.page.colors > 0, "no colours on a terminal that has them"
    lose_broker(terminal, broker, base)
    leave(terminal, "q", "q")

    wide = top(140, 50, first, NO_COLOR="1")
    wide.wait("the job at once", r"^SHOTS 5, by film")
    assert wide.page.colors == 0, "colours in spite of NO_COLOR"
    leave(wide, "Ctrl-C", "\x03")

    killed = top(80, 24)
    killed.wait("a page", r"^JOBS 2")
    os.kill(killed.pid, signal.SIGTERM)
    leave(killed, "SIGTERM", "")
    without_terminal(first)
    unknown_terminal()
    print("auteur top did what its keys say, and left the terminal as it was")


try:
    main()
    failed = 0
except AssertionError as error:
    print("FAILED:", error)
    for name in ("broker", "node"):
        if os.path.exists(f"{TMP}/{name}.log"):
            print(f"--- {name}\n" + "".join(open(f"{TMP}/{name}.log", errors="replace").readlines()[-15:]))
    failed = 1
finally:
    for process in started:
        process.kill()
        process.wait()
    shutil.rmtree(TMP, ignore_errors=True)
sys.exit(failed)
