"""What holds for every Containerfile in deploy/container, and that the rules find what breaks them.

    container_lint.py [PREFIX]

With PREFIX, an installed tree, what its programs are linked with is looked up among the packages that the
last stages install (with dpkg; left out on another system)."""
import glob
import io
import json
import os
import re
import shutil
import subprocess
import sys

from dockerfile_parse import DockerfileParser

import k8s

FOLDER = os.path.join(k8s.ROOT, "deploy", "container")
PROGRAMS = {"broker": ["auteur-broker", "auteur"], "node-cpu": ["auteur-node", "auteur-worker", "auteur"],
            "node-cuda": ["auteur-node", "auteur-worker", "auteur"]}
IN_BASE = {"libc6", "libgcc-s1", "zlib1g", "libtinfo6"}


def parse(text):
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()))
    return [(i["instruction"], i["value"]) for i in parser.structure]


def stages(text):
    found = []
    for instruction, value in parse(text):
        if instruction == "FROM":
            found.append([])
        if found:
            found[-1].append((instruction, value))
    return found


def values(stage, name):
    return [value for instruction, value in stage if instruction == name]


def packages(stage):
    """Of its apt-get install."""
    text = " ".join(values(stage, "RUN"))
    found = re.search(r"apt-get [^&]*install ([^&]*)", text)
    return {w for w in found.group(1).split() if not w.startswith("-")} if found else set()


def check_base(name, text):
    base = re.search(r"^ARG BASE=(\S+)$", text, re.M)
    if not base or not re.search(r"debian:12\.\d+", base.group(1)):
        yield f"{name}: the base is no Debian 12 of a fixed tag"
    for value in [v for s in stages(text) for v in values(s, "FROM")]:
        if not value.startswith("${BASE}"):
            yield f"{name}: FROM {value}"
    if len(stages(text)) < 2:
        yield f"{name}: the tools to build with stay in the image"
    for instruction, value in parse(text):
        if instruction == "ADD":
            yield f"{name}: ADD fetches and unpacks; COPY does not"
        if instruction in ("ARG", "ENV") and re.search("(?i)secret|password|token", value):
            yield f"{name}: a secret in the image"


def check_last(name, stage, version):
    user = values(stage, "USER")
    if not user or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", user[-1]):
        yield f"{name}: the user is no number but root's"
    entry = values(stage, "ENTRYPOINT")
    try:
        command = json.loads(entry[-1])
    except (IndexError, json.JSONDecodeError):
        command = ["sh"]
    if not command[0].startswith("/opt/auteur/bin/"):
        yield f"{name}: ENTRYPOINT is no program of ours, by itself"
    if values(stage, "STOPSIGNAL") != ["SIGTERM"]:
        yield f"{name}: STOPSIGNAL is not SIGTERM, which drains"
    labels = " ".join(values(stage, "LABEL"))
    if f'org.opencontainers.image.version="{version}"' not in labels:
        yield f"{name}: the version's label is not {version}"
    for run in values(stage, "RUN"):
        if "apt-get" in run and ("--no-install-recommends" not in run or "rm -rf /var/lib/apt/lists" not in run):
            yield f"{name}: apt-get installs more than asked for, or leaves its lists"
    if any(p.endswith("-dev") or p in ("gcc", "g++", "cmake", "git", "curl", "python3") for p in packages(stage)):
        yield f"{name}: tools to build with in the image"
    for copied in values(stage, "COPY"):
        if not copied.startswith("--from=build"):
            yield f"{name}: COPY {copied} is not what was built"


def check(name, text, version):
    yield from check_base(name, text)
    yield from check_last(name, stages(text)[-1], version)
    build = stages(text)[0]
    if "tools/deps.sh build" not in " ".join(values(build, "RUN")):
        yield f"{name}: builds with other packages than we do"


def owner(path):
    """The package of a file; a merged /usr has two names for it."""
    for name in (path, re.sub("^/usr", "", path), os.path.realpath(path)):
        done = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    return None


def check_libraries(name, stage, programs):
    known = packages(stage) | IN_BASE
    for program in programs:
        needed = set(re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(
            ["readelf", "-d", program], capture_output=True, text=True, check=True).stdout))
        found = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
        for library, path in re.findall(r"(\S+) => (/\S+)", found):
            if library not in needed or ".venv" in path:
                continue
            package = owner(path)
            if package not in known:
                yield f"{name}: {os.path.basename(program)} needs {library} of {package}, which is not installed"


SPOILS = [(r"debian:12\.\d+-slim", "debian:latest"), (r"USER \S+", "USER auteur"), (r"USER \S+", "USER 0:0"),
          (r'ENTRYPOINT \["(\S+)"\]', r"ENTRYPOINT \1"), (r"STOPSIGNAL SIGTERM", "STOPSIGNAL SIGINT"),
          (r"tools/deps.sh build", "apt-get install -y gcc"), (r'version="0[^"]*"', 'version="9"'),
          (r"--no-install-recommends ", " "), (r"COPY --from=build", "COPY"), (r"libczmq4", "libczmq-dev"),
          (r"^LABEL", "ENV API_TOKEN=x\nLABEL"), (r"^COPY --from=build (\S+) (\S+)", r"ADD http://x.example/y \2")]


def main():
    version, faults, checked = k8s.version(), [], 0
    for path in sorted(glob.glob(os.path.join(FOLDER, "Containerfile.*"))):
        name = os.path.relpath(path, k8s.ROOT)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        checked += 1
        faults += check(name, text, version)
        for pattern, to in SPOILS:
            spoilt = re.sub(pattern, to, text, flags=re.M)
            if spoilt == text or not list(check(name, spoilt, version)):
                faults.append(f"{name}: {to!r} in place of {pattern!r} was not noticed")
        if len(sys.argv) > 1 and shutil.which("dpkg"):
            programs = [os.path.join(sys.argv[1], "bin", p) for p in PROGRAMS[path.rpartition(".")[2]]]
            faults += check_libraries(name, stages(text)[-1], programs)
    for fault in faults:
        print(fault)
    print(f"containers: {checked} files, {len(SPOILS)} ways to break each, {len(faults)} faults")
    return 1 if faults or checked != len(PROGRAMS) else 0


if __name__ == "__main__":
    sys.exit(main())
