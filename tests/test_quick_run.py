"""All notebooks from top to bottom on a few images: what ``make quick`` does."""

import os
import subprocess
import sys

from coursework import paths


def test_every_notebook_runs_on_a_few_images():
    command = [sys.executable, "tools/run_notebooks.py"]
    environment = os.environ | {"QUICK": "1"}
    result = subprocess.run(
        command, cwd=paths.ROOT, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
