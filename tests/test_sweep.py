"""`make sweep`: every trial once, whatever happens to the workers."""

import argparse
import collections
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import urllib.parse

import pytest

from coursework import paths

optuna = pytest.importorskip("optuna", reason="Optuna comes with make sweep alone")
import sweep  # noqa: E402
from processes import alive, logged, wait_until  # noqa: E402

PASSWORD = "p/a:s@s"
TRIALS = 8
SWEEP = """
    import os, pathlib, sys, time, types
    import sweep
    from coursework import paths, records
    from coursework.training import variations

    folder, seconds, *arguments = sys.argv[1:]

    class Experiment:
        name, dataset, seeds = "test", "lines", (1, 2, 3, 4)
        rows = {{"base": None, "other": None}}

        def describe(self):
            return {{"rows": self.rows, "made": "{made}"}}

        def run_trial(self, row, seed):
            with open(folder + "/log", "a") as log:
                print("begun", row, seed, os.getpid(), file=log)
            time.sleep(float(seconds))
            with open(folder + "/log", "a") as log:
                print("done", row, seed, os.getpid(), file=log)
            return {{"errors": seed}}

    paths.ROOT = pathlib.Path(folder)
    sweep.EXPERIMENTS = {{"test": Experiment()}}
    data = types.SimpleNamespace(name="lines", sha256="0")
    variations.load = lambda name: (data, None)
    sys.argv = ["sweep.py", "--heartbeat", "1", *arguments]
    sys.exit(sweep.main())
"""


def start(folder, seconds, *arguments, made="so"):
    """A sweep of eight trials, in a process group of its own."""
    return subprocess.Popen(
        [
            *(sys.executable, "-W", "ignore", "-c"),
            *(textwrap.dedent(SWEEP.format(made=made)), str(folder), str(seconds)),
            *arguments,
        ],
        cwd=paths.ROOT / "tools",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process):
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def assert_all_done_once(folder):
    record = json.loads((folder / "models" / "test.json").read_text())
    expected = {
        row: [{"errors": seed} for seed in (1, 2, 3, 4)] for row in record["trials"]
    }
    assert list(record["trials"]) == ["base", "other"]
    assert record["trials"] == expected


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{(tmp_path / 'study.db').as_posix()}"


def test_workers_share_the_trials_and_write_the_record(tmp_path, url):
    """First of two seeds, then of all four, then there is nothing left to do."""
    finish(start(tmp_path, 0.3, "--storage", url, "--workers", "2", "--seeds", "2"))
    assert len(logged(tmp_path, "done")) == TRIALS / 2
    assert len({process for *_, process in logged(tmp_path, "done")}) == 2
    finish(start(tmp_path, 0, "--storage", url, "--workers", "1"))
    assert_all_done_once(tmp_path)
    output = finish(start(tmp_path, 60, "--storage", url, "--workers", "1"))
    assert f"{TRIALS} of {TRIALS} trials are done" in output
    assert len(logged(tmp_path, "begun")) == TRIALS
    other = start(tmp_path, 0, "--storage", url, "--workers", "1", made="otherwise")
    output, _ = other.communicate(timeout=120)
    assert other.returncode == 2
    assert "was made with other made, so it is left as it is" in output
    assert "Traceback" not in output


