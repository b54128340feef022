#!/bin/sh
# numpy.sh: prints the Python that has numpy: $PYTHON, the path's python3, or the system's, which has
# it from the package python3-numpy even where another python3 comes first.
for python in ${PYTHON:-} python3 /usr/bin/python3; do
    if command -v "$python" >/dev/null && "$python" -c 'import numpy' 2>/dev/null; then
        command -v "$python"
        exit 0
    fi
done
echo "numpy.sh: no python3 here has numpy: install python3-numpy (make deps), or say PYTHON=…" >&2
exit 1
