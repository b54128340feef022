"""The alert rules as the PrometheusRule that the operator takes: kustomize cannot put a file into a document.

    k8s_rules.py            writes deploy/k8s/components/monitoring/prometheus-rule.yaml anew
    k8s_rules.py --check    says if it is not what deploy/prometheus/auteur.rules.yaml has (77: no PyYAML)
"""
import os
import sys

try:
    import yaml

    import k8s
except ImportError:
    print("left out: no PyYAML here (apt-get install python3-yaml)")
    sys.exit(77)

RULES = os.path.join(k8s.ROOT, "deploy", "prometheus", "auteur.rules.yaml")
COPY = os.path.join(k8s.FOLDER, "components", "monitoring", "prometheus-rule.yaml")
HEAD = "# Made by tests/deploy/k8s_rules.py from deploy/prometheus/auteur.rules.yaml: change that one.\n"


def made():
    with open(RULES, encoding="utf-8") as file:
        rules = k8s.load_all(file.read())[0]
    document = {"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
                "metadata": {"name": "auteur", "namespace": "auteur", "labels": {"app.kubernetes.io/name": "auteur"}},
                "spec": {"groups": rules["groups"]}}
    return HEAD + yaml.safe_dump(document, sort_keys=False, width=110, allow_unicode=True)


def main():
    text = made()
    if "--check" not in sys.argv:
        with open(COPY, "w", encoding="utf-8") as file:
            file.write(text)
        return 0
    with open(COPY, encoding="utf-8") as file:
        same = file.read() == text
    if not same:
        print(f"{os.path.relpath(COPY, k8s.ROOT)} is not what deploy/prometheus/auteur.rules.yaml has: "
              "run python3 tests/deploy/k8s_rules.py")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
