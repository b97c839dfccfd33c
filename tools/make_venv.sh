#!/bin/sh
# Makes .venv with the newest Python that the pins are for, unless it is there already.
[ -x .venv/bin/python ] && exit 0
for python in ${PYTHON:-python3.13 python3.12 python3.11 python3}; do
    "$python" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    echo "making .venv with $("$python" --version)"
    exec "$python" -m venv .venv
done
echo "no Python 3.11, 3.12 or 3.13 with venv found: install one," \
    "on Debian and Ubuntu with 'sudo apt install python3 python3-venv'" >&2
exit 2
