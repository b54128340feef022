"""A headless Chromium under our hand, by its debugging pipe: nothing but Python's own library.

Messages are JSON ended by a zero byte on descriptors 3 (to Chromium) and 4 (from it).
"""

import json
import os
import select
import shutil
import subprocess
import time

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync --mute-audio "
    "--disable-background-networking --disable-component-update --disable-default-apps --disable-extensions "
    "--disable-dev-shm-usage --no-default-browser-check --remote-debugging-pipe"
).split()


def find():
    """The path of a Chromium, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


class Browser:
    """One page in one Chromium. What it logged, asked for and threw is kept in lists."""

    def __init__(self, path, profile):
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()

        def descriptors():
            low, high = os.dup(to_read), os.dup(from_write)  # neither may be 3 or 4 meanwhile
            low, high = os.dup2(low, 60), os.dup2(high, 61)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self.process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=descriptors, close_fds=False, start_new_session=True,
        )
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.number = b"", 0
        self.logs, self.requests, self.responses = [], [], []
        self.session = None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self.to_write)
        os.close(self.from_read)

    def _note(self, message):
        params = message.get("params", {})
        match message.get("method"):
            case "Runtime.consoleAPICalled":
                if params["type"] in ("error", "warning", "assert"):
                    self.logs.append(f"{params['type']}: {[a.get('value') for a in params['args']]}")
            case "Runtime.exceptionThrown":
                self.logs.append(f"exception: {params['exceptionDetails']}")
            case "Log.entryAdded":
                if params["entry"]["level"] in ("error", "warning"):
                    self.logs.append(f"log: {params['entry']['text']} {params['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.responseReceived":
                self.responses.append(params["response"])

    def _next(self, deadline):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.from_read], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            data = os.read(self.from_read, 1 << 20)
            if not data:
                raise EOFError("Chromium has ended")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(line)

    def call(self, method, patience=60, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + patience
        while True:
            answer = self._next(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def run(self, script):
        """The value of a JavaScript expression in the page; promises are awaited."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, script, what, patience=90):
        """Until an expression is true."""
        deadline = time.monotonic() + patience
        while not self.run(f"Boolean ({script})"):
            if time.monotonic() > deadline:
                text = self.run("document.body.innerText")
                raise AssertionError(f"waited too long for {what}; the page says: {text}")
            time.sleep(0.1)
