#!/usr/bin/env python3
"""The dashboard in a headless Chromium, before a real broker and a real node: what is shown, that it
changes by itself, that nothing comes from elsewhere and that no text becomes markup.

    BIN=build/bin tests/web/dashboard.py [--screenshots DIR]

Exit 77 when there is no Chromium.
"""

import argparse
import base64
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse

import chrome

BIN = pathlib.Path(os.environ.get("BIN", "build/bin")).resolve()
EVIL = '"><script>window.hacked=1</script><img src=x onerror="window.hacked=2">'


def storyboard(project, shots, seconds):
    """A film whose texts would like to be markup."""
    return {
        "storyboard": "1", "project": project, "title": EVIL,
        "defaults": {"width": 320, "height": 180, "fps": 24, "duration": seconds, "seed": 4,
                     "model": "auteur-animatic"},
        "scenes": [{"id": "s1", "slugline": EVIL, "shots": [
            {"id": f"s1-{i:02}", "prompt": f"a red circle moves right over a blue background {EVIL}", "seed": i}
            for i in range(1, shots + 1)]}],
    }


class Cluster:
    """A broker, a node when it is wanted, and films for them, below one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.endpoints = self.folder / "broker" / "endpoints.json"
        self.processes = {}
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("AUTEUR_")}
        self.env.update(XDG_STATE_HOME=folder, XDG_CONFIG_HOME=folder, HF_HUB_CACHE=f"{folder}/none")

    def start(self, name, *args):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.processes[name] = subprocess.Popen([BIN / args[0], *args[1:]], env=self.env, stderr=log, stdout=log)

    def broker(self, port=0, http_port=0, *more):
        self.endpoints.unlink(missing_ok=True)
        self.start("broker", "auteur-broker", "--state", str(self.folder / "broker"), "--port", str(port),
                   "--http-port", str(http_port), "--silent", "6", *more)
        until(self.endpoints.exists, "the broker")
        return json.loads(self.endpoints.read_text())

    def node(self, name):
        self.start("node", "auteur-node", "--endpoints", str(self.endpoints), "--state", str(self.folder / "node"),
                   "--name", name, "--workers", "1", "--device", "cpu")

    def stop(self, name, how=signal.SIGTERM):
        self.processes[name].send_signal(how)
        self.processes.pop(name).wait(60)

    def submit(self, project, shots, seconds):
        path = self.folder / f"{project}.json"
        path.write_text(json.dumps(storyboard(project, shots, seconds)))
        return subprocess.run([BIN / "auteur", "submit", path, "--endpoints", self.endpoints], env=self.env,
                              check=True, capture_output=True, text=True).stdout.strip()

    def close(self):
        for process in self.processes.values():
            process.kill()
            process.wait()


def until(true, what, patience=60):
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.05)


def shoot(page, folder, name, width, height, theme, full=False):
    """A picture of the page in this size and theme."""
    page.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
    page.run("new Promise ((done) => requestAnimationFrame (() => setTimeout (done, 300)))")
    data = page.call("Page.captureScreenshot", format="png", captureBeyondViewport=full)["data"]
    (folder / f"{name}.png").write_bytes(base64.b64decode(data))


def shots_of(job):
    return f"[...document.querySelectorAll ('[data-job=\"{job}\"] .shot')]"


def waits_without_node(page, cluster):
    """A film without a node: it is there with its shots, and says why it waits."""
    job = cluster.submit("a-quiet-evening", 3, 2)
    page.wait(f"{shots_of(job)}.length === 3", "the strip of a job that came while the page was open")
    page.wait(f"document.querySelector ('[data-job=\"{job}\"]').innerText.includes ('no node')", "the reason to wait")
    page.wait("!document.querySelector ('#no-nodes').hidden", "the word that there is no node")
    return job


def renders_live(page, cluster, job, name):
    """A node comes, the film is made, and the open page tells of it without being loaded again."""
    page.run("window.same = true")
    cluster.node(name)
    page.wait("document.querySelector ('.node[data-state=online]')", "the node")
    page.wait(f"document.querySelector ('.workers [data-state=busy]')?.innerText.includes ('{job} s1-')", "its work")
    page.wait(f"{shots_of(job)}.every ((shot) => shot.dataset.state === 'done')", "the shots to be done")
    page.wait(f"{shots_of(job)}.every ((shot) => shot.querySelector ('img')?.naturalWidth > 0)", "the pictures")
    page.wait("document.querySelector ('#event-list').innerText.includes ('done')", "events")
    assert page.run("window.same"), "the page was loaded again"
    assert page.run("document.querySelector ('#link').dataset.state") == "live"


def nothing_is_markup(page, name):
    assert page.run("window.hacked") is None, "a text ran as a script"
    assert page.run("document.scripts.length") == 1
    assert page.run("document.querySelectorAll ('img[src=x]').length") == 0
    assert page.run("document.querySelector ('.node .name').textContent") == name, "the node's name"


def dialog_by_keyboard(page, job):
    """A shot opens by Enter, its dialog has its chunks, and Escape gives the focus back."""
    page.run(f"{shots_of(job)}[1].focus ()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13,
                  **({"text": "\r"} if kind == "keyDown" else {}))
    page.wait("document.querySelector ('#shot').open", "the dialog")
    assert page.run("document.querySelector ('#shot-title').textContent").endswith("s1-02")
    assert page.run("document.querySelectorAll ('#shot-chunks tr').length") >= 1
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Escape", code="Escape", windowsVirtualKeyCode=27)
    page.wait("!document.querySelector ('#shot').open", "the dialog to close")
    assert page.run(f"document.activeElement === {shots_of(job)}[1]"), "the focus is not where it was"


def names_for_all(page):
    """Whatever can be used has a name for those who do not see it, and nothing overflows a telephone."""
    nameless = page.run("[...document.querySelectorAll ('button, progress:not([aria-hidden]), dialog, [tabindex]')]"
                        ".filter ((e) => !(e.getAttribute ('aria-label') || e.getAttribute ('aria-labelledby') ||"
                        " e.innerText)).map ((e) => e.outerHTML)")
    assert nameless == [], nameless
    page.call("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=True)
    wide = page.run("document.documentElement.scrollWidth")
    assert wide <= 360, f"the page is {wide} pixels wide on a screen of 360"
    page.call("Emulation.clearDeviceMetricsOverride")


def survives_a_restart(page, cluster, endpoints):
    """The broker goes and comes back at the same ports: the page says so, and goes on by itself."""
    cluster.stop("broker")
    page.wait("document.querySelector ('#link').dataset.state === 'lost'", "the page to notice")
    client = urllib.parse.urlparse(endpoints["client"]).port
    cluster.broker(client, urllib.parse.urlparse(endpoints["http"]).port)
    page.wait("document.querySelector ('#link').dataset.state === 'live'", "the page to be live again")
    job = cluster.submit("after-the-restart", 2, 1)
    page.wait(f"{shots_of(job)}.length === 2", "a job of the new broker")
    page.wait(f"{shots_of(job)}.every ((shot) => shot.dataset.state === 'done')", "its shots")


def nothing_from_elsewhere(page, origin):
    elsewhere = [url for url in page.requests if not url.startswith((origin + "/", "about:", "data:"))]
    assert elsewhere == [], elsewhere
    document = next(r for r in page.responses if r["url"] == origin + "/")
    policy = {k.lower(): v for k, v in document["headers"].items()}["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy, policy


def free_port():
    """The base of ports that are free now, below the system's own."""
    import random
    import socket
    while True:
        base = random.randrange(12000, 30000, 100)
        try:
            for port in [*range(base, base + 5), base + 80]:
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue


