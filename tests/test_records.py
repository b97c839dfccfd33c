"""Pairs of network and record: whole, fitting, or named and not used."""

import json
import subprocess
import sys
import types

import keras
import pytest
from keras import layers

from coursework import files, lines, paths, records

NAME = "plain_lines"


@pytest.fixture
def folder(sandbox):
    """models/ of the sandbox with one good pair in it."""
    records.save(network(4), record(), NAME, paths.models())
    return paths.models()


def network(units):
    image = keras.Input((2, 2, 1))
    outputs = layers.Dense(units)(layers.Flatten()(image))
    return keras.Model(image, outputs)


def record(**changes):
    empty = dict.fromkeys(records.FIELDS, 0)
    return empty | {"parameters": 20, "confusion": [[1, 2], [3, 4]]} | changes


def test_a_good_pair(folder):
    loaded, read = records.load(NAME)
    assert loaded.count_params() == 20
    assert read["confusion"] == [[1, 2], [3, 4]]
    assert sorted(path.name for path in folder.iterdir()) == [
        "plain_lines.json",
        "plain_lines.keras",
    ]


def test_a_matrix_reads_as_a_matrix(folder):
    assert "  [1, 2],\n  [3, 4]\n" in (folder / f"{NAME}.json").read_text()


@pytest.mark.parametrize("ending", ["json", "keras"])
def test_missing(folder, ending):
    (folder / f"{NAME}.{ending}").unlink()
    expected = rf"plain_lines\.{ending} is missing: run Q1/2_plain_cnn\.ipynb"
    with pytest.raises(FileNotFoundError, match=expected):
        records.load(NAME)


def test_unknown_name(sandbox):
    with pytest.raises(FileNotFoundError, match="known: plain_lines, plain_mnist"):
        records.load("plane_lines")


def test_killed_between_the_two_files(folder):
    """The new network is there, the record still tells of the old one."""
    network(5).save(folder / f"{NAME}.keras")
    with pytest.raises(ValueError, match=r"plain_lines\.keras is not the network that"):
        records.load(NAME)


KILLED = """
import os, sys, keras
from keras import layers
from coursework import records
image = keras.Input((2, 2, 1))
network = keras.Model(image, layers.Dense(5)(layers.Flatten()(image)))
rename, calls = os.replace, []
def die_at_the_second(source, target):
    if calls:
        os._exit(9)
    calls.append(target)
    rename(source, target)
os.replace = die_at_the_second
record = dict.fromkeys(records.FIELDS, 0) | {"parameters": 25}
records.save(network, record, "plain_lines", sys.argv[1])
"""


def test_killed_between_the_two_renames(folder):
    command = [sys.executable, "-c", KILLED, str(folder)]
    assert subprocess.run(command, check=False).returncode == 9
    with pytest.raises(ValueError, match="stopped between the two"):
        records.load(NAME)


@pytest.mark.parametrize("content", [b"", b"no model", None])
def test_not_a_model(folder, content):
    path = folder / f"{NAME}.keras"
    path.write_bytes(path.read_bytes()[:-200] if content is None else content)
    records.write(record(model_sha256=files.sha256_of_file(path)), NAME, paths.models())
    with pytest.raises(ValueError, match="is not a Keras model"):
        records.load(NAME)


def test_a_model_that_does_not_fit_its_record(folder):
    fitting = records.read(NAME)
    records.write(fitting | {"parameters": 21}, NAME, folder)
    with pytest.raises(ValueError, match="has 20 parameters where its record says 21"):
        records.load(NAME)


def test_a_full_disk_at_the_record_keeps_the_old_pair(folder, monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="cannot write"):
        records.save(network(5), record(parameters=25), NAME, folder)
    assert records.load(NAME)[0].count_params() == 20
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "5", json.dumps({"network": "x"})]
)
def test_not_a_record(folder, text):
    (folder / f"{NAME}.json").write_text(text)
    with pytest.raises(ValueError, match=r"plain_lines\.json is not a record"):
        records.load(NAME)


