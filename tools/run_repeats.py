"""Train every final network again with other seeds and add the results to its record.

    python tools/run_repeats.py

The configuration is the one that the record tells of, so that the seeds of a record
differ by nothing else. Each finished seed is written at once: a run that was stopped
goes on with the next one.
"""

import sys

import keras

from coursework import lines, mnist, paths, records, splits, training

SEEDS = (0, 1, 2)
DATASETS = {"lines": lines.load, "mnist": mnist.load}


def main():
    """Train what is missing; 0 is success, 2 bad input or a full disk."""
    try:
        for name in records.NOTEBOOKS:
            add_missing_seeds(name, paths.ROOT / "models")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; finished seeds are kept", file=sys.stderr)
        return 130
    return 0


def add_missing_seeds(name, folder):
    """Train a network with each of ``SEEDS`` that its record does not hold yet.

    Raises:
        FileNotFoundError, ValueError: the network, its record or its dataset is missing
            or is not what it should be.
    """
    network, record = records.load(name, folder)
    done = {repeat["seed"] for repeat in record["repeats"]}
    missing = [seed for seed in SEEDS if seed not in done]
    print(f"{name}: seeds {sorted(done)} are done, missing {missing}", flush=True)
    if missing:
        dataset, parts = load_dataset(record)
    for seed in missing:
        run, evaluation = train_again(network, record, dataset, parts, seed)
        record["repeats"].append(training.make_repeat(run, evaluation))
        record["repeats"].sort(key=lambda repeat: repeat["seed"])
        records.write(record, name, folder)
        print(f"{name}, seed {seed}: {evaluation.errors} errors", flush=True)


def load_dataset(record):
    """A record's dataset and its split (ValueError if they are not the same here)."""
    dataset = DATASETS[record["dataset"]["name"]]()
    parts = splits.split(dataset.classes)
    here = training.describe_dataset(dataset, parts)
    if here != record["dataset"]:
        raise ValueError(f"the record was made on {record['dataset']}, here is {here}")
    return dataset, parts


def train_again(network, record, dataset, parts, seed):
    """Train a copy of a network from fresh weights; returns its run and evaluation."""
    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(network)
    settings = training.Settings.from_record(record)
    run = training.train(fresh, dataset, parts, settings, seed)
    return run, training.evaluate_test(run)


if __name__ == "__main__":
    sys.exit(main())
