"""Train the experiments' trials with any number of workers, on one machine or many.

    python tools/sweep.py --only ablation     into a file under build/
    python tools/sweep.py --storage URL       into a database that others share

Every experiment is an Optuna study, and every training, a row with a seed, a trial that
waits there until one worker takes it. Workers may come and go: what a killed worker was
at, another one takes up. When nothing is left, the record is written to models/.
"""

import argparse
import logging
import os
import re
import sys
import time
import urllib.parse
import warnings

import joblib
import optuna
import sqlalchemy
from optuna import storages
from optuna.trial import TrialState
from sqlalchemy import exc

from coursework import paths, records
from coursework.training import recipes, trials, variations

EXPERIMENTS = variations.EXPERIMENTS | recipes.EXPERIMENTS
DATABASE_ERRORS = (
    exc.SQLAlchemyError,
    ImportError,
    optuna.exceptions.StorageInternalError,
)
WAITING, RUNNING = TrialState.WAITING, TrialState.RUNNING
COMPLETE = TrialState.COMPLETE
GRACE = 3  # heartbeats that may be missing before a worker counts as dead
PATIENCE = {  # seconds: for a locked SQLite file, for a server that does not answer
    "sqlite": {"timeout": 60},
    "postgresql": {"connect_timeout": 10},
}


def main():
    """Work until nothing is left; 0 is success, 2 bad input or no database."""
    be_quiet()
    arguments = parse_arguments()
    status = 2
    try:
        for name in chosen(arguments.only):
            sweep(EXPERIMENTS[name], arguments)
        return 0
    except DATABASE_ERRORS as error:
        where = shown(arguments.storage)
        said = f"cannot use {where}: {reason(error, arguments.storage)}"
    except (OSError, ValueError) as error:
        said = error
    except KeyboardInterrupt:
        said, status = "stopped; finished trials are kept in the study", 130
    print(f"\n{said}", file=sys.stderr)
    return status


def be_quiet():
    optuna.logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    own = paths.BUILD / "sweep.db"
    add(
        "--storage",
        metavar="URL",
        type=database,
        default=os.environ.get("STORAGE") or f"sqlite:///{own.as_posix()}",
        help="a database; by default $STORAGE, else a file under build/",
    )
    add("--only", metavar="NAME", help="experiments whose name begins so")
    add("--seeds", type=positive, help="how many; by default what each record has")
    add("--workers", type=positive, default=records.machine()["cores"])
    add("--heartbeat", type=positive, default=20, metavar="SECONDS")
    return parser.parse_args()


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def database(text):
    """A ``sqlalchemy.URL``, also of a text whose password is not percent-encoded."""
    parts = re.match(r"([^:/]+://[^:/@]*:)(.*)(@[^@]*)$", text)
    if parts:
        start, password, end = parts.groups()
        quoted = urllib.parse.quote(urllib.parse.unquote(password), safe="")
        text = start + quoted + end
    try:
        return sqlalchemy.make_url(text)
    except exc.ArgumentError:
        raise argparse.ArgumentTypeError(
            "not a database URL; expected postgresql+psycopg://user:password@host/name"
        ) from None


def shown(url):
    return url.render_as_string(hide_password=True)


def reason(error, url):
    """What the database itself says, in a line and without a password."""
    error = error.__cause__ or error
    line = str(getattr(error, "orig", None) or error).splitlines()[0]
    return line.replace(url.password, "***") if url.password else line


def chosen(only):
    """Names of the experiments to run (ValueError if none begins with ``only``)."""
    names = [name for name in EXPERIMENTS if name.startswith(only or "")]
    if not names:
        raise ValueError(f"no experiment {only!r}; known: {', '.join(EXPERIMENTS)}")
    return names


def sweep(experiment, arguments):
    """Train what is missing of an experiment, then write its record."""
    first, count = experiment.seeds[0], arguments.seeds or len(experiment.seeds)
    seeds = range(first, first + count)
    jobs = [(row, seed) for seed in seeds for row in experiment.rows]
    what = (experiment, arguments.storage, arguments.heartbeat)
    study = open_study(*what)
    done = [job for job in jobs if job in finished(study)]
    where = shown(arguments.storage)
    print(f"{experiment.name}: {len(done)} of {len(jobs)} trials are done in {where}")
    for row, seed in jobs:
        if (row, seed) not in _trials(study, WAITING, RUNNING, COMPLETE):
            study.enqueue_trial({}, user_attrs={"row": row, "seed": seed})
    calls = [joblib.delayed(work)(*what, os.getpid())] * arguments.workers
    list(trials.in_processes(calls, arguments.workers))
    results = finished(study)
    record = {job: results[job] for job in jobs}
    dataset, _ = variations.load(experiment.dataset)
    record = trials.as_record(trials.describe(experiment), record)
    print(records.write_study(record, experiment.name, dataset), flush=True)


def open_study(experiment, url, heartbeat):
    """The study of an experiment, made or joined.

    Raises:
        ValueError: it was made with other settings.
    """
    if url.get_backend_name() == "sqlite":
        paths.BUILD.mkdir(parents=True, exist_ok=True)
    storage = storages.RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs={"connect_args": PATIENCE.get(url.get_backend_name(), {})},
        heartbeat_interval=heartbeat,
        grace_period=GRACE * heartbeat,
        heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
    )
    study = optuna.create_study(
        study_name=experiment.name, storage=storage, load_if_exists=True
    )
    setup = trials.describe(experiment)
    if "setup" not in study.user_attrs:
        study.set_user_attr("setup", setup)
    stored = study.user_attrs["setup"]
    different = [key for key in setup if stored.get(key) != setup[key]]
    if different:
        raise ValueError(
            f"the study {experiment.name} in {shown(url)} was made with other "
            f"{', '.join(different)}, so it is left as it is; use another --storage"
        )
    return study


def work(experiment, url, heartbeat, parent):
    """Train trials until none waits or is at work, in a process of its own."""
    trials.prepare(parent)
    be_quiet()
    study = open_study(experiment, url, heartbeat)

    def objective(trial):
        if "row" not in trial.user_attrs:  # another worker has taken the last one
            raise optuna.TrialPruned
        job = row, seed = trial.user_attrs["row"], trial.user_attrs["seed"]
        result = finished(study).get(job) or experiment.run_trial(*job)
        trial.set_user_attr("result", result)
        print(f"  {row}, seed {seed}: {result['errors']} errors", flush=True)
        return result["errors"]

    while _trials(study, WAITING, RUNNING):
        if _trials(study, WAITING):
            study.optimize(objective, n_trials=1)
        else:
            time.sleep(heartbeat)
            storages.fail_stale_trials(study)


def finished(study):
    """dict, (row, seed) → result of each finished trial, none counted twice."""
    done = _trials(study, COMPLETE)
    return {job: trial.user_attrs["result"] for job, trial in done.items()}


def _trials(study, *states):
    """dict, (row, seed) → trial of those in one of these states."""
    return {
        (trial.user_attrs["row"], trial.user_attrs["seed"]): trial
        for trial in study.get_trials(deepcopy=False, states=states)
        if "row" in trial.user_attrs
    }


if __name__ == "__main__":
    sys.exit(main())
