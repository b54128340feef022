"""Runs a systemd service as its unit says, where no systemd runs.

Honoured: ExecStart, User, Group, Environment, State- and CacheDirectory, UMask, LimitNOFILE and LimitCORE,
Type=notify with NotifyAccess=main, WatchdogSec, KillMode=mixed, TimeoutStopSec; NoNewPrivileges, an empty
CapabilityBoundingSet, ProtectSystem=strict, PrivateTmp, PrivateDevices, ProcSubset and ProtectProc, and as
seccomp filters, made as systemd makes them: SystemCallFilter, RestrictAddressFamilies, RestrictNamespaces,
MemoryDenyWriteExecute. Not honoured, as they need cgroups or a user namespace: MemoryMax, TasksMax,
DevicePolicy, PrivateUsers; and what no program of ours could notice.

Everything happens in a child that was forked for it; the caller must be root in a mount namespace of its own.
"""
import ctypes
import os
import pwd
import resource
import select
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
CLONE_NEWNS = 0x00020000
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
AT_RECURSIVE, ATTR_RDONLY, MOUNT_SETATTR = 0x8000, 1, 442
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
EPERM, ENOSYS = 1, 38
NE, LT, LE, EQ, GE, GT, MASKED_EQ = range(1, 8)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


class Unit:
    """The settings of a unit file: each name with its values in order; an empty one clears."""

    def __init__(self, path):
        self.path = path
        self.settings = {}
        with open(path, encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ")
        for line in text.splitlines():
            line = line.strip()
            if not line or line[0] in "#;[":
                continue
            name, _, value = line.partition("=")
            if value.strip():
                self.settings.setdefault(name.strip(), []).append(value.strip())
            else:
                self.settings[name.strip()] = []

    def one(self, name, default=""):
        values = self.settings.get(name)
        return values[-1] if values else default

    def yes(self, name):
        return self.one(name).lower() in ("yes", "true", "on", "1")

    def seconds(self, name):
        """Infinity for what never ends."""
        value = self.one(name, "infinity")
        return float("inf") if value == "infinity" else float(value)

    def words(self, name):
        return [word for value in self.settings.get(name, []) for word in value.split()]


def check(result, what):
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def mount(source, target, kind, flags=0, data=None):
    check(LIBC.mount(*(None if s is None else s.encode() for s in (source, target, kind)),
                     ctypes.c_ulong(flags), None if data is None else data.encode()),
          f"mount {target}")


def set_read_only(path, value, recursive):
    attributes = struct.pack("QQQQ", ATTR_RDONLY if value else 0, 0 if value else ATTR_RDONLY, 0, 0)
    check(LIBC.syscall(MOUNT_SETATTR, -100, path.encode(), AT_RECURSIVE if recursive else 0,
                       attributes, ctypes.c_size_t(len(attributes))), f"mount_setattr {path}")


# ---- seccomp ------------------------------------------------------------------------------------

class Argument(ctypes.Structure):
    _fields_ = [("index", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64)]


class Filter:
    def __init__(self, default):
        self.lib = ctypes.CDLL("libseccomp.so.2")
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action, name, *arguments):
        number = self.lib.seccomp_syscall_resolve_name(name.encode())
        if number == -1:  # a call of another kernel
            return
        array = (Argument * max(1, len(arguments)))(*arguments)
        self.lib.seccomp_rule_add_array(self.context, ctypes.c_uint32(action), number,
                                        len(arguments), array)

    def load(self):
        check(self.lib.seccomp_load(self.context), "seccomp_load")


def calls_of(word):
    """The calls that a group's name stands for, or the call itself."""
    if not word.startswith("@"):
        return {word}
    done = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True,
                          capture_output=True, text=True)
    found = set()
    for line in done.stdout.splitlines()[1:]:
        line = line.strip()
        if line and not line.startswith("#"):
            found |= calls_of(line)
    return found


def allowed_calls(unit):
    allowed = set()
    for value in unit.settings.get("SystemCallFilter", []):
        words = value.lstrip("~").split()
        named = set().union(*(calls_of(word) for word in words))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed | calls_of("@default") if allowed else None


