"""What the checks of deploy/k8s share: which kustomizations there are, and what they build."""
import os
import re
import subprocess
import sys

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(ROOT, "deploy", "k8s")
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")
LONG_RUNNING = ("Deployment", "StatefulSet", "DaemonSet")


class Unique(yaml.SafeLoader):
    """YAML in which a key may stand once."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.YAMLError(f"{key.start_mark}: {name!r} stands twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_all(text):
    return [d for d in yaml.load_all(text, Loader=Unique) if d]


def kustomizations():
    """Folders below deploy/k8s whose kustomization is no Component, by their name there."""
    found = []
    for folder, _, files in os.walk(FOLDER):
        if "kustomization.yaml" in files:
            with open(os.path.join(folder, "kustomization.yaml"), encoding="utf-8") as file:
                if load_all(file.read())[0]["kind"] != "Component":
                    found.append(os.path.relpath(folder, FOLDER))
    return sorted(found)


def build(name):
    done = subprocess.run(["kubectl", "kustomize", os.path.join(FOLDER, name)], check=False,
                          capture_output=True, text=True, timeout=120)
    if done.returncode or done.stderr:
        sys.exit(f"deploy/k8s/{name} does not build: {done.stderr}")
    return load_all(done.stdout)


def pod_spec(document):
    """The PodSpec of a workload, None of anything else."""
    if document["kind"] not in WORKLOADS:
        return None
    spec = document["spec"]
    if document["kind"] == "Pod":
        return spec
    if document["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    return spec["template"]["spec"]


def label(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def option(args, name):
    """The value of --NAME among a container's arguments, as NAME=VALUE or in two; None without."""
    for i, arg in enumerate(args):
        if arg == "--" + name and i + 1 < len(args):
            return args[i + 1]
        if arg.startswith(f"--{name}="):
            return arg.split("=", 1)[1]
    return None


def version():
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"project \(auteur VERSION ([0-9.]+)", file.read()).group(1)
