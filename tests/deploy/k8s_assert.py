"""What matters in the manifests and no schema knows. Needs kubectl and PyYAML, else it is left out (77).

    k8s_assert.py            every kustomization of deploy/k8s
    k8s_assert.py --spoil    that each rule finds what breaks it
"""
import copy
import shutil
import sys

try:
    import k8s
except ImportError:
    print("left out: no PyYAML here (apt-get install python3-yaml)")
    sys.exit(77)

CHUNK_S = {"cpu": 600, "nvidia-l4": 2400, "nvidia-h100": 1200}  # longest chunk: docs/kubernetes.md, "Drain"
CLEANUP_S = 30  # after --drain: uploads, and workers that do not stop


def containers(spec):
    return spec.get("initContainers", []) + spec["containers"]


def check_container(where, pod, container, version):
    own = container.get("securityContext", {})
    whole = pod.get("securityContext", {})
    tag = container["image"].rpartition(":")[2]
    if "/" in tag or tag != version:
        yield f"{where}: image {container['image']} has not the tag {version}"
    if "memory" not in container.get("resources", {}).get("limits", {}):
        yield f"{where}: no memory limit"
    if "memory" not in container.get("resources", {}).get("requests", {}):
        yield f"{where}: no memory request"
    for context in (own, whole):
        if context.get("runAsNonRoot") is not True:
            yield f"{where}: runAsNonRoot is not said"
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            yield f"{where}: no seccomp profile"
    if not own.get("runAsUser", whole.get("runAsUser", 0)):
        yield f"{where}: runs as root"
    if own.get("readOnlyRootFilesystem") is not True:
        yield f"{where}: the root file system can be written"
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield f"{where}: privileges can grow"
    if own.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{where}: capabilities are not all dropped"
    if not container.get("command") or container["command"][0].split("/")[-1] in ("sh", "bash"):
        yield f"{where}: no command, or a shell"
    for item in container.get("env", []):
        if "secretKeyRef" in item.get("valueFrom", {}):
            yield f"{where}: a secret in the environment"
    if container.get("envFrom"):
        yield f"{where}: an environment from elsewhere"


def check_probes(where, container):
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe not in container:
            yield f"{where}: no {probe}"
    names = {p["name"] for p in container.get("ports", [])}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        port = container.get(probe, {}).get("httpGet", {}).get("port")
        if port is not None and port not in names:
            yield f"{where}: {probe} asks a port that is not there"


def check_pod(where, document, pod):
    if document["kind"] in k8s.LONG_RUNNING and "terminationGracePeriodSeconds" not in pod:
        yield f"{where}: no terminationGracePeriodSeconds"
    if pod.get("automountServiceAccountToken") is not False:
        yield f"{where}: a token of the API is mounted"
    if pod.get("enableServiceLinks") is not False:
        yield f"{where}: Services are put into the environment"
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{where}: {key}"
    for volume in pod.get("volumes", []):
        if "hostPath" in volume:
            yield f"{where}: a folder of the host"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"{where}: {volume['name']} may fill the machine"
    mounted = {m["name"]: m for c in containers(pod) for m in c.get("volumeMounts", [])}
    for volume in pod.get("volumes", []):
        if "secret" in volume:
            if volume["secret"].get("defaultMode", 0o644) & 0o037:
                yield f"{where}: the Secret's files are open"
            if not mounted.get(volume["name"], {}).get("readOnly"):
                yield f"{where}: the Secret is not mounted read-only"
    if not any("secret" in v for v in pod.get("volumes", [])):
        yield f"{where}: no keys"
    if "/tmp" not in {m["mountPath"] for m in mounted.values()}:
        yield f"{where}: nowhere to write"


def check_node(where, document, pod):
    for container in pod["containers"]:
        args = container["args"]
        device = document["spec"]["template"]["metadata"]["labels"].get("auteur.dev/device")
        drain = k8s.option(args, "drain")
        grace = pod["terminationGracePeriodSeconds"]
        if drain is None or int(drain) <= CHUNK_S.get(device, 600):
            yield f"{where}: --drain {drain} is not above the longest chunk on {device}"
        elif grace < int(drain) + CLEANUP_S:
            yield f"{where}: the grace period {grace} is not above --drain {drain} + {CLEANUP_S}"
        if document["spec"].get("progressDeadlineSeconds", 600) <= grace:
            yield f"{where}: a rollout is given up before a node has drained"
        limits = container["resources"]["limits"]
        if "nvidia.com/gpu" in limits:
            rolling = document["spec"]["strategy"]["rollingUpdate"]
            if rolling["maxSurge"] != 0 or not rolling["maxUnavailable"]:
                yield f"{where}: a rollout waits for a GPU that is not there (maxSurge)"
            if not any(t["key"] == "nvidia.com/gpu" for t in pod.get("tolerations", [])):
                yield f"{where}: does not tolerate GPU machines"
            if device != "nvidia" and "nvidia.com/gpu.product" not in pod.get("nodeSelector", {}):
                yield f"{where}: any GPU would do"
        for name in ("broker", "state", "keys"):
            if k8s.option(args, name) is None:
                yield f"{where}: no --{name}"