@pytest.mark.skipif(not pathlib.Path("/proc").is_dir(), reason="looks at /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_sweep_keeps_what_is_done(how, tmp_path, url):
    """And leaves no process behind; the same command goes on."""
    sweeping = start(tmp_path, 0.5, "--storage", url, "--workers", "2")
    wait_until(lambda: len(logged(tmp_path, "done")) >= 2)
    workers = {int(process) for *_, process in logged(tmp_path, "begun")}
    os.kill(sweeping.pid, how)
    output, _ = sweeping.communicate(timeout=60)
    if how == signal.SIGINT:
        assert sweeping.returncode == 130
        assert output.endswith("stopped; finished trials are kept in the study\n")
        assert "Traceback" not in output
    wait_until(lambda: not any(map(alive, workers)), seconds=10)
    done = {trial[:2] for trial in logged(tmp_path, "done")}
    (tmp_path / "log").unlink()
    finish(start(tmp_path, 0.1, "--storage", url, "--workers", "1"))
    assert_all_done_once(tmp_path)
    again = {trial[:2] for trial in logged(tmp_path, "done")} & done
    assert len(again) <= 2  # at most what was done but not yet in the study


@pytest.fixture(scope="module")
def postgresql():
    """The URL of a PostgreSQL server of our own, with a password hard to write."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    program = shutil.which("initdb") or (str(found[-1]) if found else None)
    if program is None:
        pytest.skip("no PostgreSQL server here (Debian's package: postgresql)")
    as_other = {"user": "postgres"} if os.geteuid() == 0 else {}
    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "password").write_text(PASSWORD)
    for path in (folder, folder / "password"):
        if as_other:
            shutil.chown(path, "postgres")
    options = ["--auth=scram-sha-256", f"--pwfile={folder / 'password'}"]
    run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_other}
    subprocess.run([program, *options, "-U", "someone", folder / "data"], **run)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = [pathlib.Path(program).with_name("pg_ctl"), "-D", folder / "data", "-w"]
    settings = f"-p {port} -h 127.0.0.1 -k {folder}"
    subprocess.run([*control, "-l", folder / "log", "-o", settings, "start"], **run)
    yield f"postgresql+psycopg://someone:{PASSWORD}@127.0.0.1:{port}/postgres"
    subprocess.run([*control, "-m", "immediate", "stop"], **run)
    shutil.rmtree(folder)


def test_two_workers_on_postgresql_and_one_is_killed(postgresql, tmp_path):
    """SIGKILL in the middle of a trial: the other one takes it up after a while."""
    folders = [tmp_path / name for name in ("victim", "survivor")]
    for folder in folders:
        folder.mkdir()
    options = ("--storage", postgresql, "--workers", "1")
    victim = start(folders[0], 60, *options)
    wait_until(lambda: logged(folders[0], "begun"))
    survivor = start(folders[1], 0.3, *options)
    wait_until(lambda: logged(folders[1], "done"))
    os.killpg(victim.pid, signal.SIGKILL)
    output = finish(survivor)
    assert PASSWORD not in output
    assert "someone:***@" in output
    assert_all_done_once(folders[1])
    done = collections.Counter(trial[:2] for trial in logged(folders[1], "done"))
    assert len(done) == TRIALS
    assert set(done.values()) == {1}
    assert not logged(folders[0], "done")


@pytest.mark.parametrize("password", [PASSWORD, urllib.parse.quote(PASSWORD, safe="")])
def test_a_password_is_understood_and_never_shown(password):
    url = sweep.database(f"postgresql+psycopg://someone:{password}@host:1/name")
    assert (url.password, url.host, url.database) == (PASSWORD, "host", "name")
    assert sweep.shown(url) == "postgresql+psycopg://someone:***@host:1/name"
    error = OSError(f"cannot log in with {PASSWORD}")
    assert sweep.reason(error, url) == "cannot log in with ***"


@pytest.mark.parametrize(
    "storage",
    [
        "sqlite:////no/such/folder/study.db",
        f"postgresql+psycopg://someone:{PASSWORD}@127.0.0.1:9/study",
        "oracle://somewhere/study",
    ],
)
def test_a_storage_that_cannot_be_reached(storage, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--storage", storage])
    assert sweep.main() == 2
    message = capsys.readouterr().err
    assert "cannot use " + storage.split(PASSWORD)[0] in message
    assert PASSWORD not in message
    assert len(message.strip().splitlines()) == 1


@pytest.mark.parametrize("text", ["nonsense", f"postgres//someone:{PASSWORD}@host/x"])
def test_a_text_that_is_no_url(text):
    with pytest.raises(argparse.ArgumentTypeError, match="not a database URL") as error:
        sweep.database(text)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--only letters", "no experiment 'letters'; known: variations_lines"),
        ("--seeds 0", "'0' is not a whole number above 0"),
        ("--workers many", "'many' is not a whole number above 0"),
    ],
)
def test_what_it_cannot_do(words, said, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", *words.split()])
    try:
        status = sweep.main()
    except SystemExit as stop:  # as argparse leaves
        status = stop.code
    assert status == 2
    assert said in capsys.readouterr().err