def load_filters(unit, allowed):
    if unit.yes("MemoryDenyWriteExecute"):
        deny = Filter(ALLOW)
        deny.add(ERRNO | EPERM, "mmap", Argument(2, MASKED_EQ, 6, 6))
        deny.add(ERRNO | EPERM, "mprotect", Argument(2, MASKED_EQ, 4, 4))
        deny.add(ERRNO | EPERM, "pkey_mprotect", Argument(2, MASKED_EQ, 4, 4))
        deny.add(ERRNO | EPERM, "shmat", Argument(2, MASKED_EQ, 0o100000, 0o100000))
        deny.load()
    families = {getattr(socket, word) for word in unit.words("RestrictAddressFamilies")}
    if families:
        deny = Filter(ALLOW)
        for family in set(range(64)) - families:
            deny.add(ERRNO | 97, "socket", Argument(0, EQ, family, 0))
        deny.add(ERRNO | 97, "socket", Argument(0, GE, 64, 0))
        deny.load()
    if unit.yes("RestrictNamespaces"):
        deny = Filter(ALLOW)
        for flag in NAMESPACES:
            deny.add(ERRNO | EPERM, "unshare", Argument(0, MASKED_EQ, flag, flag))
            deny.add(ERRNO | EPERM, "clone", Argument(0, MASKED_EQ, flag, flag))
        deny.add(ERRNO | ENOSYS, "clone3")
        deny.add(ERRNO | EPERM, "setns", Argument(1, EQ, 0, 0))
        deny.load()
    if allowed is not None:
        only = Filter(ERRNO | EPERM)
        for name in allowed:
            only.add(ALLOW, name)
        only.load()


# ---- the sandbox --------------------------------------------------------------------------------

def private_devices():
    folder = "/opt/dev"
    os.makedirs(folder, exist_ok=True)
    mount("tmpfs", folder, "tmpfs")
    for name in DEVICES:
        with open(f"{folder}/{name}", "w", encoding="utf-8"):
            pass
        mount(f"/dev/{name}", f"{folder}/{name}", None, MS_BIND)
    os.mkdir(f"{folder}/shm")
    mount("tmpfs", f"{folder}/shm", "tmpfs", 0, "mode=1777")
    mount(folder, "/dev", None, MS_BIND | MS_REC)


