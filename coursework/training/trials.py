"""Independent trainings, as many at once as there are cores, each kept when finished.

A small network does not keep two cores busy: two trainings at once with one thread each
are done sooner than one after the other with two threads. A finished trial is appended
to a file under build/ at once, so that a run that was stopped goes on where it was.
"""

import functools
import hashlib
import json
import os
import sys
import threading
import time

import joblib
import tqdm
from joblib.externals import loky
from joblib.externals.loky import process_executor

from coursework import paths, records

MOST_MEMORY = 2 * 2**30  # bytes by which a process may grow


def run(experiment, workers=None):
    """Train all rows of an experiment with all its seeds, each trial in a process.

    Args:
        experiment: has ``name``; ``rows``, a dict by name; ``seeds``, ints;
            ``describe()``, a dict that JSON can hold; and ``run_trial(row, seed)``,
            which returns such a dict.
        workers: int, trials at once; None for as many as there are cores.

    Returns:
        What ``as_record`` gives.

    Raises:
        OSError: a result cannot be written. KeyboardInterrupt: Ctrl-C. In both cases
            finished trials are kept and no process is left behind.
    """
    setup = describe(experiment)
    path = paths.BUILD / "trials" / f"{experiment.name}-{_fingerprint(setup)}.jsonl"
    jobs = [(row, seed) for seed in experiment.seeds for row in experiment.rows]
    done = _read(path)
    missing = [job for job in jobs if job not in done]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for job, result in _train(experiment, jobs, missing, workers):
            file.write(json.dumps([job, result]) + "\n")
            file.flush()
            done[job] = result
    path.unlink()
    return as_record(setup, {job: done[job] for job in jobs})


def as_record(setup, done):
    """What is kept of an experiment.

    Args:
        setup: what ``describe`` gives.
        done: dict, (row, seed) → result of the trial.

    Returns:
        dict: ``setup``; ``seeds``, list of int; ``trials``, row → list of the results
        in the order of the seeds.
    """
    seeds = sorted({seed for _, seed in done})
    trials = {
        row: [done[row, seed] for seed in seeds]
        for row in setup["rows"]
        if (row, seeds[0]) in done
    }
    return {"setup": setup, "seeds": seeds, "trials": trials}


def describe(experiment):
    """All that the results of an experiment depend on, as JSON holds it."""
    versions = records.versions()
    setup = experiment.describe() | {
        "quick": paths.QUICK,
        "keras": versions["keras"],
        "tensorflow": versions["tensorflow"],
    }
    return json.loads(json.dumps(setup))


def _fingerprint(setup):
    return hashlib.sha256(json.dumps(setup).encode()).hexdigest()[:16]


def _read(path):
    """Finished jobs; a last line that a kill cut off is not one."""
    done = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            job, result = json.loads(line)
        except ValueError:
            continue
        done[tuple(job)] = result
    return done


def _train(experiment, jobs, missing, workers):
    """Yield (job, result) of each missing job, with a progress bar."""
    workers = workers or records.machine()["cores"]
    calls = (joblib.delayed(_call)(experiment, job, os.getpid()) for job in missing)
    yield from tqdm.tqdm(
        in_processes(calls, workers),
        total=len(jobs),
        initial=len(jobs) - len(missing),
        desc=f"{experiment.name}, {workers} at once",
        mininterval=10,
        file=sys.stdout,
    )


def in_processes(calls, workers):
    """Yield the results of ``joblib.delayed`` calls in the order in which they finish.

    Whatever ends this early, Ctrl-C for example, ends the processes too.
    """
    try:
        yield from joblib.Parallel(workers, return_as="generator_unordered")(calls)
    except BaseException:
        loky.get_reusable_executor().shutdown(wait=False, kill_workers=True)
        raise


def _call(experiment, job, parent):
    """Run one trial in a process of its own."""
    prepare(parent)
    return job, experiment.run_trial(*job)


@functools.cache
def prepare(parent):
    """Make this process one for trials: one thread, and an end with its parent.

    Args:
        parent: int, process that began it; without it this one ends within a second.
    """
    import tensorflow as tf  # not before the threads are set

    # Private: loky would replace a process whose memory has grown by 0.3 GB, which
    # TensorFlow's does within ten trials, and a new one takes ten seconds to begin.
    process_executor._MAX_MEMORY_LEAK_SIZE = MOST_MEMORY
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if os.getpid() != parent:
        threading.Thread(target=_end_with, args=[parent], daemon=True).start()


def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
