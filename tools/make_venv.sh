#!/bin/sh
# Makes .venv with the newest Python that the pins are for, or with $PYTHON if it is set.
# What is there is kept, unless it was left half-made.
[ -z "$PYTHON" ] && .venv/bin/python -m pip --version >/dev/null 2>&1 && exit 0
for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    "$python" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    echo "making .venv with $("$python" --version)"
    exec "$python" -m venv --clear .venv
done
echo "no Python 3.11, 3.12 or 3.13 with venv found: 'sudo apt install python3" \
    "python3-venv' on Debian 12, 13 and Ubuntu 24.04, elsewhere python3.13-venv" >&2
exit 2
