#!/usr/bin/env python3
"""auteur import as a command, and --llm against servers of our own that answer well, badly, slowly,
endlessly and not at all.

    import.py AUTEUR SIGNAL.fountain
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

AUTEUR, SCREENPLAY = sys.argv[1:3]
BOARD = {"storyboard": "1", "project": "p", "ingredients": [
    {"id": "mira", "type": "character", "name": "Mira", "description": "tall"}],
    "scenes": [{"id": "s1", "shots": [{"id": "a", "prompt": "Mira wakes", "duration": 2.5,
                                       "ingredients": ["mira"], "init": {"image": "../secret"}}]}]}
INVALID = {"storyboard": "1", "project": "p", "scenes": [{"id": "s1", "shots": [
    {"id": "a", "prompt": "x", "ingredients": ["nobody"]}]}]}
KEY = "sk-very-secret"
asked: dict[str, list[dict]] = {}  # the questions, by the path's first part
release = threading.Event()  # ends what is held
held = threading.Event()  # a question is being held


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        mode = self.path.split("/")[1]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        questions = asked.setdefault(mode, [])
        questions.append({"path": self.path, "key": self.headers.get("Authorization"), "body": body})
        if mode == "drop":
            self.connection.shutdown(socket.SHUT_RDWR)
        elif mode == "hold":
            held.set()
            release.wait(120)
        elif mode == "huge":
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b" " * 65536)
            except OSError:
                pass
        elif mode == "denied":
            self.send_error(401)
        elif mode == "redirect":
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd")
            self.end_headers()
        elif mode == "strange":
            self.answer(json.dumps([1, 2]))
        else:
            said = {"good": json.dumps(BOARD), "fenced": f"Here:\n```json\n{json.dumps(BOARD)}\n```",
                    "bad": "{\"storyboard\": ", "ollama": json.dumps(BOARD),
                    "third": ["no JSON", json.dumps(INVALID), json.dumps(BOARD)][len(questions) - 1]
                    if mode == "third" else ""}[mode]
            message = {"message": {"role": "assistant", "content": said}}
            self.answer(json.dumps(message if mode == "ollama" else {"choices": [message]}))

    def answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text.encode())


def run(*words: str, **settings: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "AUTEUR_LLM_KEY" and "proxy" not in k.lower()}
    return subprocess.run([AUTEUR, "import", *words], capture_output=True, text=True, timeout=300,
                          env={**environment, **settings}, check=False)


def expect(wanted: object, found: object, what: str) -> None:
    if wanted != found:
        sys.exit(f"FAILED: {what}: wanted {wanted!r}, found {found!r}")


def expect_in(part: str, whole: str, what: str) -> None:
    if part not in whole:
        sys.exit(f"FAILED: {what}: {part!r} is not in {whole!r}")


def command_line(folder: Path) -> None:
    board = folder / "signal.json"
    done = run(SCREENPLAY, "-o", str(board), "--json")
    expect(0, done.returncode, "import: " + done.stderr)
    summary = json.loads(done.stdout)
    expect([4, 6, 1, 3, "fountain"], [summary[k] for k in ("scenes", "shots", "characters", "locations", "from")],
           "the summary")
    expect(0, subprocess.run([AUTEUR, "validate", str(board)], capture_output=True, check=False).returncode,
           "validate")
    text = board.read_text()
    expect(text, run(SCREENPLAY).stdout, "standard output")
    again = run(SCREENPLAY, "-o", str(board))
    expect((2, text), (again.returncode, board.read_text()), "a file that exists")
    expect_in("exists", again.stderr, "a file that exists")
    bad = folder / "bad.txt"
    bad.write_bytes(b"One.\n\nT\xff\n")
    for words, code, part in [([str(bad)], 2, "line 3 is not UTF-8"), (["/nonexistent/a.fountain"], 2, "a.fountain"),
                              ([SCREENPLAY, "--tier", "drafty"], 2, "did you mean draft"),
                              ([SCREENPLAY, "--fps", "1000"], 2, "--fps"), ([SCREENPLAY, "--from", "txt"], 2, "text"),
                              ([], 2, ""), ([SCREENPLAY, "--llm", "ftp://x"], 2, "http://"),
                              ([SCREENPLAY, "--llm", "http://me:key@host/"], 2, "AUTEUR_LLM_KEY"),
                              ([SCREENPLAY, "-o", str(folder / "no" / "x.json")], 2, "cannot create")]:
        done = run(*words)
        expect(code, done.returncode, f"{words}: {done.stderr}")
        expect_in(part, done.stderr, str(words))
    plain = json.loads(run(SCREENPLAY, "--from", "text", "--fps", "23.976", "--tier", "draft").stdout)
    expect(("draft", 23.976, "text"), (plain["defaults"]["tier"], plain["defaults"]["fps"],
                                       plain["x"]["import"]["from"]), "options")


def language_models(base: str, folder: Path) -> None:
    secret = folder / "key"
    secret.write_text(KEY + "\n")
    for mode, path in [("good", "/v1"), ("fenced", "/v1/chat/completions"), ("third", "/v1/"), ("ollama", "/api/chat")]:
        done = run(SCREENPLAY, "--llm", f"{base}/{mode}{path}", "--llm-model", "m7", "--llm-key-file", str(secret),
                   "--log-level", "debug")
        expect(0, done.returncode, f"{mode}: {done.stderr}")
        board = json.loads(done.stdout)
        expect(("llm", "animatic"), (board["x"]["import"]["from"], board["defaults"]["tier"]), mode)
        expect(False, "init" in board["scenes"][0]["shots"][0], f"{mode}: a file that a model names")
        expect(False, KEY in done.stdout + done.stderr, f"{mode}: the key is shown")
        question = asked[mode][0]
        expect(("m7", f"Bearer {KEY}"), (question["body"]["model"], question["key"]), mode)
        schema = (question["body"]["format"] if mode == "ollama"
                  else question["body"]["response_format"]["json_schema"]["schema"])
        expect(False, "audio" in schema["properties"], f"{mode}: the schema")
        expect_in("That is not noise.", question["body"]["messages"][1]["content"], mode)
    expect("/ollama/api/chat", asked["ollama"][0]["path"], "Ollama's path")
    expect(3, len(asked["third"]), "questions until the answer is valid")
    expect_in("no JSON object", asked["third"][1]["body"]["messages"][-1]["content"], "the first fault")
    expect_in("nobody", asked["third"][2]["body"]["messages"][-1]["content"], "the second fault")

    rules = run(SCREENPLAY).stdout
    free = socket.socket()
    free.bind(("127.0.0.1", 0))  # bound, but nobody listens
    nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    for mode, part, options in [("bad", "3 answers", []), ("drop", "/drop/", []), ("huge", "more than 16 MiB", []),
                                ("denied", "refuses the key", []), ("redirect", "302", []),
                                ("strange", "without a message", []), ("hold", "no answer within 1 s", ["--llm-timeout", "1"]),
                                ("nobody", nobody, [])]:
        url = nobody if mode == "nobody" else f"{base}/{mode}/v1"
        done = run(SCREENPLAY, "--llm", url, *options, AUTEUR_LLM_KEY=KEY)
        expect((0, rules), (done.returncode, done.stdout), f"{mode}: by the rules: {done.stderr}")
        expect_in("the language model is not used", done.stderr, mode)
        expect_in(part, done.stderr, mode)
        expect(False, KEY in done.stderr, f"{mode}: the key is shown")
    expect(3, len(asked["bad"]), "questions before the rules")
    expect(1, len(asked["hold"]), "questions after a timeout")
    expect(f"Bearer {KEY}", asked["bad"][0]["key"], "the key of the environment")
    free.close()


def interrupted(base: str, folder: Path) -> None:
    board = folder / "interrupted.json"
    held.clear()
    with subprocess.Popen([AUTEUR, "import", SCREENPLAY, "--llm", f"{base}/hold/v1", "-o", str(board)],
                          stderr=subprocess.PIPE) as process:
        expect(True, held.wait(120), "a question")
        process.send_signal(signal.SIGINT)
        expect(130, process.wait(60), "an interrupt's exit code")
    expect(False, board.exists(), "a file after an interrupt")


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    with tempfile.TemporaryDirectory() as name:
        command_line(Path(name))
        language_models(base, Path(name))
        interrupted(base, Path(name))
    release.set()
    server.shutdown()
    print("import: as it should be")


main()
