"""Trained networks on disk: NAME.keras and, beside it, the record NAME.json.

The record says what was trained, on what, how, and what came out; every number in a
README or report is read from one. It holds the SHA-256 of its network, so that a pair
that does not belong together (a run killed between the two files) is always noticed.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics

import keras
import numpy as np

from coursework import files, paths

NOTEBOOKS = {
    "plain_lines": "Q1/2_plain_cnn.ipynb",
    "plain_mnist": "Q1/2_plain_cnn.ipynb",
    "tuned_lines": "Q1/4_tuned_cnn.ipynb",
    "tuned_mnist": "Q1/4_tuned_cnn.ipynb",
    "four_head_lines": "Q2/1_four_head_network.ipynb",
}
OTHER_SEEDS = {"four_head_lines": (1, 2), "tuned_lines": (1,)}  # kept for Q2/2, Q3/4
STUDIES = {  # what was measured of the networks above, or beside them
    "padding": "Q1/2_plain_cnn.ipynb",
    "variations_lines": "Q1/3_variations.ipynb",
    "variations_mnist": "Q1/3_variations.ipynb",
    "sample_efficiency": "Q1/4_tuned_cnn.ipynb",
    "ablation_lines": "make sweep OPTIONS='--only ablation'",
    "ablation_mnist": "make sweep OPTIONS='--only ablation'",
    "candidates_mnist": "make sweep OPTIONS='--only candidates'",
    "finalists_mnist": "make sweep OPTIONS='--only finalists'",
    "variations_four_heads": "Q2/1_four_head_network.ipynb",
    "unseen_lines": "Q2/2_unseen_lines.ipynb",
    "activations": "Q3/1_activations.ipynb",
    "filters": "Q3/2_filters.ipynb",
    "class_activation_maps": "Q3/3_class_activation_maps.ipynb",
    "map_tests": "Q3/4_can_maps_be_trusted.ipynb",
}
FIELDS = (
    "network",
    "question",
    "dataset",
    "seed",
    "training",
    "parameters",
    "seconds",
    "model_sha256",
    "test",
    "repeats",
    "history",
    "confusion",
    "versions",
    "machine",
)

_MODULES = (
    "tensorflow",
    "keras",
    "numpy",
    "scikit-learn",
    "scipy",
    "opencv-python-headless",
    "matplotlib",
    "jupyter",
)


# --- writing --------------------------------------------------------------------------


def save(network, record, name, folder):
    """Write a network, then its record, each as a whole or not at all.

    A file that already holds the very same network is left as it is, so that a run that
    repeats an earlier one changes no model file.

    Args:
        network: a ``keras.Model``; stored without the state of its optimizer.
        record: dict, everything of ``FIELDS`` except ``model_sha256``, which is added.
        name: str, of both files.
        folder: where to, usually ``paths.models()``.

    Raises:
        ValueError: a field is missing; nothing was written.
        OSError: a file cannot be written; the message names it. If it is the record,
            the older one does not fit the new network, which ``load`` notices.
    """
    _check_fields(record | {"model_sha256": ""}, name)
    sha256 = _save_network(network, pathlib.Path(folder) / f"{name}.keras")
    write(record | {"model_sha256": sha256}, name, folder)


def save_seed(network, name, seed):
    """Write a network that was trained with another seed, for ``load_seed``.

    Returns:
        The SHA-256 of the file, which the record's repeat of this seed has to hold.

    Raises:
        OSError: the file cannot be written.
    """
    return _save_network(network, _seed_path(name, seed))


def _seed_path(name, seed):
    return paths.ROOT / "models" / f"{name}_seed_{seed}.keras"


def _save_network(network, path):
    if not _holds(path, network):
        with files.replacing(path) as temporary:
            without_optimizer(network).save(temporary)
    return files.sha256_of_file(path)


def without_optimizer(network):
    """The same layers, but not the optimizer, whose state is twice as large as they."""
    return keras.Model(network.inputs, network.outputs, name=network.name)


def _holds(path, network):
    """Whether a file holds the layers and the weights of a network, to the bit."""
    try:
        stored = keras.saving.load_model(path, compile=False)
    except Exception:  # Keras raises many kinds for a missing or damaged file
        return False
    same = configuration(stored) == configuration(network)
    pairs = zip(stored.get_weights(), network.get_weights(), strict=False)
    return same and all(np.array_equal(old, new) for old, new in pairs)


def configuration(network):
    """Kind and arguments of all layers and how they are linked, as JSON text.

    The same before and after ``save``, which makes a list of a single input.
    """
    config = without_optimizer(network).get_config()
    return json.dumps(config, sort_keys=True, default=str)


def write(record, name, folder):
    """Write a record alone (ValueError if a field is missing, OSError if it cannot)."""
    _check_fields(record, name)
    ordered = {field: record[field] for field in FIELDS}
    files.write_text(pathlib.Path(folder) / f"{name}.json", _as_json(ordered))


def _check_fields(record, name):
    missing = [field for field in FIELDS if field not in record]
    if missing:
        raise ValueError(f"the record of {name} lacks {', '.join(missing)}")


def write_study(results, name, dataset, networks=()):
    """Write what a study measured, beside the networks, as ``NAME.json``.

    Args:
        results: dict that JSON can hold.
        name: str, of the file.
        dataset: what it was done on; has ``name`` and ``sha256``.
        networks: names of the networks that it looked into; their SHA-256 is stored.

    Returns:
        The path, relative to the project.

    Raises:
        OSError: the file cannot be written.
    """
    record = {
        "dataset": {"name": dataset.name, "sha256": dataset.sha256},
        "models": {network: read(network)["model_sha256"] for network in networks},
        **results,
        "versions": versions(),
        "machine": machine(),
    }
    path = paths.models() / f"{name}.json"
    files.write_text(path, _as_json(record))
    return paths.relative(path)


def _as_json(record):
    """JSON with every innermost list on one line: a matrix reads as a matrix."""

    def join(match):
        return "[" + " ".join(match.group(1).split()) + "]"

    text = json.dumps(record, indent=1, ensure_ascii=False)
    return re.sub(r"\[([^\[\]{}]*)\]", join, text) + "\n"


# --- reading --------------------------------------------------------------------------


def read(name, folder=None):
    """The record of a network.

    Args:
        name: str, "plain_lines" for example.
        folder: where from; by default where this run finds its networks: a quick run,
            or one on stand-in digits, uses its own where it has made them, else the
            committed ones.

    Returns:
        dict with everything of ``FIELDS``.

    Raises:
        FileNotFoundError: there is none; the message names the notebook that makes it.
        ValueError: the file is no record.
    """
    path = _folder_of(name, folder) / f"{name}.json"
    record = _read_json(path)
    missing = [field for field in FIELDS if field not in record]
    if missing:
        raise ValueError(_advice(path, f"is not a record: it lacks {missing[0]}"))
    return record


def _read_json(path):
    try:
        record = files.read_json(path)
    except FileNotFoundError:
        raise FileNotFoundError(_advice(path, "is missing")) from None
    except ValueError as error:
        raise ValueError(_advice(path, f"is not a record ({error})")) from error
    return record if isinstance(record, dict) else {}


def read_study(name, folder=None):
    """What ``write_study`` wrote: one of ``STUDIES``.

    Raises:
        FileNotFoundError: there is none; the message names the notebook that makes it.
        ValueError: the file is no record, or was made on other data than the networks
            in the folder, or with other networks or recipes than those.
    """
    path = _folder_of(name, folder) / f"{name}.json"
    record = _read_json(path)
    dataset = record.get("dataset") or {}
    network = "plain_lines" if dataset.get("name") == "lines" else "plain_mnist"
    if dataset.get("sha256") != read(network, folder)["dataset"]["sha256"]:
        raise ValueError(_advice(path, "was not made on the data of this project"))
    setup = record.get("setup") or {}
    if "network" in setup:
        recipe = read(setup["network"], path.parent)  # not one of a quick run
        if any(setup[key] != recipe[key] for key in ("training", "parameters")):
            problem = f"was made with another {setup['network']}"
            raise ValueError(_advice(path, problem))
    for network, sha256 in (record.get("models") or {}).items():
        if read(network, folder)["model_sha256"] != sha256:
            raise ValueError(_advice(path, f"was made with another {network}"))
    looks_inside = STUDIES.get(name, "").startswith("Q3/")
    if looks_inside and set(record.get("models") or {}) != set(NOTEBOOKS):
        raise ValueError(_advice(path, "does not say which networks it is of"))
    return record


def read_checked(name, folder=None):
    """The record of a network whose file is there, to the byte; nothing is loaded.

    Args, Returns, Raises: as ``read`` and ``load``.
    """
    record = read(name, folder)
    path = _folder_of(name, folder) / f"{name}.keras"
    if not path.is_file():
        raise FileNotFoundError(_advice(path, "is missing"))
    if files.sha256_of_file(path) != record["model_sha256"]:
        problem = (
            f"is not the network that {name}.json describes (a run may have been "
            "stopped between the two), so it is not used"
        )
        raise ValueError(_advice(path, problem))
    return record


def load(name, folder=None):
    """A network and its record, checked against each other.

    Args:
        name: str, "plain_lines" for example.
        folder: as in ``read``.

    Returns:
        (``keras.Model``, dict).

    Raises:
        FileNotFoundError: one of the two files is missing.
        ValueError: a file is not what it should be, or the two do not belong together.
    """
    record = read_checked(name, folder)
    path = _folder_of(name, folder) / f"{name}.keras"
    return _load_network(path, record["parameters"]), record


def load_seed(name, seed):
    """A network of ``OTHER_SEEDS`` that ``make repeats`` trained with another seed.

    Args:
        name: str, "tuned_lines" for example.
        seed: int, of ``OTHER_SEEDS``.

    Returns:
        ``keras.Model``; also in a quick run the one trained in full.

    Raises:
        FileNotFoundError: the record is missing.
        ValueError: there is no such network, or it is not the one of the record.
    """
    record, path = read(name, paths.ROOT / "models"), _seed_path(name, seed)
    if seed not in OTHER_SEEDS.get(name, ()) or not has_seed(record, name, seed):
        where = paths.relative(path).as_posix()
        problem = f"is not the network of seed {seed} that {name}.json describes"
        raise ValueError(f"{where} {problem}: run make repeats, which trains it")
    return _load_network(path, record["parameters"])


def has_seed(record, name, seed):
    """Whether a record holds a seed and, of ``OTHER_SEEDS``, its network is there."""
    repeat = next((r for r in record["repeats"] if r["seed"] == seed), None)
    if repeat is None or seed not in OTHER_SEEDS.get(name, ()):
        return repeat is not None
    path = _seed_path(name, seed)
    kept = repeat.get("model_sha256")
    return path.is_file() and files.sha256_of_file(path) == kept


def load_for(name, dataset):
    """A network to look into with the images of a dataset, and its record.

    Without MNIST the networks that a run trained on the stand-in digits are used; if
    there are none, the committed ones, and a line says so.

    Args:
        name: str, "plain_lines" for example.
        dataset: has ``sha256``.

    Returns, Raises: as ``load``; ValueError also if it was trained on other images.
    """
    network, record = load(name)
    if record["dataset"]["sha256"] == dataset.sha256:
        return network, record
    if not paths.is_stand_in():
        path = _folder_of(name, None) / f"{name}.json"
        raise ValueError(_advice(path, "was made on other images than these"))
    print(f"{name} was trained on MNIST; here it sees the stand-in digits")
    return network, record


def _load_network(path, parameters):
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises many kinds for a damaged file
        problem = f"is not a Keras model ({type(error).__name__})"
        raise ValueError(_advice(path, problem)) from error
    if network.count_params() != parameters:
        problem = (
            f"has {network.count_params():,} parameters where its record says "
            f"{parameters:,}, so it is not used"
        )
        raise ValueError(_advice(path, problem))
    return network


def _folder_of(name, folder):
    """Where ``name`` is, unless the caller says so."""
    if folder is not None:
        return pathlib.Path(folder)
    own = paths.models()
    return own if (own / f"{name}.json").exists() else paths.ROOT / "models"


def _advice(path, problem):
    name = path.stem
    made = (NOTEBOOKS | STUDIES).get(name)
    remedy = f"run {made}, which makes it" if made else f"known: {', '.join(NOTEBOOKS)}"
    return f"{paths.relative(path).as_posix()} {problem}: {remedy}"


# --- what it was made with ------------------------------------------------------------


def versions():
    """Versions of Python and of the modules that results depend on, name → version."""
    modules = {module: importlib.metadata.version(module) for module in _MODULES}
    return {"python": platform.python_version()} | modules


def machine():
    """The processor's name and the number of cores that this process may use."""
    info = pathlib.Path("/proc/cpuinfo")
    names = re.findall(
        r"model name\s*: (.*)",
        info.read_text(encoding="utf-8") if info.exists() else "",
    )
    cpu = names[0] if names else platform.processor() or platform.machine()
    return {"cpu": cpu, "cores": _cores()}


def _cores():
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def spread(record):
    """Mean and standard deviation (n − 1, None for one) of accuracy over the seeds."""
    values = [repeat["accuracy"] for repeat in record["repeats"]]
    deviation = statistics.stdev(values) if len(values) > 1 else None
    return statistics.mean(values), deviation
