"""RuntimeDefault for k8s_run.py."""


def make(path):
    return None
