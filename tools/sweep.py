"""Train the experiments' trials with any number of workers, on one machine or many.

    python tools/sweep.py --only ablation     into a file under build/
    python tools/sweep.py --storage URL       into a database that others share

Every experiment is an Optuna study, and every training a trial of its grid of rows and
seeds. Workers may come and go: what a killed worker was at, another one takes up. When
nothing is left to do, the record of each experiment is written to models/.
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
from sqlalchemy import exc

from coursework import paths, records
from coursework.training import recipes, trials, variations

EXPERIMENTS = variations.EXPERIMENTS | recipes.EXPERIMENTS
DATABASE_ERRORS = (
    exc.SQLAlchemyError,
    ImportError,
    optuna.exceptions.StorageInternalError,
)
MOST_SEEDS = 1000
GRACE = 3  # heartbeats that may be missing before a worker counts as dead
PATIENCE = {  # seconds: for a locked SQLite file, for a server that does not answer
    "sqlite": {"timeout": 60},
    "postgresql": {"connect_timeout": 10},
}


def main():
    """Work until nothing is left; 0 is success, 2 bad input or no database."""
    be_quiet()
    arguments = parse_arguments()
    try:
        for name in chosen(arguments.only):
            sweep(EXPERIMENTS[name], arguments)
    except DATABASE_ERRORS as error:
        where = shown(arguments.storage)
        return report(f"cannot use {where}: {reason(error, arguments.storage)}", 2)
    except (OSError, ValueError) as error:
        return report(error, status=2)
    except KeyboardInterrupt:
        return report("stopped; finished trials are kept in the study", status=130)
    return 0


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


def report(message, status):
    print(f"\n{message}", file=sys.stderr)
    return status


def chosen(only):
    """Names of the experiments to run (ValueError if none begins with ``only``)."""
    names = [name for name in EXPERIMENTS if name.startswith(only or "")]
    if not names:
        raise ValueError(f"no experiment {only!r}; known: {', '.join(EXPERIMENTS)}")
    return names


def sweep(experiment, arguments):
    """Train what is missing of an experiment, then write its record."""
    seeds = list(range(arguments.seeds or len(experiment.seeds)))
    study = open_study(experiment, seeds, arguments.storage, arguments.heartbeat)
    total = len(experiment.rows) * len(seeds)
    done, where = len(finished(study, seeds)), shown(arguments.storage)
    print(
        f"{experiment.name}: {done} of {total} trials are done in {where}", flush=True
    )
    call = joblib.delayed(work)(
        experiment, seeds, arguments.storage, arguments.heartbeat, os.getpid()
    )
    list(trials.in_processes([call] * arguments.workers, arguments.workers))
    dataset, _ = variations.load(experiment.dataset)
    record = trials.as_record(trials.describe(experiment), finished(study, seeds))
    print(records.write_study(record, experiment.name, dataset), flush=True)


def open_study(experiment, seeds, url, heartbeat):
    """The study of an experiment, made or joined.

    Raises:
        ValueError: it was made with other settings.
    """
    backend = url.get_backend_name()
    if backend == "sqlite":
        paths.BUILD.mkdir(parents=True, exist_ok=True)
    storage = storages.RDBStorage(
        url.render_as_string(hide_password=False),
        engine_kwargs={"connect_args": PATIENCE.get(backend, {})},
        heartbeat_interval=heartbeat,
        grace_period=GRACE * heartbeat,
        heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
    )
    study = optuna.create_study(
        study_name=experiment.name,
        storage=storage,
        sampler=optuna.samplers.GridSampler(
            {"row": list(experiment.rows), "seed": seeds}
        ),
        load_if_exists=True,
    )
    setup = trials.describe(experiment)
    if "setup" not in study.user_attrs:
        study.set_user_attr("setup", setup)
    different = [
        key for key in setup if study.user_attrs["setup"].get(key) != setup[key]
    ]
    if different:
        raise ValueError(
            f"the study {experiment.name} in {shown(url)} was made with other "
            f"{', '.join(different)}, so it is left as it is; use another --storage"
        )
    return study


def work(experiment, seeds, url, heartbeat, parent):
    """Train trials until all of the grid are done, in a process of its own."""
    trials.prepare(parent)
    be_quiet()
    study = open_study(experiment, seeds, url, heartbeat)
    total = len(experiment.rows) * len(seeds)

    def objective(trial):
        row = trial.suggest_categorical("row", list(experiment.rows))
        seed = trial.suggest_int("seed", 0, MOST_SEEDS)
        # Known from a run with fewer seeds, or from another worker.
        known = finished(study).get((row, seed))
        result = known or experiment.run_trial(row, seed)
        trial.set_user_attr("result", result)
        print(f"  {row}, seed {seed}: {result['errors']} errors", flush=True)
        return result["errors"]

    while len(done := finished(study, seeds)) < total:
        if len(done | running(study)) < total:
            study.optimize(objective, n_trials=1)
        else:
            time.sleep(heartbeat)
            storages.fail_stale_trials(study)


def finished(study, seeds=None):
    """dict, (row, seed) → result of each finished trial, none counted twice.

    Args:
        study: an ``optuna.Study``.
        seeds: list of int, only these; None for all.
    """
    done = {
        _job(trial): trial.user_attrs["result"]
        for trial in _trials(study, optuna.trial.TrialState.COMPLETE)
    }
    return {job: done[job] for job in done if seeds is None or job[1] in seeds}


def running(study):
    """dict, (row, seed) → trial that a worker is at."""
    begun = _trials(study, optuna.trial.TrialState.RUNNING)
    return {_job(trial): trial for trial in begun if len(trial.params) == 2}


def _trials(study, state):
    return study.get_trials(deepcopy=False, states=[state])


def _job(trial):
    return trial.params["row"], trial.params["seed"]


if __name__ == "__main__":
    sys.exit(main())
