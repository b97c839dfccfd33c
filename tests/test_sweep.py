"""`make sweep`: every training once, whatever happens to the workers."""

import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from coursework import paths

optuna = pytest.importorskip("optuna", reason="Optuna comes with make sweep alone")
import study  # noqa: E402
import sweep  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*experimental")
PLAN = [("even", seed) for seed in range(3)] + [("odd", seed) for seed in range(3)]
HEARTBEAT = 1
WORKER = """
    import sys, time
    import optuna, study
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    url, log, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])

    def train(experiment, seed):
        print("begun", experiment, seed, file=open(log, "a"), flush=True)
        time.sleep(seconds)
        print("done", experiment, seed, file=open(log, "a"), flush=True)
        return seed / 10, {{"parameters": 7}}

    study.Queue(url, "test", {{"made": "so"}}, {heartbeat}).work({plan}, train, print)
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
    return study.Queue(url, "test", {"made": "so"}, HEARTBEAT)


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
    queue = open_again(url)
    assert sorted(queue.completed(PLAN)) == sorted(PLAN)
    states = [trial.state for trial in queue.study.trials]
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
    assert all(log.exists() for log in logs), "one worker did it all"
    assert sorted(open_again(url).completed(PLAN)) == sorted(PLAN)


def fail_to_train(experiment, seed):
    raise AssertionError("nobody should train this")


def test_ctrl_c_keeps_what_is_done(url):
    def train_until_interrupted(experiment, seed):
        if seed == 1:
            raise KeyboardInterrupt
        return 0.5, {}

    queue = open_again(url)
    with pytest.raises(KeyboardInterrupt):
        queue.work(PLAN, train_until_interrupted, print)
    kept = set(queue.completed(PLAN))
    assert kept
    assert kept < set(PLAN)
    trained = []

    def train(experiment, seed):
        trained.append((experiment, seed))
        return 0.5, {}

    open_again(url).work(PLAN, train, print)
    assert sorted(trained) == sorted(set(PLAN) - kept)


def test_ctrl_c_is_one_line(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["sweep.py"])
    monkeypatch.setattr(sweep, "sweep", interrupt)
    assert sweep.main() == 130
    assert capsys.readouterr().err == "\nstopped; what is done is kept in the study\n"


def test_two_workers_cannot_take_the_same_training(url):
    """SQLite has no FOR UPDATE: both would read that the first trial waits."""
    first, second = open_again(url), open_again(url)
    first.study.enqueue_trial({}, user_attrs={"training": PLAN[0]})
    taken, barrier = [], threading.Barrier(2)

    def take(queue):
        barrier.wait()
        taken.append(queue.study.ask().user_attrs.get("training"))

    threads = [threading.Thread(target=take, args=[q]) for q in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(list(PLAN[0])) == 1


def test_a_worker_that_died_before_its_first_heartbeat_blocks_nobody(url):
    queue = open_again(url)
    queue.study.enqueue_trial({}, user_attrs={"training": PLAN[0]})
    queue.study.ask()  # claimed, and never heard of again
    trained = []

    def train(experiment, seed):
        trained.append((experiment, seed))
        return 0.5, {}

    open_again(url).work(PLAN[:2], train, print)
    assert sorted(trained) == sorted(PLAN[:2])


def test_a_result_that_comes_too_late_is_dropped(url):
    """While this worker slept, another one took its training and finished it."""
    queue, other = open_again(url), open_again(url)
    said = []

    def train_slowly(experiment, seed):
        running = [t for t in other.study.trials if t.state.name == "RUNNING"]
        if not said and len(running) == 1:
            said.append("given away")
            other.study.tell(running[0].number, state=optuna.trial.TrialState.FAIL)
            other.work(PLAN[:1], lambda *_: (0.7, {}), said.append)
        return 0.1, {"parameters": 7}

    queue.work(PLAN[:1], train_slowly, said.append)
    assert any("silent for too long" in line for line in said)
    assert queue.completed(PLAN)[PLAN[0]].value == 0.7


def test_a_finished_study_can_be_extended(url):
    open_again(url).work(PLAN[:3], lambda *_: (0.5, {}), print)
    trained = []

    def train(experiment, seed):
        trained.append((experiment, seed))
        return 0.5, {}

    open_again(url).work(PLAN, train, print)
    assert sorted(trained) == sorted(PLAN[3:])
    open_again(url).work(PLAN, fail_to_train, print)


def test_an_error_of_a_training_is_not_swallowed(url):
    def fail(experiment, seed):
        raise ValueError("no such data")

    with pytest.raises(ValueError, match="no such data"):
        open_again(url).work(PLAN, fail, print)


def test_other_settings_are_refused_and_both_are_shown(url):
    made = {"made": "so", "deep": {"list": [1, 2], "same": 0}}
    study.Queue(url, "deep", made, HEARTBEAT)
    here = {"made": "so", "deep": {"list": [1, 3], "same": 0}}
    with pytest.raises(ValueError, match="other settings") as error:
        study.Queue(url, "deep", here, HEARTBEAT + 1)
    lines = str(error.value).splitlines()[1:-1]
    assert lines == [
        "  deep, list, 1: 2 in the study, 3 here",
        "  heartbeat: 1 in the study, 2 here",
    ]


@pytest.mark.parametrize(
    "storage",
    [
        "sqlite:////no/such/folder/study.db",
        "postgresql+psycopg://someone:secret@127.0.0.1:9/study",
        "postgres//someone:secret@somewhere/study",
        "nonsense",
        "oracle://somewhere/study",
    ],
)
def test_a_storage_that_cannot_be_reached(storage, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--storage", storage])
    monkeypatch.setattr(sweep, "describe", lambda *_: {})
    assert sweep.main() == 2
    message = capsys.readouterr().err
    assert storage.split("secret")[0] in message
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


@pytest.mark.parametrize("seeds", ["0", "-1", "many"])
def test_a_number_of_seeds_that_is_none(seeds, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["sweep.py", "--seeds", seeds])
    with pytest.raises(SystemExit) as stop:
        sweep.main()
    assert stop.value.code == 2
    assert f"'{seeds}' is not a whole number above 0" in capsys.readouterr().err


def test_a_database_that_goes_away_is_named(monkeypatch, capsys):
    def go_away(arguments):
        raise optuna.exceptions.StorageInternalError("wrapped") from OSError("gone")

    monkeypatch.setattr(sys, "argv", ["sweep.py", "--storage", "sqlite:///here.db"])
    monkeypatch.setattr(sweep, "sweep", go_away)
    assert sweep.main() == 2
    assert capsys.readouterr().err == "\ncannot use sqlite:///here.db: gone\n"


def test_the_tables_have_all_that_was_asked_for(url):
    names = ["lines/base: nothing", "lines/filter size: 5×5", "finals/plain_lines"]
    plan = [(name, seed) for name in names for seed in range(3)]
    accuracy = dict(zip(names, (0.9, 0.95, 0.99), strict=True))

    def train(experiment, seed):
        value = accuracy[experiment] + seed / 1000
        return value, {"parameters": 1234, "seconds": 2.0}

    queue = open_again(url)
    queue.work(plan, train, print)
    others, finals = sweep.results(queue.completed(plan), names).split("\n\n")
    assert "| validation accuracy, mean ± sd |" in others
    assert "| lines/base: nothing | 3 | 90.100% ± 0.100 | 1,234 | 2.0 |  |  |" in others
    expected = "| 3 | 95.100% ± 0.100 | 1,234 | 2.0 | +5.000 ± 0.082 | better |"
    assert f"| lines/filter size: 5×5 {expected}" in others
    assert "| test accuracy, mean ± sd |" in finals
    assert "| finals/plain_lines | 3 | 99.100% ± 0.100 | 1,234 | 2.0 |" in finals
