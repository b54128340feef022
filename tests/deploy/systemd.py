#!/usr/bin/env python3
"""deploy/systemd: the units are checked by systemd's own tools, then run as they are.

    systemd.py BUILD

installs BUILD into a prefix of a mount and network namespace of its own, makes users and folders with what was
installed for systemd-sysusers and systemd-tmpfiles, and starts broker and node as their units say
(systemd_unit.py): they must become ready, ping the watchdog, render a film and end with 0. Exits with 77 where
systemd's tools, or the right to make namespaces, are missing.
"""
import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys

from systemd_unit import Service, Unit, allowed_calls

HERE = os.path.dirname(os.path.abspath(__file__))
UNITS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "deploy", "systemd")
PREFIX = "/opt/auteur"
EXPOSURE = {"auteur-broker.service": 20, "auteur-node.service": 20}  # tenths, as --threshold has them
INSIDE = "AUTEUR_TEST_UNITS_INSIDE"
FILM = {"storyboard": "1", "project": "units", "title": "Units",
        "defaults": {"tier": "animatic", "width": 128, "height": 72, "fps": 8, "duration": 1},
        "scenes": [{"id": "s1", "shots": [{"id": "one", "prompt": "a lighthouse"},
                                          {"id": "two", "prompt": "waves"}]}]}


def say(text):
    print(text, flush=True)


def run(*command, **options):
    options.setdefault("timeout", 120)
    done = subprocess.run(command, check=False, capture_output=True, text=True, **options)
    return done.returncode, done.stdout, done.stderr


def must(*command, **options):
    code, out, err = run(*command, **options)
    if code:
        sys.exit(f"{' '.join(command)}: exit {code}\n{out}{err}")
    return out


# ---- what can be read ---------------------------------------------------------------------------

def check_exposure():
    for name, limit in EXPOSURE.items():
        code, out, err = run("systemd-analyze", "security", "--offline=true", f"--threshold={limit}",
                             os.path.join(UNITS, name))
        last = next((line for line in out.splitlines() if "Overall exposure" in line), out + err)
        if code:
            sys.exit(f"{name}: {last}")
        say(f"{last.strip()} (limit {limit / 10})")


def check_texts():
    for name in EXPOSURE:
        unit = Unit(os.path.join(UNITS, name))
        for key, values in unit.settings.items():
            if key.startswith("Exec") and not all(v.startswith("/") for v in values):
                sys.exit(f"{name}: {key} does not name its program by full path")
        if unit.one("Type") != "notify" or unit.seconds("WatchdogSec") > 300:
            sys.exit(f"{name}: it is not watched")
        drain = re.search(r"--drain (\d+)", unit.one("ExecStart"))
        if drain and unit.seconds("TimeoutStopSec") <= int(drain[1]):
            sys.exit(f"{name}: TimeoutStopSec does not exceed --drain {drain[1]}")
        if "%" in unit.one("ExecStart") or "@" in name:
            sys.exit(f"{name}: it is a template")
    calls = allowed_calls(Unit(os.path.join(UNITS, "auteur-node.service")))
    missing = {"seccomp", "landlock_create_ruleset", "landlock_add_rule",
               "landlock_restrict_self", "prctl"} - calls
    if missing:
        sys.exit(f"auteur-node.service: a worker cannot confine itself without {missing}")


# ---- namespaces ---------------------------------------------------------------------------------

def enter():
    """Runs this again in namespaces of its own; does not return."""
    if os.geteuid() != 0:
        say("skipped: only root can run services as their users")
        sys.exit(77)
    if run("unshare", "--mount", "--net", "true")[0]:
        say("skipped: no namespaces can be made here")
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--propagation", "private",
                          sys.executable, "-B", *sys.argv])


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0x1 | 0x40)  # up, running
        fcntl.ioctl(any_socket, 0x8914, request.ljust(40, b"\0"))


