"""Run all variations and the final networks' repeats with more seeds, on many machines.

    python tools/sweep.py                     a worker; its study is a file under build/
    python tools/sweep.py --storage URL       a worker of a study in a database

Every training is a trial of an Optuna study, and any number of workers may work on it.
They may come and go: what a dead worker was at, another one takes up. When nothing is
left to do, each worker prints the table of results.
"""

import argparse
import collections
import dataclasses
import functools
import itertools
import json
import logging
import statistics
import sys
import warnings

import optuna
import sqlalchemy
from sqlalchemy import exc

from coursework import files, lines, mnist, paths, records, splits, tables, variations

import run_repeats
import study as studies

FINALS = "finals"  # the group of the final networks; other groups are datasets
QUICK_STEP = 40  # a quick run takes every 40th image and one epoch


def main():
    """Work until nothing is left; 0 is success, 2 bad input or no database."""
    optuna.logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    arguments = parse_arguments()
    try:
        arguments.storage = arguments.storage or own_file()
        sweep(arguments)
    except (exc.SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        return report(f"cannot use {shown(arguments.storage)}: {reason}", status=2)
    except (OSError, ValueError) as error:
        return report(error, status=2)
    except KeyboardInterrupt:
        return report("stopped; what is done is kept in the study", status=130)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--storage", metavar="URL", help="a database; by default a file under build/")
    add("--study", default="sweep", metavar="NAME", help="by default “sweep”")
    add("--seeds", type=int, default=10, help="seeds of each training, by default 10")
    add("--only", action="append", metavar="NAME", help="only these, or a whole kind")
    add("--heartbeat", type=int, default=20, metavar="SECONDS")
    return parser.parse_args()


def report(message, status):
    print(f"\n{message}", file=sys.stderr)
    return status


def shown(url):
    """A database's URL without its password."""
    try:
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    except exc.ArgumentError:
        return url


def sweep(arguments):
    """Join the study, work, print and write the table."""
    url = arguments.storage
    experiments = chosen(arguments.only)
    plan = [(e, seed) for seed in range(arguments.seeds) for e in experiments]
    settings = describe(experiments, arguments.seeds)
    study = studies.open_study(url, arguments.study, settings, arguments.heartbeat)
    print(f"study {arguments.study} in {shown(url)}: {len(plan)} trainings", flush=True)
    studies.work(study, plan, train, announce, arguments.heartbeat)
    table = results(studies.completed(study), experiments)
    files.write_text(own_folder() / "sweep.md", table)
    print(table)


def own_file():
    """A SQLite file for the workers of one machine; its folder is made."""
    own_folder().mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{own_folder() / 'sweep.db'}"


def own_folder():
    """Where the study's file and the table of results stand."""
    return paths.BUILD / "quick" if paths.QUICK else paths.BUILD


def announce(message):
    print(f"  {message}", flush=True)


# --- what is trained ------------------------------------------------------------------


def chosen(only):
    """The experiments to run, "lines/filter size: 5×5" or "finals/plain_lines".

    Args:
        only: list of their names, or of "variations" and "finals", or None for all.

    Raises:
        ValueError: there is none of such a name.
    """
    kinds = {
        "variations": [
            f"{dataset}/{variation.name}"
            for dataset in run_repeats.DATASETS
            for variation in (variations.BASE, *variations.of_dataset(dataset))
        ],
        "finals": [f"{FINALS}/{name}" for name in records.NOTEBOOKS],
    }
    for name in only or kinds:
        if name not in kinds:
            check(name)
    names = [kinds.get(name, [name]) for name in only or kinds]
    return list(dict.fromkeys(itertools.chain.from_iterable(names)))


def check(experiment):
    """ValueError if there is no experiment of this name; the message says which are."""
    group, _, name = experiment.partition("/")
    known = {FINALS: records.NOTEBOOKS, **run_repeats.DATASETS}
    if group not in known:
        raise ValueError(
            f"{experiment!r} is neither variations nor finals, and does not begin with "
            f"{'/, '.join(known)}/"
        )
    if group == FINALS and name not in records.NOTEBOOKS:
        raise ValueError(f"no network {name!r}; known: {', '.join(records.NOTEBOOKS)}")
    if group != FINALS:
        variations.by_name(name, group)


def describe(experiments, seeds):
    """What the workers of a study have to agree on, as JSON would hold it."""
    folder = paths.ROOT / "models"
    settings = {
        "quick": paths.QUICK,
        "seeds": seeds,
        "experiments": experiments,
        "versions": {
            name: records.versions()[name] for name in ("keras", "tensorflow")
        },
        "lines": lines.SHA256,
        "mnist": mnist.SHA256,
        "base network": variations.BASE_NETWORK,
        "base settings": variations.BASE_SETTINGS.as_record(),
        "train images": variations.TRAIN_IMAGES,
        "variations": [dataclasses.asdict(v) for v in variations.VARIATIONS],
        "networks": {
            name: records.read(name, folder)["model_sha256"]
            for name in records.NOTEBOOKS
            if f"{FINALS}/{name}" in experiments
        },
    }
    return json.loads(json.dumps(settings))


def train(experiment, seed):
    """Train one; returns its accuracy and what else the study keeps of it."""
    group, _, name = experiment.partition("/")
    if group == FINALS:
        return train_final(name, seed)
    dataset, parts = load(group)
    base = variations.BASE_SETTINGS
    base = dataclasses.replace(base, epochs=1) if paths.QUICK else base
    variation = variations.by_name(name, group)
    trial = variations.run_trial(variation, dataset, parts, seed, base)
    return trial.accuracy, {"parameters": trial.parameters, "seconds": trial.seconds}


def train_final(name, seed):
    """Train a final network; its accuracy is that on the test part."""
    network, record = records.load(name, paths.ROOT / "models")
    dataset, parts = load(record["dataset"]["name"])
    record = record | {"epochs": 1} if paths.QUICK else record
    run, evaluation = run_repeats.train_again(network, record, dataset, parts, seed)
    details = {"parameters": record["parameters"], "seconds": round(run.seconds, 1)}
    return evaluation.accuracy, details


@functools.cache
def load(name):
    """A dataset and its parts, which a quick run thins."""
    dataset = run_repeats.DATASETS[name]()
    parts = splits.split(dataset.classes)
    return dataset, splits.thinned(parts, QUICK_STEP) if paths.QUICK else parts


# --- what came out --------------------------------------------------------------------


def results(completed, experiments):
    """A table of the means over the seeds, each dataset's base first."""
    trials = collections.defaultdict(list)
    for (experiment, _), trial in completed.items():
        trials[experiment].append(trial)
    rows = [row(name, trials) for name in experiments if trials[name]]
    columns = [
        *("experiment", "seeds", "accuracy, mean ± sd", "difference from base, in sd"),
        *("parameters", "seconds"),
    ]
    return tables.markdown(columns, rows)


def row(experiment, trials):
    values = [trial.value for trial in trials[experiment]]
    first = trials[experiment][0].user_attrs
    seconds = statistics.mean(t.user_attrs["seconds"] for t in trials[experiment])
    return (
        experiment,
        len(values),
        f"{statistics.mean(values):.3%}{spread(values)}",
        difference(experiment, trials),
        f"{first['parameters']:,}",
        f"{seconds:.1f}",
    )


def spread(values):
    return f" ± {statistics.stdev(values) * 100:.3f}" if len(values) > 1 else ""


def difference(experiment, trials):
    """Of the means, in standard deviations of the dataset's base."""
    base = trials.get(f"{experiment.partition('/')[0]}/{variations.BASE.name}", [])
    values = [trial.value for trial in base]
    if len(values) < 2 or statistics.stdev(values) == 0:
        return ""
    mine = statistics.mean(trial.value for trial in trials[experiment])
    return f"{(mine - statistics.mean(values)) / statistics.stdev(values):+.1f}"


if __name__ == "__main__":
    sys.exit(main())
