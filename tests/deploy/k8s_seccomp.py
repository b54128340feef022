"""RuntimeDefault for k8s_run.py: the default profile of podman and CRI-O (Debian: golang-github-containers-common),
read for a container without capabilities and made a filter by libseccomp. containerd's own is alike."""
import ctypes
import json
import os

PROFILE = "/usr/share/containers/seccomp.json"
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
OPS = {"SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5,
       "SCMP_CMP_GT": 6, "SCMP_CMP_MASKED_EQ": 7}
ARCHES = {"x86_64": "amd64", "aarch64": "arm64"}


class Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def applies(rule):
    """Whether it holds for this machine and a process without capabilities."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    arch = ARCHES.get(os.uname().machine)
    if includes.get("caps") or arch in excludes.get("arches", []):
        return False
    return not includes.get("arches") or arch in includes["arches"]


def action(name, number):
    return {"SCMP_ACT_ALLOW": ALLOW, "SCMP_ACT_ERRNO": ERRNO | (number or 1)}[name]


def make(path):
    """Writes the filter to `path` and returns that, or None where there is no profile or library."""
    try:
        library = ctypes.CDLL("libseccomp.so.2")
        with open(PROFILE, encoding="utf-8") as file:
            profile = json.load(file)
    except OSError:
        return None
    library.seccomp_init.restype = ctypes.c_void_p
    default = action(profile["defaultAction"], profile.get("defaultErrnoRet"))
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))
    for rule in profile["syscalls"]:
        act = action(rule["action"], rule.get("errnoRet"))
        if not applies(rule) or act == default:
            continue
        compared = [Comparison(a["index"], OPS[a["op"]], a["value"], a.get("valueTwo", 0))
                    for a in rule.get("args") or []]
        array = (Comparison * len(compared))(*compared)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:
                code = library.seccomp_rule_add_array(context, ctypes.c_uint32(act), number, len(compared), array)
                if code:
                    raise OSError(-code, f"{name}: {os.strerror(-code)}")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    code = library.seccomp_export_bpf(context, fd)
    os.close(fd)
    library.seccomp_release(context)
    if code:
        raise OSError(-code, os.strerror(-code))
    return path