def enter_mounts(unit, writable):
    check(LIBC.unshare(CLONE_NEWNS), "unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    for path in writable:
        mount(path, path, None, MS_BIND)
    if unit.yes("PrivateTmp"):
        for path in ("/tmp", "/var/tmp"):
            mount("tmpfs", path, "tmpfs", 0, "mode=1777")
            writable = writable + [path]
    if unit.yes("PrivateDevices"):
        private_devices()
    options = ["hidepid=" + unit.one("ProtectProc")] if unit.one("ProtectProc") else []
    options += ["subset=" + unit.one("ProcSubset")] if unit.one("ProcSubset") else []
    if options:
        mount("proc", "/proc", "proc", 0, ",".join(options))
    if unit.one("ProtectSystem") == "strict":
        set_read_only("/", True, True)
        for path in writable + ["/dev", "/proc"]:
            set_read_only(path, False, path == "/dev")


def drop_privileges(unit, entry):
    if unit.settings.get("CapabilityBoundingSet") == []:
        for capability in range(64):
            LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
    os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    if unit.yes("NoNewPrivileges"):
        check(LIBC.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


class Service:
    """A unit that runs."""

    def __init__(self, unit, folder, log, extra_environment=None, watchdog=None):
        self.unit = unit
        self.name = os.path.basename(unit.path)
        self.log = log
        self.extra = extra_environment or {}
        self.watchdog = watchdog or unit.seconds("WatchdogSec")
        self.entry = pwd.getpwnam(unit.one("User"))
        self.address = os.path.join(folder, self.name + ".notify")
        self.heard = []
        self.status = ""
        self.pid = 0
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if os.path.exists(self.address):
            os.unlink(self.address)
        self.socket.bind(self.address)
        os.chmod(self.address, 0o777)

    def folders(self):
        made = []
        for kind, base in (("State", "/var/lib"), ("Cache", "/var/cache")):
            for name in self.unit.words(kind + "Directory"):
                path = os.path.join(base, name)
                os.makedirs(path, exist_ok=True)
                os.chmod(path, int(self.unit.one(kind + "DirectoryMode", "0755"), 8))
                os.chown(path, self.entry.pw_uid, self.entry.pw_gid)
                made.append((kind, path))
        return made

    def environment(self, made):
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "LANG": "C.UTF-8",
                     "USER": self.entry.pw_name, "LOGNAME": self.entry.pw_name,
                     "HOME": self.entry.pw_dir, "SHELL": self.entry.pw_shell,
                     "NOTIFY_SOCKET": self.address, "WATCHDOG_PID": str(os.getpid()),
                     "WATCHDOG_USEC": str(int(self.watchdog * 1e6))}
        for kind, path in made:
            variables[kind.upper() + "_DIRECTORY"] = path
        for value in self.unit.settings.get("Environment", []):
            for word in shlex.split(value):
                name, _, text = word.partition("=")
                variables[name] = text
        variables.update(self.extra)
        return variables

    def start(self):
        arguments = shlex.split(self.unit.one("ExecStart"))
        made = self.folders()
        allowed = allowed_calls(self.unit)
        self.heard, self.status = [], ""
        self.pid = os.fork()
        if self.pid:
            return self
        try:
            self.become(arguments, made, allowed)
        except Exception as error:  # noqa: BLE001: whatever it is, this child must end here
            os.write(2, f"{self.name}: {error}\n".encode())
        os._exit(203)

    def become(self, arguments, made, allowed):
        unit = self.unit
        os.setsid()
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        variables = self.environment(made)
        os.umask(int(unit.one("UMask", "0022"), 8))
        for name, limit in (("LimitNOFILE", resource.RLIMIT_NOFILE),
                            ("LimitCORE", resource.RLIMIT_CORE)):
            if unit.one(name):  # a container's root may not raise what it was given
                number = min(int(unit.one(name)), resource.getrlimit(limit)[1] % 2**63)
                resource.setrlimit(limit, (number, number))
        enter_mounts(unit, [path for _, path in made])
        os.chdir("/")
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.closerange(3, 256)
        drop_privileges(unit, self.entry)
        load_filters(unit, allowed)
        os.execve(arguments[0], arguments, variables)

    def listen(self, seconds):
        """Takes what comes within so long; the first message ends it."""
        if not select.select([self.socket], [], [], max(0, seconds))[0]:
            return
        data, ancillary, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(12))
        sender = next((struct.unpack("iii", c[2])[0] for c in ancillary
                       if c[1] == socket.SCM_CREDENTIALS), 0)
        if self.unit.one("NotifyAccess") == "main" and sender != self.pid:
            sys.exit(f"{self.name}: process {sender} speaks in the service's name: {data}")
        for line in data.decode().splitlines():
            name, _, value = line.partition("=")
            if name == "STATUS":
                self.status = value
            self.heard.append((time.monotonic(), line))

    def count(self, line):
        return sum(1 for _, text in self.heard if text == line)

    def ended(self):
        """The exit status once it has ended, else None; −N for signal N."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if not pid:
            return None
        return os.waitstatus_to_exitcode(status)

    def wait_for(self, what, condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                sys.exit(f"{self.name}: waited too long for {what}; status: {self.status!r}")
            code = self.ended()
            if code is not None:
                sys.exit(f"{self.name}: ended with {code} before {what}; status: {self.status!r}")
            self.listen(0.1)

    def wait_ready(self, seconds=60):
        self.wait_for("READY=1", lambda: self.count("READY=1"), seconds)

    def stop(self):
        """As systemctl stop: SIGTERM to the main process, all of it gone in time. The exit status."""
        if self.unit.one("KillMode", "control-group") != "mixed" and self.workers():
            sys.exit(f"{self.name}: a stop would kill its workers: KillMode is not mixed")
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + self.unit.seconds("TimeoutStopSec")
        while True:
            code = self.ended()
            self.listen(0.05)
            if code is not None:
                return code
            if time.monotonic() > deadline:
                sys.exit(f"{self.name}: it did not stop in TimeoutStopSec")

    def workers(self):
        done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.pid)], check=False,
                              capture_output=True, text=True)
        return done.stdout.split()

    def kill(self):
        if self.pid:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