def check_broker(where, document, documents):
    if document["kind"] != "StatefulSet" or document["spec"]["replicas"] != 1:
        yield f"{where}: a broker is a StatefulSet of one"
    claims = document["spec"].get("volumeClaimTemplates", [])
    if [c["spec"]["accessModes"] for c in claims] != [["ReadWriteOnce"]]:
        yield f"{where}: no volume of its own"
    services = [d for d in documents if d["kind"] == "Service"]
    if document["spec"]["serviceName"] not in [s["metadata"]["name"] for s in services]:
        yield f"{where}: its Service is not there"
    wanted = {"client": 7700, "node": 7701, "data": 7702, "status": 7703, "events": 7704, "http": 7780}
    for service in services:
        if {p["name"]: p["port"] for p in service["spec"]["ports"]} != wanted:
            yield f"{where}: {k8s.label(service)} does not lead to every port"
    ports = k8s.pod_spec(document)["containers"][0]["ports"]
    if {p["name"]: p["containerPort"] for p in ports} != wanted:
        yield f"{where}: not every port"


def selects(selector, labels):
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())


def check_workload(where, document, documents, version):
    pod = k8s.pod_spec(document)
    labels = document["spec"]["template"]["metadata"]["labels"]
    if not selects(document["spec"]["selector"], labels):
        yield f"{where}: selects other pods"
    yield from check_pod(where, document, pod)
    for container in containers(pod):
        yield from check_container(where, pod, container, version)
    for container in pod["containers"]:
        yield from check_probes(where, container)
    if labels.get("app.kubernetes.io/component") == "broker":
        yield from check_broker(where, document, documents)
    else:
        yield from check_node(where, document, pod)
    covered = set()
    for policy in documents:
        if policy["kind"] == "NetworkPolicy" and selects(policy["spec"]["podSelector"], labels):
            covered |= set(policy["spec"]["policyTypes"])
    if covered != {"Ingress", "Egress"}:
        yield f"{where}: its network is open"


def check_scaler(where, scaler, documents):
    spec = scaler["spec"]
    target = [d for d in documents if d["kind"] == "Deployment"
              and d["metadata"]["name"] == spec["scaleTargetRef"]["name"]]
    if not target:
        yield f"{where}: scales nothing"
    elif "replicas" in target[0]["spec"]:
        yield f"{where}: its Deployment has replicas of its own"
    for trigger in spec["triggers"]:
        if not trigger["metadata"]["valueLocation"].startswith("auteur_demand{class="):
            yield f"{where}: does not ask for demand"


def check_monitor(where, monitor, documents):
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    services = [d for d in documents if d["kind"] == "Service" and wanted <= d["metadata"]["labels"].items()]
    # The alerts ask for up{job="auteur-broker"}, and the job is the Service's name.
    if [s["metadata"]["name"] for s in services] != ["auteur-broker"]:
        yield f"{where}: scrapes not just the Service auteur-broker"


