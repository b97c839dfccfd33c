"""`make sweep`: every training once, whatever happens to the workers."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from coursework import paths

optuna = pytest.importorskip("optuna", reason="Optuna comes with make sweep alone")
import study as studies  # noqa: E402
import sweep  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental")
PLAN = [("even", seed) for seed in range(3)] + [("odd", seed) for seed in range(3)]
HEARTBEAT = 1
WORKER = """
    import sys, time
    import optuna, study as studies
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    url, log, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])

    def train(experiment, seed):
        print("begun", experiment, seed, file=open(log, "a"), flush=True)
        time.sleep(seconds)
        print("done", experiment, seed, file=open(log, "a"), flush=True)
        return seed / 10, {{"parameters": 7}}

    opened = studies.open_study(url, "test", {{"made": "so"}}, {heartbeat})
    studies.work(opened, {plan}, train, print, {heartbeat})
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'study.db'}"


def start_worker(url, log, seconds):
    code = textwrap.dedent(WORKER.format(plan=PLAN, heartbeat=HEARTBEAT))
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, url, str(log), str(seconds)],
        cwd=paths.ROOT / "tools",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def open_again(url):
    return studies.open_study(url, "test", {"made": "so"}, HEARTBEAT)


def test_a_killed_worker_s_training_is_done_by_another(url, tmp_path):
    """SIGKILL in the middle of a training; the victim's would take a minute."""
    log, victim_log = tmp_path / "log", tmp_path / "victim"
    victim = start_worker(url, victim_log, seconds=60)
    wait_until(lambda: victim_log.exists() and victim_log.read_text())
    survivor = start_worker(url, log, seconds=0.1)
    wait_until(lambda: log.exists() and log.read_text())
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    output, _ = survivor.communicate(timeout=60)
    assert survivor.returncode == 0, output
    done = [line for line in log.read_text().splitlines() if line.startswith("done")]
    assert sorted(done) == sorted(f"done {name} {seed}" for name, seed in PLAN)
    assert "done" not in victim_log.read_text()
    study = open_again(url)
    assert sorted(studies.completed(study)) == sorted(PLAN)
    states = [trial.state for trial in study.trials]
    assert states.count(optuna.trial.TrialState.COMPLETE) == len(PLAN)
    assert states.count(optuna.trial.TrialState.FAIL) == 1


def test_workers_that_start_at_once_share_the_work(url, tmp_path):
    logs = [tmp_path / "first", tmp_path / "second"]
    workers = [start_worker(url, log, seconds=0.3) for log in logs]
    outputs = [worker.communicate(timeout=60)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], outputs
    begun = [
        line
        for log in logs
        if log.exists()
        for line in log.read_text().splitlines()
        if line.startswith("begun")
    ]
    assert sorted(begun) == sorted(f"begun {name} {seed}" for name, seed in PLAN)
    assert sorted(studies.completed(open_again(url))) == sorted(PLAN)


def test_ctrl_c_keeps_what_is_done(url):
    def train_until_interrupted(experiment, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return 0.5, {}

    study = open_again(url)
    with pytest.raises(KeyboardInterrupt):
        studies.work(study, PLAN, train_until_interrupted, print, HEARTBEAT)
    kept = set(studies.completed(study))
    assert kept
    assert kept < set(PLAN)
    trained = []

    def train(experiment, seed):
        trained.append((experiment, seed))
        return 0.5, {}

    studies.work(open_again(url), PLAN, train, print, HEARTBEAT)
    assert sorted(trained) == sorted(set(PLAN) - kept)


def test_an_error_of_a_training_is_not_swallowed(url):
    def fail(experiment, seed):
        raise ValueError("no such data")

    with pytest.raises(ValueError, match="no such data"):
        studies.work(open_again(url), PLAN, fail, print, HEARTBEAT)


def test_other_settings_are_refused_and_both_are_shown(url):
    open_again(url)
    with pytest.raises(ValueError, match="other settings") as error:
        studies.open_study(url, "test", {"made": "otherwise"}, HEARTBEAT)
    assert "made: so in the study, otherwise here" in str(error.value)


@pytest.mark.parametrize(
    "storage",
    [
        "sqlite:////no/such/folder/study.db",
        "postgresql+psycopg://someone:secret@127.0.0.1:9/study",
        "nonsense",
        "oracle://somewhere/study",
    ],
)
def test_a_storage_that_cannot_be_reached(storage, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--storage", storage])
    monkeypatch.setattr(sweep, "describe", lambda *_: {})
    assert sweep.main() == 2
    message = capsys.readouterr().err
    assert storage.split("secret")[0].split("@")[0].rstrip(":") in message
    assert "secret" not in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("lines/filter sise: 5×5", "filter size: 5×5"),
        ("finals/plain_linse", "plain_lines"),
        ("letters/base: nothing", "lines/"),
        ("lines/augmentation: rotation, scale, shear, shift", "nearest"),
    ],
)
def test_an_unknown_experiment(name, advice, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--only", name])
    assert sweep.main() == 2
    assert advice in capsys.readouterr().err


def test_the_table_has_all_that_was_asked_for(url):
    names = ["lines/base: nothing", "lines/filter size: 5×5"]
    plan = [(name, seed) for name in names for seed in range(2)]
    accuracy = {names[0]: 0.9, names[1]: 0.95}

    def train(experiment, seed):
        return accuracy[experiment] + seed / 100, {"parameters": 1234, "seconds": 2.0}

    study = open_again(url)
    studies.work(study, plan, train, print, HEARTBEAT)
    table = sweep.results(studies.completed(study), names)
    assert "| lines/base: nothing | 2 | 90.500% ± 0.707 | +0.0 | 1,234 | 2.0 |" in table
    assert "| lines/filter size: 5×5 | 2 | 95.500% ± 0.707 | +7.1 |" in table
