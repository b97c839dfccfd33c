"""A list of trainings as an Optuna study that any number of workers work off.

A training is a tuple (experiment, seed). Each is done once: a worker that dies loses
its heartbeat, whereupon another one takes its training up again.
"""

import time

import optuna
import sqlalchemy
from optuna import storages
from optuna.trial import TrialState
from sqlalchemy import exc

GRACE = 3  # heartbeats that may be missing before a worker counts as dead
MANY_SECONDS = 60  # that a worker waits for a locked SQLite file
CONNECT_SECONDS = 10  # until a database that does not answer counts as unreachable
ATTEMPTS = 3  # to open a database: two workers may both be making its tables
ALIVE = (TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE)


def open_study(url, name, settings, heartbeat):
    """Create a study or join it.

    Args:
        url: str, a database as SQLAlchemy names it.
        name: str, of the study.
        settings: dict that JSON can hold, what all its workers have to agree on.
        heartbeat: int, seconds between two signs of life of a worker.

    Returns:
        The ``optuna.Study``.

    Raises:
        ValueError: the study was made with other settings.
        sqlalchemy.exc.SQLAlchemyError, ImportError: no such database, or no driver.
    """
    study = optuna.create_study(
        study_name=name,
        storage=_open_storage(url, heartbeat),
        sampler=optuna.samplers.RandomSampler(),
        direction="maximize",
        load_if_exists=True,
    )
    earlier = study.user_attrs.get("settings")
    if earlier is None:
        study.set_user_attr("settings", settings)
    elif earlier != settings:
        raise ValueError(_tell_apart(name, earlier, settings))
    return study


def _open_storage(url, heartbeat):
    """The database; its tables are made, unless another worker is just making them."""
    attempts = range(ATTEMPTS)
    for attempt in attempts:
        try:
            return storages.RDBStorage(
                url,
                engine_kwargs={"connect_args": _patience(url)},
                heartbeat_interval=heartbeat,
                grace_period=GRACE * heartbeat,
                heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
            )
        except exc.SQLAlchemyError:
            if attempt == attempts[-1]:
                raise
            time.sleep(1)


def _patience(url):
    """How long a worker waits for the database, by its kind."""
    kind = sqlalchemy.make_url(url).get_backend_name()
    if kind == "sqlite":
        return {"timeout": MANY_SECONDS}
    return {"connect_timeout": CONNECT_SECONDS}


def _tell_apart(name, earlier, settings):
    """Both values of each setting that differs."""
    differing = [
        f"  {key}: {earlier.get(key)} in the study, {settings.get(key)} here"
        for key in sorted(earlier | settings)
        if earlier.get(key) != settings.get(key)
    ]
    return (
        f"the study {name} was made with other settings, so it is left as it is:\n"
        + "\n".join(differing)
        + "\nname another study, or go back to the code that made this one"
    )


def work(study, plan, train, announce, heartbeat):
    """Do trainings until all of a plan are done, by this worker or by others.

    Args:
        study: the ``optuna.Study``.
        plan: list of (experiment, seed), the same for all workers.
        train: function of experiment and seed; returns the accuracy and a dict of
            what else to keep.
        announce: function of one str, told what happens.
        heartbeat: int, seconds to wait before looking again at what others do.
    """
    objective = _make_objective(plan, train)
    told = 0
    while True:
        storages.fail_stale_trials(study)
        _queue_missing(study, plan)
        states = [trial.state for trial in study.get_trials(deepcopy=False)]
        running = states.count(TrialState.RUNNING)
        if TrialState.WAITING in states:
            _do_next(study, objective, announce)
            announce(f"{len(completed(study))} of {len(plan)} trainings are done")
        elif running:
            if running != told:
                announce(f"waiting for {running} that other workers are at")
            told = running
            time.sleep(heartbeat)
        else:
            return


def _queue_missing(study, plan):
    """Queue what nobody has done, does or will do."""
    alive = {_training_of(t) for t in study.get_trials(deepcopy=False, states=ALIVE)}
    for training in plan:
        if training not in alive:
            experiment, seed = training
            study.enqueue_trial(
                {"experiment": experiment, "seed": seed},
                user_attrs={"training": [experiment, seed]},
            )


def _training_of(trial):
    """(experiment, seed) of a trial from the queue, None of one drawn by chance."""
    given = trial.user_attrs.get("training")
    return tuple(given) if given else None


def _make_objective(plan, train):
    experiments = sorted({experiment for experiment, _ in plan})
    last_seed = max(seed for _, seed in plan)

    def objective(trial):
        experiment = trial.suggest_categorical("experiment", experiments)
        seed = trial.suggest_int("seed", 0, last_seed)
        if not _is_first(trial):
            raise optuna.TrialPruned
        accuracy, details = train(experiment, seed)
        for key, value in details.items():
            trial.set_user_attr(key, value)
        return accuracy

    return objective


def _is_first(trial):
    """Whether nobody else has done, does or will do the training of a trial.

    Two workers that start at once may both queue the plan; and one that finds the queue
    emptied by another is given a training drawn by chance.
    """
    training = _training_of(trial)
    same = [
        other.number
        for other in trial.study.get_trials(deepcopy=False, states=ALIVE)
        if _training_of(other) == training
    ]
    return training is not None and trial.number == min(same)


def _do_next(study, objective, announce):
    """Take the next training from the queue."""
    begun = []

    def noting(trial):
        begun.append(trial.number)
        return objective(trial)

    try:
        study.optimize(noting, n_trials=1)
    except ValueError:
        if not _was_taken_over(study, begun):
            raise
        announce("this worker was silent for too long, another one has its training")


def _was_taken_over(study, numbers):
    """Whether a trial was given to another worker while this one was at it."""
    history = storages.RetryHeartbeatStaleTrialCallback.retry_history
    retried = {n for trial in study.get_trials(deepcopy=False) for n in history(trial)}
    return not retried.isdisjoint(numbers)


def completed(study):
    """What is done: (experiment, seed) → its first completed ``FrozenTrial``."""
    trials = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    by_training = {}
    for trial in sorted(trials, key=lambda trial: trial.number):
        by_training.setdefault(_training_of(trial), trial)
    return by_training
