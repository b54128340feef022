"""Starts what the manifests say as real processes, as a kubelet would: each container's command,
arguments, environment, user and groups, no capabilities, a read-only root, its volumes with the owners
and modes that a kubelet gives them (Secrets as links into ..data), as process 1 of a PID namespace.
Its probes are run until they pass; a film is rendered by those nodes; a node that is taken out of the
Secret's list is no longer ready; SIGTERM must end each with 0 within its grace period.

    k8s_run.py PREFIX [IMAGE]    PREFIX: an installed tree, which stands for the image's /opt/auteur
                                 IMAGE: a root folder that stands for the rest of it (this system)

Stand-ins, as there is no cluster and no GPU: the image is IMAGE's /usr with PREFIX; all pods share
one network namespace, where the names of Services lead to loopback, so NetworkPolicies are not in force;
--device=cuda:N becomes cpu; limits of memory and CPU are not set; the seccomp profile is that of
k8s_seccomp.py where its source is installed. Needs root, kubectl, bwrap and util-linux, else 77.
"""
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

try:
    import k8s
    import k8s_seccomp
except ImportError:
    print("left out: no PyYAML here (apt-get install python3-yaml)")
    sys.exit(77)

INSIDE = "--inside"
SERVICES = "/etc/hosts"
FILM = {"storyboard": "1", "title": "Probe", "project": "probe",
        "defaults": {"tier": "animatic", "width": 160, "height": 90, "fps": 8, "seed": 1},
        "scenes": [{"id": "s1", "slugline": "INT. MACHINE ROOM - NIGHT",
                    "shots": [{"id": "s1-01", "prompt": "A red lamp in a dark room", "duration": 1}]}]}


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, **more)
    expect(done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()[-600:]}")
    return done.stdout


def wait_for(what, seconds, check):
    """Until check () gives no reason any more."""
    end = time.monotonic() + seconds
    while True:
        reason = check()
        if reason is None:
            return
        expect(time.monotonic() < end, f"{what}: not within {seconds} s: {reason}")
        time.sleep(0.1)


# ---- volumes ------------------------------------------------------------------------------------


