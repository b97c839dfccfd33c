"""Trials in parallel processes: each kept when finished, none left behind."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap

import pytest
from joblib.externals.loky import process_executor

from coursework import paths
from coursework.training import trials

from processes import alive, logged, wait_until

RUN = """
    import json, os, pathlib, sys, time
    from coursework import paths
    from coursework.training import trials

    class Experiment:
        name, seeds = "test", (0, 1, 2)
        rows = {{"base": None, "other": None}}

        def describe(self):
            return {{"rows": self.rows, "made": "{made}"}}

        def run_trial(self, row, seed, log=sys.argv[1]):
            with open(log, "a") as file:
                print("begun", row, seed, os.getpid(), file=file)
            time.sleep({seconds})
            return {{"errors": seed}}

    paths.BUILD = pathlib.Path(sys.argv[1]).parent
    print(json.dumps(trials.run(Experiment(), workers=2)))
"""


def start(folder, seconds, made="so"):
    code = textwrap.dedent(RUN.format(seconds=seconds, made=made))
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder / "log")],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kept(folder):
    """Finished trials in the file of a run that was stopped."""
    return [
        line
        for path in (folder / "trials").glob("test-*.jsonl")
        for line in path.read_text().splitlines()
    ]


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def test_the_record_has_every_row_and_seed(tmp_path):
    record = finish(start(tmp_path, 0))
    assert record["seeds"] == [0, 1, 2]
    results = [{"errors": seed} for seed in range(3)]
    assert record["trials"] == {"base": results, "other": results}
    assert record["setup"]["made"] == "so"
    assert len({process for *_, process in logged(tmp_path, "begun")}) == 2
    assert not list((tmp_path / "trials").iterdir())


@pytest.mark.skipif(not pathlib.Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_goes_on_and_leaves_no_process(how, tmp_path):
    running = start(tmp_path, 0.5)
    wait_until(lambda: len(kept(tmp_path)) >= 2)
    workers = {int(process) for *_, process in logged(tmp_path, "begun")}
    os.kill(running.pid, how)
    running.communicate(timeout=60)
    assert running.returncode != 0
    wait_until(lambda: not any(map(alive, workers)), seconds=10)
    done = len(kept(tmp_path))
    assert 2 <= done < 6
    (tmp_path / "log").unlink()
    record = finish(start(tmp_path, 0))
    assert len(logged(tmp_path, "begun")) == 6 - done
    assert [trial["errors"] for trial in record["trials"]["other"]] == [0, 1, 2]


def test_other_settings_do_not_go_on_from_what_was_done(tmp_path):
    running = start(tmp_path, 0.5)
    wait_until(lambda: kept(tmp_path))
    running.kill()
    running.communicate()
    (tmp_path / "log").unlink()
    finish(start(tmp_path, 0, made="otherwise"))
    assert len(logged(tmp_path, "begun")) == 6


def test_a_last_line_that_was_cut_off_is_not_a_trial(tmp_path):
    path = tmp_path / "trials.jsonl"
    path.write_text('[["base", 0], {"errors": 3}]\n[["base", 1], {"err')
    assert trials._read(path) == {("base", 0): {"errors": 3}}


def test_the_private_limit_of_loky_is_where_we_set_it():
    assert isinstance(process_executor._MAX_MEMORY_LEAK_SIZE, int)