def private_places():
    """/etc as a copy; /opt and /var/lib empty; /var/cache with the fonts' alone. They go with the namespace."""
    for path in ("/opt", "/var/lib"):
        must("mount", "-t", "tmpfs", "tmpfs", path)
    os.mkdir("/opt/etc")
    must("cp", "-a", "/etc/.", "/opt/etc")
    shutil.rmtree("/opt/etc/auteur", ignore_errors=True)
    must("mount", "--bind", "/opt/etc", "/etc")
    fonts = "/var/cache/fontconfig"
    if os.path.isdir(fonts):
        os.mkdir("/opt/fonts")
        must("mount", "--bind", fonts, "/opt/fonts")
    must("mount", "-t", "tmpfs", "tmpfs", "/var/cache")
    if os.path.isdir("/opt/fonts"):
        os.mkdir(fonts)
        must("mount", "--bind", "/opt/fonts", fonts)


def install(build):
    must("cmake", "--install", build, "--prefix", PREFIX, "--strip")
    for name in ("auteur-broker", "auteur-node"):
        path = f"{PREFIX}/lib/systemd/system/{name}.service"
        if not Unit(path).one("ExecStart").startswith(f"{PREFIX}/bin/{name} "):
            sys.exit(f"{path} names another program than the installed one")
        code, out, err = run("systemd-analyze", "verify", "--man=no", path)
        if code or out or err:
            sys.exit(f"systemd-analyze verify {name}: {out}{err}")
    must("systemd-sysusers", f"{PREFIX}/lib/sysusers.d/auteur.conf")
    must("systemd-tmpfiles", "--create", f"{PREFIX}/lib/tmpfiles.d/auteur.conf")
    say("installed; the units are verified, users and folders made")


# ---- what must run ------------------------------------------------------------------------------

def auteur(*arguments, user=None, **options):
    command = [f"{PREFIX}/bin/auteur", *arguments]
    if user:
        command = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *command]
    return must(*command, **options)


def make(name, folder):
    # The watchdog has less patience than in the unit, so that a test sees pings and ends. A sanitizer's
    # leak check stops processes with ptrace, which the units do not allow.
    extra = {"ASAN_OPTIONS": "detect_leaks=0"}
    unit = Unit(f"{PREFIX}/lib/systemd/system/{name}.service")
    return Service(unit, folder, f"{folder}/{name}.log", extra, watchdog=1)


def status_of(pid, name):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return int(re.search(rf"^{name}:\s*(\d+)$", file.read(), re.MULTILINE)[1])


def check_confined(node):
    """Inside the unit, which has a filter of its own, a worker confines itself as this machine can do it: one
    that could not do it wholly would say so in the log."""
    with open(node.log, encoding="utf-8") as file:
        complaint = re.search(r"worker: .*confined.*", file.read())
    doctor = "".join(run(f"{PREFIX}/bin/auteur", "doctor")[1:])
    possible = re.search(r"no new privileges, .*", doctor)
    if not possible:
        sys.exit(f"auteur doctor does not say what can be confined here: {doctor}")
    if complaint and " NOT " not in possible[0]:
        sys.exit(f"outside: {possible[0]}; inside the unit: {complaint[0]}")
    filters = {status_of(pid, "Seccomp_filters") for pid in node.workers()}
    if not filters or min(filters) <= status_of(node.pid, "Seccomp_filters"):
        sys.exit(f"workers have no filter beside the unit's: {filters}")
    say(f"workers are confined inside the unit, too: {possible[0]}")


def render(folder, name, *options):
    film = os.path.join(folder, "film.json")
    with open(film, "w", encoding="utf-8") as file:
        json.dump(FILM, file)
    out = os.path.join(folder, name)
    auteur("render", film, "-o", out, "--outputs", f"{folder}/outputs", "--timeout", "60",
           "--broker", "127.0.0.1", *options, env={"PATH": "/usr/bin:/bin", "HOME": folder})
    with open(out, "rb") as file:
        return file.read()