def put_secret(folder, files, mode, group):
    """What the kubelet's atomic writer does: a new folder, then a rename of the link to it."""
    stamp = f"..{time.monotonic_ns()}"
    place = os.path.join(folder, stamp)
    os.mkdir(place, 0o755)
    os.chown(place, 0, group)
    os.chmod(place, 0o2755)
    for name, text in files.items():
        path = os.path.join(place, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chown(path, 0, group)
        os.chmod(path, mode | 0o440)  # fsGroup may read
        if not os.path.islink(os.path.join(folder, name)):
            os.symlink(os.path.join("..data", name), os.path.join(folder, name))
    os.symlink(stamp, os.path.join(folder, "..tmp"))
    os.rename(os.path.join(folder, "..tmp"), os.path.join(folder, "..data"))


def make_volume(folder, group, mode):
    os.makedirs(folder)
    os.chown(folder, 0, group)
    os.chmod(folder, mode)


class Box:
    """A container."""

    def __init__(self, world, name, pod, container):
        self.world, self.name, self.pod, self.container = world, name, pod, container
        self.folder = os.path.join(world.folder, name)
        self.secrets = {}
        self.process = self.pid = None
        self.log = os.path.join(world.folder, name + ".log")
        self.user = container["securityContext"].get("runAsUser", pod["securityContext"]["runAsUser"])
        self.group = pod["securityContext"].get("runAsGroup", 0)
        self.fs_group = pod["securityContext"]["fsGroup"]

    def volumes(self, claims):
        """The mounts as bwrap's options."""
        sources = {}
        for volume in self.pod["volumes"]:
            path = os.path.join(self.folder, volume["name"])
            if "secret" in volume:
                make_volume(path, self.fs_group, 0o3777)
                name = volume["secret"]["secretName"]
                mode = volume["secret"].get("defaultMode", 0o644)
                put_secret(path, self.world.secrets[name], mode, self.fs_group)
                self.secrets[name] = (path, mode)
            elif "emptyDir" in volume:
                make_volume(path, self.fs_group, 0o2777)
            elif "persistentVolumeClaim" in volume:
                make_volume(path, self.fs_group, 0o2775)
            else:
                raise Failed(f"{self.name}: no stand-in for the volume {volume['name']}")
            sources[volume["name"]] = path
        for claim in claims:
            sources[claim["metadata"]["name"]] = path = os.path.join(self.folder, "claim")
            make_volume(path, self.fs_group, 0o2775)
            os.mkdir(os.path.join(path, "lost+found"), 0o700)
        for mount in self.container["volumeMounts"]:
            yield from ("--ro-bind" if mount.get("readOnly") else "--bind",
                        sources[mount["name"]], mount["mountPath"])

    def arguments(self):
        args = [re.sub("^--device=cuda:[0-9]+$", "--device=cpu", a) for a in self.container["args"]]
        return self.container["command"] + args

    def privileges(self):
        return ["setpriv", f"--reuid={self.user}", f"--regid={self.group}", f"--groups={self.fs_group}",
                "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]

    def start(self, claims):
        read, write = os.pipe()
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME": self.name}
        env.update({e["name"]: e["value"] for e in self.container.get("env", [])})
        command = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--hostname", self.name,
                   "--as-pid-1", "--die-with-parent", "--info-fd", str(write), "--clearenv",
                   "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP"]
        for key, value in env.items():
            command += ["--setenv", key, value]
        command += ["--proc", "/proc", "--dev", "/dev"] + self.world.image() + list(self.volumes(claims))
        command += ["--remount-ro", "/"]
        profile = self.world.seccomp()
        if profile is not None:
            command += ["--seccomp", str(profile)]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command + ["--"] + self.privileges() + self.arguments(), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[f for f in (write, profile) if f is not None])
        os.close(write)
        if profile is not None:
            os.close(profile)
        with os.fdopen(read) as info:
            text = info.read()
        expect(text, f"{self.name} did not start: {self.tail()}")
        self.pid = json.loads(text)["child-pid"]

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def tail(self):
        return self.said()[-1500:]

    def probe(self, probe):
        """None if it passes, else why not."""
        if self.process.poll() is not None:
            raise Failed(f"{self.name} has ended with {self.process.returncode}: {self.tail()}")
        if "exec" in probe:
            done = subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-p", "-r", "-w"] + self.privileges() +
                                  probe["exec"]["command"], capture_output=True, text=True, check=False, timeout=120)
            return None if done.returncode == 0 else done.stderr.strip() or f"exit {done.returncode}"
        get = probe["httpGet"]
        ports = {p["name"]: p["containerPort"] for p in self.container["ports"]}
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports[get['port']]}{get['path']}", timeout=30):
                return None
        except (urllib.error.URLError, OSError) as error:
            return str(error)

    def become(self, which):
        probe = self.container[which]
        bound = probe.get("periodSeconds", 10) * probe.get("failureThreshold", 3)
        wait_for(f"{self.name}: {which}", max(bound, 120), lambda: self.probe(probe))

    def check_process(self):
        """That the process is what the manifest asks for."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines() if ":\t" in line)
        expect(set(status["Uid"].split()) == {str(self.user)}, f"{self.name} has user {status['Uid']}")
        expect(set(status["Gid"].split()) == {str(self.group)}, f"{self.name} has group {status['Gid']}")
        for caps in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
            expect(int(status[caps], 16) == 0, f"{self.name} has capabilities ({caps})")
        expect(status["NoNewPrivs"].strip() == "1", f"{self.name} may gain privileges")
        wanted = "2" if self.world.profile else "0"
        expect(status["Seccomp"].strip() == wanted, f"{self.name}: seccomp mode {status['Seccomp']}")
        expect(status["NSpid"].split()[-1] == "1", f"{self.name} is not process 1")
        for path in ("/", "/opt/auteur", "/usr", "/etc"):
            flags = os.statvfs(f"/proc/{self.pid}/root{path}").f_flag
            expect(flags & os.ST_RDONLY, f"{self.name} can write {path}")

    def check_workers(self):
        """That each worker has put a filter of its own below the container's."""
        filters = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{entry}/status", encoding="ascii") as file:
                    status = file.read()
            except OSError:
                continue
            if re.search(rf"^PPid:\t{self.pid}$", status, re.M):
                filters.append(int(re.search(r"^Seccomp_filters:\t(\d+)$", status, re.M).group(1)))
        wanted = 2 if self.world.profile else 1
        expect(filters and min(filters) >= wanted, f"{self.name}: its workers have {filters} filters of system calls")

    def stop(self):
        grace = self.pod["terminationGracePeriodSeconds"]
        began = time.monotonic()
        os.kill(self.pid, signal.SIGTERM)
        try:
            code = self.process.wait(grace)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} outlives its grace period of {grace} s: {self.tail()}") from None
        expect(code == 0, f"{self.name} ends with {code}: {self.tail()}")
        return time.monotonic() - began

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class World:
    """A machine with the pods of one cluster."""

    def __init__(self, prefix, root, folder):
        self.prefix, self.root, self.folder = prefix, root, folder
        self.boxes, self.secrets = [], {}
        self.profile = k8s_seccomp.make(os.path.join(folder, "seccomp.bpf"))

    def seccomp(self):
        return os.open(self.profile, os.O_RDONLY) if self.profile else None

    def image(self):
        options = []
        for folder in ("/etc", "/etc/auteur", "/opt", "/var", "/var/lib"):
            options += ["--perms", "0755", "--dir", folder]
        options += ["--ro-bind", self.root + "/usr", "/usr", "--ro-bind", self.prefix, "/opt/auteur"]
        for link in ("bin", "lib", "lib64", "sbin"):
            options += ["--symlink", "usr/" + link, "/" + link]
        for path in ("/etc/ld.so.cache", "/etc/fonts", "/etc/passwd", "/etc/nsswitch.conf", "/etc/alternatives"):
            if os.path.exists(self.root + path):
                options += ["--ro-bind", self.root + path, path]
        venv = os.path.join(k8s.ROOT, ".venv")
        if os.path.exists(venv):  # LibTorch, if the build has the engine
            options += ["--ro-bind", venv, venv]
        return options + ["--ro-bind", os.path.join(self.folder, "hosts"), SERVICES]

    def auteur(self, *args, **more):
        return run(os.path.join(self.prefix, "bin", "auteur"), *args, **more)

    def make_keys(self):
        """Keys of a broker, of nodes and of a client, as Secrets and a folder."""
        keys = {who: os.path.join(self.folder, "keys-" + who) for who in ("broker", "node", "client")}
        public = {}
        for who, folder in keys.items():
            self.auteur("keys", "new", "--keys", folder)
            public[who] = self.auteur("keys", "show", "--public", "--keys", folder).strip()
        for who in ("node", "client"):
            self.auteur("keys", "allow", "--as", who, who, public[who], "--keys", keys["broker"])
            self.auteur("keys", "allow", "--as", "broker", "studio", public["broker"], "--keys", keys[who])
        for who in ("broker", "node"):
            self.secrets[f"auteur-{who}-keys"] = files = {}
            for name in os.listdir(keys[who]):
                with open(os.path.join(keys[who], name), encoding="ascii") as file:
                    files[name] = file.read()
        return keys["client"]

    def make_hosts(self, documents):
        names = ["127.0.0.1 localhost"]
        for service in documents:
            if service["kind"] == "Service":
                name, space = service["metadata"]["name"], service["metadata"]["namespace"]
                names.append(f"127.0.0.1 {name} {name}.{space} {name}.{space}.svc {name}.{space}.svc.cluster.local")
        with open(os.path.join(self.folder, "hosts"), "w", encoding="ascii") as file:
            file.write("\n".join(names) + "\n")

    def start(self, document, name):
        pod = k8s.pod_spec(document)
        expect(not pod.get("initContainers") and len(pod["containers"]) == 1, f"{name}: no stand-in for such a pod")
        box = Box(self, name, pod, pod["containers"][0])
        self.boxes.append(box)
        box.start(document["spec"].get("volumeClaimTemplates", []))
        return box

    def end(self):
        for box in self.boxes:
            box.kill()


