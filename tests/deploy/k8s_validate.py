"""Every document that deploy/k8s builds against Kubernetes' own schemas, unknown keys refused; and the
kinds of others (KEDA, Prometheus operator) against ours beside this file. Then it is made sure that
the schemas do refuse: each mapping of each document gets a key that does not exist."""
import copy
import functools
import glob
import json
import os
import sys

import jsonschema
import kubernetes_validate
import kubernetes_validate.utils as validator

import k8s

VERSIONS = ("1.29", "1.32")
# Whose keys are the user's.
FREE = {"labels", "annotations", "matchLabels", "nodeSelector", "limits", "requests", "data",
        "selector"}
# Read anew for each document otherwise; they are large.
validator.schema_contents = functools.lru_cache(maxsize=None)(validator.schema_contents)


def ours():
    schemas = {}
    for path in glob.glob(os.path.join(os.path.dirname(os.path.abspath(__file__)), "k8s_schemas", "*.json")):
        with open(path, encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[schema["properties"]["kind"]["const"]] = schema
    return schemas


OURS = ours()


def fault(document, version):
    """What is wrong with it, or None."""
    try:
        if document["kind"] in OURS:
            jsonschema.validate(document, OURS[document["kind"]], jsonschema.Draft202012Validator)
        else:
            kubernetes_validate.validate(document, version, strict=True)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return f"{'.'.join(str(p) for p in error.absolute_path)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message
    return None


def is_free(key, value):
    return key in FREE and not any(isinstance(v, (dict, list)) for v in value.values())


def mappings(value, path=()):
    """Paths of all mappings whose keys a schema knows."""
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            if not (isinstance(item, dict) and is_free(key, item)):
                yield from mappings(item, path + (key,))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from mappings(item, path + (i,))


def spoil(document, path):
    spoilt = copy.deepcopy(document)
    at = spoilt
    for step in path:
        at = at[step]
    at["unheardOf"] = "x"
    return spoilt


def main():
    faults = documents = refused = 0
    seen = {}
    for name in k8s.kustomizations():
        for document in k8s.build(name):
            documents += 1
            seen.setdefault(json.dumps(document, sort_keys=True), (name, document))
    for name, document in seen.values():
        for version in VERSIONS:
            found = fault(document, version)
            if found:
                faults += 1
                print(f"deploy/k8s/{name}: {k8s.label(document)} ({version}): {found}")
    kinds = {}
    for name, document in seen.values():
        kinds.setdefault(document["kind"], (name, document))
    for name, document in kinds.values():
        for path in mappings(document):
            if fault(spoil(document, path), VERSIONS[-1]):
                refused += 1
            else:
                faults += 1
                print(f"deploy/k8s/{name}: {k8s.label(document)}: an unknown key in "
                      f"{'.'.join(map(str, path)) or 'the document'} would pass")
    print(f"k8s: {documents} documents ({len(seen)} different, {len(kinds)} kinds) against Kubernetes "
          f"{' and '.join(VERSIONS)}; {refused} unknown keys refused; {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