def test_an_incomplete_record_is_not_written(folder):
    with pytest.raises(ValueError, match="lacks network, question"):
        records.write({}, NAME, folder)


def test_a_quick_run_prefers_its_own_networks(folder, monkeypatch):
    monkeypatch.setattr(paths, "QUICK", True)
    assert records.load(NAME)[0].count_params() == 20
    records.save(network(5), record(parameters=25), NAME, paths.models())
    assert records.load(NAME)[0].count_params() == 25
    assert (folder / f"{NAME}.keras").exists()


def test_the_architecture_is_told_apart_whatever_the_names():
    same, other = network(4), network(4)
    assert records.architecture_sha256(same) == records.architecture_sha256(other)
    other.layers[-1].activation = keras.activations.relu
    assert records.architecture_sha256(same) != records.architecture_sha256(other)


def test_spread():
    repeats = [{"accuracy": value} for value in (0.5, 0.7, 0.9)]
    assert records.spread({"repeats": repeats}) == pytest.approx((0.7, 0.2))


def test_a_record_of_another_dataset_is_not_compared_with(folder):
    fitting = record(dataset={"name": "lines", "sha256": "abc"})
    records.save(network(4), fitting, NAME, folder)
    here = types.SimpleNamespace(sha256="abc", stand_in=False)
    assert records.read_for(NAME, here)["dataset"]["name"] == "lines"
    here.sha256 = "abd"
    with pytest.raises(ValueError, match="other images than these: run Q1/2"):
        records.read_for(NAME, here)
    here.stand_in = True
    with pytest.raises(FileNotFoundError, match="run Q1/2"):
        records.read_for(NAME, here)


def test_without_mnist_the_committed_network_is_shown_the_stand_in(folder, capsys):
    here = types.SimpleNamespace(sha256="abc", stand_in=True)
    assert records.load_for(NAME, here)[0].count_params() == 20
    assert "plain_lines was trained on MNIST" in capsys.readouterr().out
    own = record(parameters=25, dataset={"name": "stand-in", "sha256": "abc"})
    records.save(network(5), own, NAME, paths.models(stand_in=True))
    assert records.load_for(NAME, here)[0].count_params() == 25
    assert capsys.readouterr().out == ""
    here.sha256 = "abd"
    with pytest.raises(ValueError, match="other images than these"):
        records.load_for(NAME, here)


class TestStudies:
    """What was measured of the networks belongs to those networks."""

    @pytest.fixture
    def dataset(self):
        return types.SimpleNamespace(name="lines", sha256=lines.SHA256, stand_in=False)

    @pytest.fixture
    def networks(self, folder):
        """One network saved under all names."""
        for name in records.NOTEBOOKS:
            records.save(network(4), record(), name, folder)
        return records.NOTEBOOKS

    def test_it_is_read_with_the_networks_that_it_was_made_with(
        self, networks, dataset
    ):
        records.write_experiment({"a": 1}, "filters", dataset, networks)
        assert records.read_study("filters", paths.models())["a"] == 1

    def test_a_network_that_was_trained_again_since(self, networks, dataset):
        records.write_experiment({"a": 1}, "filters", dataset, networks)
        records.save(network(5), record(parameters=25), NAME, paths.models())
        expected = r"filters\.json was made with another plain_lines: run Q3/2_filters"
        with pytest.raises(ValueError, match=expected):
            records.read_study("filters", paths.models())

    def test_a_study_that_names_no_networks(self, networks, dataset):
        records.write_experiment({"a": 1}, "filters", dataset)
        with pytest.raises(ValueError, match="does not say which networks it is of"):
            records.read_study("filters", paths.models())

    @pytest.mark.parametrize("text", ['{"dataset": null}', "[]", "{", ""])
    def test_a_damaged_one(self, networks, text):
        (paths.models() / "filters.json").write_text(text)
        with pytest.raises(ValueError, match="run Q3/2_filters"):
            records.read_study("filters", paths.models())