def check_build(name, documents, version):
    where = f"deploy/k8s/{name}"
    names = [(d["kind"], d["metadata"].get("namespace"), d["metadata"]["name"]) for d in documents]
    if len(set(names)) != len(names):
        yield f"{where}: the same object twice"
    workloads = [d for d in documents if d["kind"] in k8s.WORKLOADS]
    policies = [d for d in documents if d["kind"] == "NetworkPolicy"]
    if workloads and not policies:
        yield f"{where}: no NetworkPolicy"
    if any(d["kind"] == "Namespace" for d in documents) and not any(
            p["spec"]["podSelector"] == {} and p["spec"]["policyTypes"] == ["Ingress", "Egress"]
            and "ingress" not in p["spec"] and "egress" not in p["spec"] for p in policies):
        yield f"{where}: no default-deny policy"
    if any(d["kind"] in ("Secret", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding") for d in documents):
        yield f"{where}: a Secret or a right"
    for document in workloads:
        yield from check_workload(f"{where}: {k8s.label(document)}", document, documents, version)
    for document in documents:
        if document["kind"] == "ServiceAccount" and document.get("automountServiceAccountToken") is not False:
            yield f"{where}: {k8s.label(document)}: gives a token"
        if document["kind"] == "ServiceMonitor":
            yield from check_monitor(f"{where}: {k8s.label(document)}", document, documents)
        if document["kind"] == "ScaledObject":
            yield from check_scaler(f"{where}: {k8s.label(document)}", document, documents)


def check_all(builds, version):
    for name, documents in builds.items():
        yield from check_build(name, documents, version)
    every = [d for documents in builds.values() for d in documents]
    kinds = {d["kind"] for d in every}
    for kind in ("ServiceMonitor", "PrometheusRule", "ScaledObject", "PodDisruptionBudget", "NetworkPolicy"):
        if kind not in kinds:
            yield f"deploy/k8s: no {kind} anywhere"
    kinds_of_gpu = {d["metadata"]["name"] for d in every for c in (k8s.pod_spec(d) or {}).get("containers", [])
                    if "nvidia.com/gpu" in c["resources"]["limits"]}
    if len(kinds_of_gpu) < 3:  # with gpu/node itself
        yield "deploy/k8s: fewer than two kinds of GPU"


def at(value, path):
    for step in path:
        value = value[step]
    return value


def pod_path(*path):
    return ("spec", "template", "spec") + path


BOX = pod_path("containers", 0)
# Which workload, where, what is put there (None: taken away).
SPOILS = [
    ("*", BOX + ("image",), "registry.example/auteur/x:latest"),
    ("*", BOX + ("image",), "registry.example/auteur/x"),
    ("*", BOX + ("resources", "limits", "memory"), None),
    ("*", BOX + ("resources", "requests", "memory"), None),
    ("*", BOX + ("securityContext", "runAsNonRoot"), None),
    ("*", BOX + ("securityContext", "readOnlyRootFilesystem"), False),
    ("*", BOX + ("securityContext", "allowPrivilegeEscalation"), None),
    ("*", BOX + ("securityContext", "privileged"), True),
    ("*", BOX + ("securityContext", "capabilities", "add"), ["SYS_ADMIN"]),
    ("*", BOX + ("securityContext", "seccompProfile"), {"type": "Unconfined"}),
    ("*", BOX + ("startupProbe",), None),
    ("*", BOX + ("livenessProbe",), None),
    ("*", BOX + ("readinessProbe",), None),
    ("*", BOX + ("command",), ["/bin/sh", "-c", "x"]),
    ("*", BOX + ("env",), [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]),
    ("*", BOX + ("volumeMounts", 1, "readOnly"), None),
    ("*", pod_path("securityContext", "runAsUser"), 0),
    ("*", pod_path("automountServiceAccountToken"), None),
    ("*", pod_path("hostNetwork"), True),
    ("*", pod_path("terminationGracePeriodSeconds"), None),
    ("*", pod_path("volumes", 0, "secret", "defaultMode"), 0o444),
    ("node", pod_path("terminationGracePeriodSeconds"), 600),
    ("node", pod_path("volumes", -1, "emptyDir", "sizeLimit"), None),
    ("node", ("spec", "progressDeadlineSeconds"), None),
    ("node", BOX + ("args",), ["--broker=x", "--state=y", "--keys=z", "--drain", "10"]),
    ("gpu", ("spec", "strategy", "rollingUpdate", "maxSurge"), 1),
    ("gpu", pod_path("tolerations"), []),
    ("gpu", pod_path("nodeSelector"), {}),
    ("broker", ("spec", "replicas"), 2),
    ("broker", BOX + ("ports", 5, "name"), "web"),
    ("broker", ("spec", "volumeClaimTemplates", 0, "spec", "accessModes"), ["ReadWriteMany"]),
]


def spoilt(document, path, value):
    copied = copy.deepcopy(document)
    place = at(copied, path[:-1])
    if value is None:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value
    return copied


def kind_of(document):
    limits = k8s.pod_spec(document)["containers"][0]["resources"]["limits"]
    if document["kind"] == "StatefulSet":
        return {"broker"}
    return {"node", "gpu"} if "nvidia.com/gpu" in limits else {"node"}


def try_spoils(builds, version):
    """Faults of the rules themselves: what they did not find."""
    documents = builds["overlays/nvidia-l4"]
    tried = 0
    for i, document in enumerate(documents):
        if document["kind"] not in k8s.WORKLOADS:
            continue
        for whose, path, value in SPOILS:
            if whose != "*" and whose not in kind_of(document):
                continue
            tried += 1
            changed = documents[:i] + [spoilt(document, path, value)] + documents[i + 1:]
            try:
                found = list(check_build("spoilt", changed, version))
            except (KeyError, IndexError):
                found = ["cannot even be read"]
            if not found:
                yield f"{k8s.label(document)}: {path} = {value!r} was not noticed"
    for kind in ("NetworkPolicy", "Service"):
        tried += 1
        if not list(check_build("spoilt", [d for d in documents if d["kind"] != kind], version)):
            yield f"without {kind} nothing was noticed"
    print(f"k8s: {tried} ways to break the manifests were tried")


def main():
    if not shutil.which("kubectl"):
        print("left out: no kubectl here")
        return 77
    version = k8s.version()
    builds = {name: k8s.build(name) for name in k8s.kustomizations()}
    faults = list(check_all(builds, version))
    if "--spoil" in sys.argv:
        faults += try_spoils(builds, version)
    for fault in faults:
        print(fault)
    print(f"k8s: {len(builds)} kustomizations, {sum(map(len, builds.values()))} documents, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
