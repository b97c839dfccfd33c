"""Train every final network, and every experiment, with other seeds for their records.

    python tools/run_repeats.py

The configuration is the one that the record tells of, so that the seeds of a record
differ by nothing else. Each finished seed is written at once: a run that was stopped
goes on with the next one.
"""

import sys

from coursework import paths, records
from coursework.data import lines, mnist, splits
from coursework.training import runs

SEEDS = (0, 1, 2)
DATASETS = {"lines": lines.load, "mnist": mnist.load}


def main():
    """Train what is missing; 0 is success, 2 bad input or a full disk."""
    try:
        for name in (*records.NOTEBOOKS, *runs.EXPERIMENTS):
            add_missing_seeds(name)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; finished seeds are kept", file=sys.stderr)
        return 130
    return 0


def add_missing_seeds(name):
    """Train a network, or an experiment, with ``SEEDS`` that its record does not hold.

    Raises:
        FileNotFoundError, ValueError: the network, its record or its dataset is missing
            or is not what it should be.
    """
    base, changes = runs.EXPERIMENTS.get(name, (name, None))
    network, record = records.load(base, paths.ROOT / "models")
    if changes:
        done = [repeat["seed"] for repeat in runs.repeats_of(name)]
    else:
        done = [seed for seed in SEEDS if records.has_seed(record, name, seed)]
    missing = [seed for seed in SEEDS if seed not in done]
    print(f"{name}: seeds {done} are done, missing {missing}", flush=True)
    if missing:
        dataset, parts = load_dataset(record)
    for seed in missing:
        trained, repeat = runs.train_again(
            network, record["training"], dataset, parts, seed, changes
        )
        if changes:
            runs.add_repeat(name, repeat, dataset)
        else:
            if seed in records.OTHER_SEEDS.get(name, ()):
                repeat["model_sha256"] = records.save_seed(trained, name, seed)
            others = [each for each in record["repeats"] if each["seed"] != seed]
            record["repeats"] = sorted([*others, repeat], key=lambda r: r["seed"])
            records.write(record, name, paths.ROOT / "models")
        print(f"{name}, seed {seed}: {repeat['errors']} errors", flush=True)


def load_dataset(record):
    """A record's dataset and its split (ValueError if they are not the same here)."""
    dataset = DATASETS[record["dataset"]["name"]]()
    parts = splits.split(dataset.classes)
    here = runs.describe_dataset(dataset, parts)
    if here != record["dataset"]:
        raise ValueError(f"the record was made on {record['dataset']}, here is {here}")
    return dataset, parts


if __name__ == "__main__":
    sys.exit(main())
