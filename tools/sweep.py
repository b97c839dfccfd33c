"""Run all variations and the final networks' repeats with more seeds, on many machines.

    python tools/sweep.py                     a worker; its study is a file under build/
    python tools/sweep.py --storage URL       a worker of a study in a database

Every training is a trial of an Optuna study, and any number of workers may work on it.
They may come and go: what a dead worker was at, another one takes up. When nothing is
left to do, each worker prints the table of results.
"""

import argparse
import collections
import functools
import itertools
import json
import logging
import math
import os
import re
import statistics
import sys
import warnings

import optuna

from coursework import files, paths, records
from coursework.data import lines, mnist, splits
from coursework.figures import tables
from coursework.training import runs, variations

import run_repeats
import study

FINALS = "finals"  # the group of the final networks; the others are experiments


def main():
    """Work until nothing is left; 0 is success, 2 bad input or no database."""
    optuna.logging.set_verbosity(logging.CRITICAL)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    arguments = parse_arguments()
    try:
        arguments.storage = arguments.storage or own_file()
        sweep(arguments)
    except study.DATABASE_ERRORS as error:
        return report(f"cannot use {shown(arguments.storage)}: {reason(error)}", 2)
    except (OSError, ValueError) as error:
        return report(error, status=2)
    except KeyboardInterrupt:
        return report("stopped; what is done is kept in the study", status=130)
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add(
        "--storage",
        metavar="URL",
        default=os.environ.get("STORAGE") or None,
        help="a database; by default $STORAGE, else a file under build/",
    )
    add("--study", default="sweep", metavar="NAME", help="by default “sweep”")
    add("--seeds", type=positive, default=10, help="seeds of each, by default 10")
    add("--only", action="append", metavar="NAME", help="only these, or a whole kind")
    add(
        "--heartbeat",
        type=positive,
        default=20,
        metavar="SECONDS",
        help="a worker silent for three of these counts as dead, by default 20",
    )
    return parser.parse_args()


def positive(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def report(message, status):
    print(f"\n{message}", file=sys.stderr)
    return status


def shown(url):
    """A database's URL without its password."""
    return re.sub(r":[^:/@]*@", ":***@", url)


def reason(error):
    """What the database itself says, in a line and without a password."""
    error = error.__cause__ or error
    return shown(str(getattr(error, "orig", None) or error).splitlines()[0])


def sweep(arguments):
    """Join the study, work, print and write the table."""
    experiments = chosen(arguments.only)
    plan = [(e, seed) for seed in range(arguments.seeds) for e in experiments]
    queue = study.Queue(
        arguments.storage, arguments.study, describe(), arguments.heartbeat
    )
    where = shown(arguments.storage)
    print(f"study {arguments.study} in {where}: {len(plan)} trainings", flush=True)
    queue.work(plan, train, announce)
    text = results(queue.completed(plan), experiments)
    files.write_text(own_folder() / f"{arguments.study}.md", text)
    print(text)


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
            f"{experiment.name}/{variation.name}"
            for experiment in variations.EXPERIMENTS.values()
            for variation in (variations.BASE, *experiment.variations)
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
    known = [FINALS, *variations.EXPERIMENTS]
    if group not in known:
        raise ValueError(
            f"{experiment!r} is neither variations nor finals, and does not begin with "
            f"{'/, '.join(known)}/"
        )
    if group == FINALS and name not in records.NOTEBOOKS:
        raise ValueError(f"no network {name!r}; known: {', '.join(records.NOTEBOOKS)}")
    if group != FINALS:
        variations.EXPERIMENTS[group].variation(name)


def describe():
    """What the workers of a study have to agree on, as JSON would hold it."""
    settings = {
        "quick": paths.QUICK,
        "keras": records.versions()["keras"],
        "tensorflow": records.versions()["tensorflow"],
        "lines": lines.SHA256,
        "mnist": mnist.SHA256,
        "experiments": {
            name: experiment.as_record()
            for name, experiment in variations.EXPERIMENTS.items()
        },
        "networks": {name: describe_network(name) for name in records.NOTEBOOKS},
    }
    return json.loads(json.dumps(settings))


def describe_network(name):
    """The configuration of a final network, not its weights; None without a record."""
    try:
        record = records.read(name, paths.ROOT / "models")
    except FileNotFoundError:
        return None
    fields = ("parameters", "dataset", "training")
    return {field: record[field] for field in fields}


def train(experiment, seed):
    """Train one; returns its accuracy and what else the study keeps of it."""
    group, _, name = experiment.partition("/")
    if group == FINALS:
        return train_final(name, seed)
    varied = variations.EXPERIMENTS[group]
    variation = varied.variation(name)
    dataset, parts = load(varied.dataset)
    varied = varied.quick() if paths.QUICK else varied
    trial = variations.run_trial(varied, variation, dataset, parts, seed)
    return trial.accuracy, {"parameters": trial.parameters, "seconds": trial.seconds}


def train_final(name, seed):
    """Train a final network; its accuracy is that on the test part."""
    network, record = records.load(name, paths.ROOT / "models")
    dataset, parts = load(record["dataset"]["name"])
    _, repeat = runs.train_again(network, record["training"], dataset, parts, seed)
    details = {"parameters": record["parameters"], "seconds": repeat["seconds"]}
    return repeat["accuracy"], details


@functools.cache
def load(name):
    """A dataset and its parts."""
    dataset = run_repeats.DATASETS[name]()
    return dataset, splits.split(dataset.classes)


# --- what came out --------------------------------------------------------------------


def results(completed, experiments):
    """A table for the variations and one for the final networks, means over seeds."""
    trials = collections.defaultdict(list)
    for (experiment, _), trial in completed.items():
        trials[experiment].append(trial)
    finals = [e for e in experiments if e.startswith(f"{FINALS}/")]
    others = [e for e in experiments if e not in finals]
    texts = [
        table("validation accuracy", others, trials, compared=True),
        table("test accuracy", finals, trials, compared=False),
    ]
    return "\n\n".join(filter(None, texts)) + "\n"


def table(title, experiments, trials, compared):
    """Empty if none of the experiments has been done."""
    columns = ["experiment", "seeds", f"{title}, mean ± sd", "parameters", "seconds"]
    if compared:
        columns += ["difference from base ± standard error, points", "effect"]
    rows = [
        (name, *row(trials[name]), *(comparison(name, trials) if compared else ()))
        for name in experiments
        if trials[name]
    ]
    return tables.markdown(columns, rows) if rows else ""


def row(trials):
    values = [trial.value for trial in trials]
    seconds = statistics.mean(trial.user_attrs["seconds"] for trial in trials)
    spread = f" ± {statistics.stdev(values) * 100:.3f}" if len(values) > 1 else ""
    return (
        len(values),
        f"{statistics.mean(values):.3%}{spread}",
        f"{trials[0].user_attrs['parameters']:,}",
        f"{seconds:.1f}",
    )


def comparison(experiment, trials):
    """The difference of the means, and whether it is beyond three standard errors."""
    name = f"{experiment.partition('/')[0]}/{variations.BASE.name}"
    base, mine = ([t.value for t in trials[e]] for e in (name, experiment))
    if experiment == name or min(len(base), len(mine)) < 2:
        return "", ""
    difference = statistics.mean(mine) - statistics.mean(base)
    error = math.sqrt(sum(statistics.variance(v) / len(v) for v in (base, mine)))
    effect = "none"
    if abs(difference) > variations.EFFECT * error:
        effect = "better" if difference > 0 else "worse"
    return f"{difference * 100:+.3f} ± {error * 100:.3f}", effect


if __name__ == "__main__":
    sys.exit(main())
