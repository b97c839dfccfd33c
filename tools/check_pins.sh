#!/bin/sh
# Can Python 3.11, 3.12 and 3.13 all have the pins? Asks the resolver; installs nothing.
direct=$(mktemp)
trap 'rm -f "$direct"' EXIT
grep -hv '^-' requirements.txt requirements-sweep.txt requirements-benchmark.txt >"$direct"
status=0
for version in 3.11 3.12 3.13; do
    if .venv/bin/python -m pip install --dry-run --ignore-installed --quiet \
        --only-binary=:all: --target build/pins --python-version "$version" \
        -r "$direct" -c constraints.txt; then
        echo "Python $version: all pins can be had together"
    else
        echo "Python $version: see the error above" >&2
        status=2
    fi
done
exit $status