def work_a_day(folder, services):
    """As installed: on loopback, without keys."""
    broker, node = make("auteur-broker", folder), make("auteur-node", folder)
    services += [broker, node]
    node.start()  # first: it must wait for its broker
    node.wait_for("its status", lambda: node.status == "looks for the broker", 30)
    if node.count("READY=1"):
        sys.exit("the node was ready before there was a broker")
    broker.start().wait_ready()
    node.wait_ready()
    say(f"ready: broker \"{broker.status}\", node \"{node.status}\"")
    film = render(folder, "film.mp4")
    check_confined(node)
    for service in (broker, node):
        service.heard = [h for h in service.heard if h[1] != "WATCHDOG=1"]
        service.wait_for("pings", lambda s=service: s.count("WATCHDOG=1") >= 3, 30)
    say("the watchdog is pinged")
    if os.stat("/var/lib/auteur-broker").st_mode & 0o77:
        sys.exit("the broker's state is open to others")
    end(node, broker)
    return film


def end(*services):
    for service in services:
        code = service.stop()
        if code or not service.count("STOPPING=1"):
            sys.exit(f"{service.name} ended with {code}, STOPPING told {service.count('STOPPING=1')}")
    say("SIGTERM: STOPPING=1 and exit 0, both")


def work_with_keys(folder, services):
    """As docs/operations.md says for a cluster of several machines."""
    keys = {"auteur-broker": "/etc/auteur/broker-keys", "auteur-node": "/etc/auteur/node-keys"}
    public = {}
    for user, path in keys.items():
        auteur("keys", "new", "--keys", path, user=user)
        public[user] = auteur("keys", "show", "--public", "--keys", path, user=user).strip()
    mine = f"{folder}/keys"
    auteur("keys", "new", "--keys", mine)
    me = auteur("keys", "show", "--public", "--keys", mine).strip()
    auteur("keys", "allow", "--as", "node", "here", public["auteur-node"], "--keys",
           keys["auteur-broker"], user="auteur-broker")
    auteur("keys", "allow", "--as", "client", "me", me, "--keys", keys["auteur-broker"],
           user="auteur-broker")
    auteur("keys", "allow", "--as", "broker", "studio", public["auteur-broker"], "--keys",
           keys["auteur-node"], user="auteur-node")
    auteur("keys", "allow", "--as", "broker", "studio", public["auteur-broker"], "--keys", mine)
    for name, key in (("broker", "#bind = "), ("broker", "#keys = "), ("node", "#keys = ")):
        path = f"/etc/auteur/{name}.conf"
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if key not in text:
            sys.exit(f"{path} has no line {key}")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(key, key[1:], 1))
    shown = must(f"{PREFIX}/bin/auteur-broker", "--config", "/etc/auteur/broker.conf",
                 "--print-config")
    if "bind = 0.0.0.0" not in shown or "/etc/auteur/broker.conf:" not in shown:
        sys.exit(f"--print-config does not show the file's settings: {shown}")
    broker, node = make("auteur-broker", folder), make("auteur-node", folder)
    services += [broker, node]
    broker.start().wait_ready()
    node.start().wait_ready()
    film = render(folder, "film-keys.mp4", "--keys", mine)
    end(node, broker)
    say("the same with keys")
    return film


def main():
    if not shutil.which("systemd-analyze"):
        say("skipped: systemd's tools are not here")
        return 77
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if INSIDE not in os.environ:
        check_exposure()
        check_texts()
        enter()
    raise_loopback()
    private_places()
    folder = "/opt/test"  # not in /tmp, where a service with PrivateTmp would not find its manager's socket
    os.mkdir(folder)
    services = []
    try:
        install(os.path.abspath(sys.argv[1]))
        if work_a_day(folder, services) != work_with_keys(folder, services):
            sys.exit("the films differ")
    except SystemExit as stop:
        for service in services:
            if stop.code and os.path.exists(service.log):
                with open(service.log, encoding="utf-8") as file:
                    say(f"--- {service.name}\n" + "".join(file.readlines()[-25:]))
        raise
    finally:
        for service in services:
            service.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