def unique_workloads():
    """Every different pod, brokers first, with the documents of the base for the Services."""
    brokers, nodes, seen = [], [], set()
    for name in k8s.kustomizations():
        for document in k8s.build(name):
            pod = k8s.pod_spec(document)
            key = json.dumps(pod, sort_keys=True)
            if pod is None or key in seen:
                continue
            seen.add(key)
            where = brokers if document["kind"] == "StatefulSet" else nodes
            where.append((f"{name.replace('/', '-')}-{document['metadata']['name']}", document))
    return brokers, nodes


def render(world, client):
    film = os.path.join(world.folder, "film.json")
    with open(film, "w", encoding="ascii") as file:
        json.dump(FILM, file)
    world.auteur("render", film, "--broker", "127.0.0.1:7700", "--keys", client, "-o",
                 os.path.join(world.folder, "film.mp4"), "--outputs", os.path.join(world.folder, "outputs"),
                 "--timeout", "100")
    expect(os.path.getsize(os.path.join(world.folder, "film.mp4")) > 1000, "the film is empty")


def check_scalers():
    """What KEDA asks for is in the metrics, also while nobody waits."""
    with urllib.request.urlopen("http://127.0.0.1:7780/metrics", timeout=30) as reply:
        lines = reply.read().decode().splitlines()
    wanted = {t["metadata"]["valueLocation"] for name in k8s.kustomizations() for d in k8s.build(name)
              if d["kind"] == "ScaledObject" for t in d["spec"]["triggers"]}
    for metric in sorted(wanted):
        expect(any(line.startswith(metric + " ") for line in lines), f"/metrics has no {metric}")
    print(f"k8s: /metrics has what KEDA asks for: {', '.join(sorted(wanted))}")