def play(page, cluster, pictures):
    base = free_port()
    endpoints = cluster.broker(base, base + 80)
    origin = endpoints["http"]
    page.call("Page.navigate", url=origin + "/")
    page.wait("document.querySelector ('#link')?.dataset.state === 'live'", "the page to be live")
    assert page.run("document.querySelector ('#no-jobs').innerText").startswith("There is no job yet")
    job = waits_without_node(page, cluster)
    if pictures:
        shoot(page, pictures, "waiting-light", 1280, 800, "light")
    name = "workstation" if pictures else EVIL[:60]
    renders_live(page, cluster, job, name)
    nothing_is_markup(page, name)
    dialog_by_keyboard(page, job)
    names_for_all(page)
    if pictures:
        cluster.submit("two-balls", 8, 4)
        page.wait("document.querySelectorAll ('.shot[data-state=done]').length >= 6", "some shots")
        for width in (360, 1280, 1920):
            for theme in ("light", "dark"):
                shoot(page, pictures, f"{width}-{theme}", width, 740 if width == 360 else 900, theme)
        page.run("document.querySelector ('.shot img').closest ('.shot').click ()")
        shoot(page, pictures, "dialog-dark", 1280, 800, "dark")
        page.run("document.querySelector ('#shot').close ()")
    assert page.logs == [], page.logs
    survives_a_restart(page, cluster, endpoints)
    nothing_is_markup(page, name)
    nothing_from_elsewhere(page, origin)
    # While the broker was away its address was refused, which Chromium tells of; nothing else.
    refused = [line for line in page.logs if "ERR_CONNECTION_REFUSED" not in line and "ERR_INCOMPLETE_CHUNKED" not in line]
    assert refused == [], refused


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--screenshots", type=pathlib.Path, help="leave pictures of the page here")
    args = parser.parse_args()
    path = chrome.find()
    if not path:
        print("skipped: no chromium here; tools/deps.sh web installs it")
        return 77
    if args.screenshots:
        args.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="auteur-web-") as folder:
        cluster = Cluster(folder)
        page = chrome.Browser(path, f"{folder}/profile")
        try:
            play(page, cluster, args.screenshots)
        except BaseException:
            for log in pathlib.Path(folder).glob("*.log"):
                print(f"--- {log.name}", *log.read_text().splitlines()[-15:], sep="\n")
            print("--- page", *page.logs, sep="\n")
            raise
        finally:
            page.close()
            cluster.close()
    print("the dashboard is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
