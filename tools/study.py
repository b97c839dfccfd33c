"""A queue of trainings as an Optuna study that any number of workers work off.

A training is a tuple (experiment, seed). Each is done once: a worker that dies loses
its heartbeat, whereupon another one takes its training up again.
"""

import time

import optuna
import sqlalchemy
from optuna import storages
from optuna.trial import TrialState
from sqlalchemy import event, exc

GRACE = 3  # heartbeats that may be missing before a worker counts as dead
LOCK_SECONDS = 60  # that a worker waits for a locked SQLite file
CONNECT_SECONDS = 10  # until a database that does not answer counts as unreachable
ATTEMPTS = 3  # to open a database: two workers may both be making its tables
ALIVE = (TrialState.WAITING, TrialState.RUNNING, TrialState.COMPLETE)
DATABASE_ERRORS = (
    *(exc.SQLAlchemyError, ImportError),
    *(optuna.exceptions.StorageInternalError, optuna.exceptions.DuplicatedStudyError),
)


class Queue:
    """Trainings in a database, and who has done which."""

    def __init__(self, url, name, settings, heartbeat):
        """Create the study or join it.

        Args:
            url: str, a database as SQLAlchemy names it.
            name: str, of the study.
            settings: dict that JSON can hold, what all workers have to agree on.
            heartbeat: int, seconds between two signs of life of a worker.

        Raises:
            ValueError: the study was made with other settings.
            One of DATABASE_ERRORS: no such database, or no driver for it.
        """
        self.name, self.heartbeat = name, heartbeat
        self.settings = settings | {"heartbeat": heartbeat}
        self.study = optuna.create_study(
            study_name=name,
            storage=_open_storage(url, heartbeat),
            sampler=optuna.samplers.RandomSampler(),
            direction="maximize",
            load_if_exists=True,
        )
        if "settings" not in self.study.user_attrs:
            self.study.set_user_attr("settings", self.settings)
        self._check_settings()

    def work(self, plan, train, announce):
        """Train until all of a plan is done, by this worker or by others.

        Args:
            plan: list of (experiment, seed).
            train: function of experiment and seed; returns the accuracy and a dict of
                what else to keep.
            announce: function of one str, told what happens.
        """
        told, silent_since = 0, {}
        while True:
            self._check_settings()  # two workers may both have begun the study
            storages.fail_stale_trials(self.study)
            self._fail_stillborn(silent_since)
            self._queue_missing(plan)
            states = [trial.state for trial in self._trials()]
            running = states.count(TrialState.RUNNING)
            if TrialState.WAITING in states:
                self._do_next(train, announce)
                done = len(self.completed(plan))
                announce(f"{done} of {len(plan)} trainings are done")
            elif running:
                if running != told:
                    announce(f"waiting for {running} that other workers are at")
                told = running
                time.sleep(self.heartbeat)
            else:
                return

    def completed(self, plan):
        """What is done of a plan: (experiment, seed) → its ``FrozenTrial``."""
        done = {}
        for trial in self._trials([TrialState.COMPLETE]):
            done.setdefault(_training_of(trial), trial)
        return {training: done[training] for training in plan if training in done}

    def _trials(self, states=None):
        return self.study.get_trials(deepcopy=False, states=states)

    def _check_settings(self):
        earlier = self.study.user_attrs["settings"]
        if earlier != self.settings:
            raise ValueError(
                f"the study {self.name} was made with other settings, so it is left as "
                "it is:\n" + "\n".join(_differences(earlier, self.settings)) + "\n"
                "name another study, or go back to what made this one"
            )

    def _fail_stillborn(self, silent_since):
        """Give up trials whose worker died before its first heartbeat.

        Optuna never calls these stale.

        Args:
            silent_since: dict, trial number → when this worker first saw it claimed but
                not begun.
        """
        now = time.monotonic()
        for trial in self._trials([TrialState.RUNNING]):
            if "begun" in trial.user_attrs:
                continue
            since = silent_since.setdefault(trial.number, now)
            if now - since > GRACE * self.heartbeat:
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _queue_missing(self, plan):
        """Queue what nobody has done, does or will do."""
        alive = {_training_of(trial) for trial in self._trials(ALIVE)}
        for training in plan:
            if training not in alive:
                self.study.enqueue_trial({}, user_attrs={"training": training})

    def _do_next(self, train, announce):
        """Take the next training from the queue, unless others were faster."""
        trained = []

        def objective(trial):
            trial.set_user_attr("begun", True)
            if not self._is_first(trial):
                raise optuna.TrialPruned
            accuracy, details = train(*_training_of(trial))
            trained.append(trial.number)
            for key, value in details.items():
                trial.set_user_attr(key, value)
            return accuracy

        try:
            self.study.optimize(objective, n_trials=1)
        except ValueError:  # Optuna refuses the result of a trial that is not ours
            if not trained:
                raise
            announce("this worker was silent for too long: its training was given away")

    def _is_first(self, trial):
        """Whether nobody else has done, does or will do the training of a trial.

        Two workers that start at once may both queue the plan; and one that finds the
        queue emptied by another is given a trial without any training.
        """
        training = _training_of(trial)
        same = [
            other.number
            for other in self._trials(ALIVE)
            if _training_of(other) == training
        ]
        return training is not None and trial.number == min(same)


def _training_of(trial):
    """(experiment, seed) of a trial from the queue; None of any other."""
    given = trial.user_attrs.get("training")
    return tuple(given) if given else None


def _open_storage(url, heartbeat):
    """The database; its tables are made, unless another worker is just making them."""
    is_file = sqlalchemy.make_url(url).get_backend_name() == "sqlite"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            storage = storages.RDBStorage(
                url,
                engine_kwargs=_engine_options(url, is_file),
                heartbeat_interval=heartbeat,
                grace_period=GRACE * heartbeat,
                heartbeat_stale_trial_callback=storages.RetryHeartbeatStaleTrialCallback(),
            )
            break
        except DATABASE_ERRORS:
            if attempt == ATTEMPTS:
                raise
            time.sleep(1)
    if is_file:
        _lock_before_reading(storage.engine)
    return storage


def _engine_options(url, is_file):
    """Patience with a busy file; none with a server that does not answer."""
    if is_file:
        return {"connect_args": {"timeout": LOCK_SECONDS}}
    options = {"pool_pre_ping": True}
    if sqlalchemy.make_url(url).get_driver_name().startswith("psycopg"):
        options["connect_args"] = {"connect_timeout": CONNECT_SECONDS}
    return options


def _lock_before_reading(engine):
    """Let every SQLite transaction begin with the lock that others get by FOR UPDATE.

    Otherwise two workers may read that a trial is waiting, and both take it.
    """
    engine.dispose()

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection, _):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def lock(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _differences(earlier, here, path=()):
    """One line for each value that differs between two nested dicts or lists."""
    if isinstance(earlier, list) and isinstance(here, list):
        earlier, here = (dict(enumerate(values)) for values in (earlier, here))
    if not (isinstance(earlier, dict) and isinstance(here, dict)):
        name = ", ".join(map(str, path))
        return [f"  {name}: {earlier} in the study, {here} here"]
    return [
        line
        for key in dict.fromkeys([*earlier, *here])
        if earlier.get(key) != here.get(key)
        for line in _differences(earlier.get(key), here.get(key), (*path, key))
    ]