def revoke(broker, nodes):
    """An updated Secret without the nodes' key: nobody is ready any more."""
    path, mode = broker.secrets["auteur-broker-keys"]
    files = dict(broker.world.secrets["auteur-broker-keys"])
    files["nodes.allow"] = "# nobody\n"
    put_secret(path, files, mode, broker.fs_group)
    for node in nodes:
        probe = node.container["readinessProbe"]
        wait_for(f"{node.name}: no longer ready", 120, lambda p=probe, n=node: None if n.probe(p) else "ready")
    put_secret(path, broker.world.secrets["auteur-broker-keys"], mode, broker.fs_group)
    for node in nodes:
        node.become("readinessProbe")


def play(prefix, root, broker_document, node_documents, services):
    folder = tempfile.mkdtemp(prefix="auteur-k8s.")
    os.chmod(folder, 0o755)
    world = World(prefix, root, folder)
    try:
        client = world.make_keys()
        world.make_hosts(services)
        broker = world.start(broker_document[1], broker_document[0])
        nodes = [world.start(document, name) for name, document in node_documents]
        for box in world.boxes:
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                box.become(probe)
            box.check_process()
            print(f"k8s: {box.name}: ready as {box.user}:{box.group}")
        check_scalers()
        render(world, client)
        for node in nodes:
            node.check_workers()
        confined = {m for b in nodes for m in re.findall('confined: ([^"\n]*)', b.said())}
        print(f"k8s: a film was rendered; seccomp {'RuntimeDefault' if world.profile else 'NOT in force'}; "
              f"workers confine themselves below it, "
              f"{'but: ' + '; '.join(confined) if confined else 'wholly'}")
        revoke(broker, nodes)
        print("k8s: a node out of the Secret's list was not ready, and was again when it was back")
        took = [box.stop() for box in nodes + [broker]]
        print(f"k8s: SIGTERM: {len(took)} containers ended with 0, the slowest after {max(took):.1f} s")
    except Failed:
        for box in world.boxes:
            print(f"---- {box.name}\n{box.tail() if box.process else ''}", file=sys.stderr)
        raise
    finally:
        world.end()
        shutil.rmtree(folder, ignore_errors=True)


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, 0x8914, struct.pack("16sh14x", b"lo", 0x49))  # SIOCSIFFLAGS: up, loopback, running


def main():
    missing = [p for p in ("kubectl", "bwrap", "unshare", "nsenter", "setpriv") if not shutil.which(p)]
    if missing or os.geteuid() != 0:
        why = f"no {', '.join(missing)} here" if missing else "only root can start other users' processes"
        print(f"k8s: left out: {why}")
        return 77
    if INSIDE not in sys.argv:
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
                              sys.executable, "-B"] + [os.path.abspath(sys.argv[0])] + sys.argv[1:] + [INSIDE])
    loopback_up()
    folders = [os.path.abspath(a) for a in sys.argv[1:] if a != INSIDE]
    prefix, root = folders[0], folders[1] if len(folders) > 1 else ""
    brokers, nodes = unique_workloads()
    services = k8s.build("base")
    try:
        for broker in brokers:
            play(prefix, root, broker, nodes, services)
    except Failed as failed:
        print(f"k8s: {failed}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
