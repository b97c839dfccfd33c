"""Pairs of network and record: whole, fitting, or named and not used."""

import json
import os
import pathlib
import types

import keras
import numpy as np
import pytest
from keras import layers

from coursework import files, paths, records

NAME = "plain_lines"


@pytest.fixture
def folder(sandbox):
    """models/ of the sandbox with one good pair in it."""
    records.save(network(4), record(), NAME, paths.models())
    return paths.models()


def network(units, seed=0):
    keras.utils.set_random_seed(seed)
    image = keras.Input((2, 2, 1), name="image")
    x = layers.Flatten(name="flatten")(image)
    return keras.Model(image, layers.Dense(units, name="class")(x), name="small")


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


@pytest.mark.parametrize("ending", ["json", "keras"])
def test_a_file_that_cannot_be_written_is_named(folder, ending, monkeypatch):
    """The network goes first: without the record the two do not fit any more."""
    replace = os.replace

    def fail(source, target):
        if pathlib.Path(target).suffix == f".{ending}":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    expected = rf"cannot write models/plain_lines\.{ending}: No space left"
    with pytest.raises(OSError, match=expected):
        records.save(network(5), record(parameters=25), NAME, folder)
    assert len(list(folder.iterdir())) == 2
    if ending == "keras":
        assert records.load(NAME)[0].count_params() == 20
    else:
        with pytest.raises(ValueError, match="stopped between the two"):
            records.load(NAME)


class TestSaveAgain:
    """A network that is the same to the bit leaves its file as it is."""

    def stamp(self, folder):
        path = folder / f"{NAME}.keras"
        return path.stat().st_mtime_ns, path.read_bytes()

    def test_the_same_network(self, folder):
        before = self.stamp(folder)
        records.save(network(4), record(seconds=9), NAME, folder)
        assert self.stamp(folder) == before
        assert records.load(NAME)[1]["seconds"] == 9
        records.save(records.load(NAME)[0], record(), NAME, folder)
        assert self.stamp(folder) == before

    def test_a_weight_that_is_another(self, folder):
        before, changed = self.stamp(folder), network(4)
        kernel = changed.get_layer("class").kernel
        kernel.assign(np.nextafter(kernel.numpy(), np.float32(9)))
        records.save(changed, record(), NAME, folder)
        assert self.stamp(folder) != before
        stored = records.load(NAME)[0].get_layer("class").kernel.numpy()
        assert (stored == kernel.numpy()).all()

    def test_a_layer_that_is_another(self, folder):
        before, changed = self.stamp(folder), network(4)
        changed.get_layer("class").activation = keras.activations.relu
        records.save(changed, record(), NAME, folder)
        assert self.stamp(folder) != before

    def test_a_damaged_file_is_replaced(self, folder):
        (folder / f"{NAME}.keras").write_text("no model")
        records.save(network(4), record(), NAME, folder)
        assert records.load(NAME)[0].count_params() == 20


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "5", json.dumps({"network": "x"})]
)
def test_not_a_record(folder, text):
    (folder / f"{NAME}.json").write_text(text)
    with pytest.raises(ValueError, match=r"plain_lines\.json is not a record"):
        records.load(NAME)


def test_an_incomplete_record_is_refused_before_anything_is_written(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    incomplete = record()
    del incomplete["network"], incomplete["training"]
    with pytest.raises(ValueError, match="plain_lines lacks network, training"):
        records.save(network(5), incomplete, NAME, folder)
    with pytest.raises(ValueError, match="plain_lines lacks network, training"):
        records.write(incomplete, NAME, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_quick_run_prefers_its_own_networks(folder, monkeypatch):
    monkeypatch.setattr(paths, "QUICK", True)
    assert records.load(NAME)[0].count_params() == 20
    records.save(network(5), record(parameters=25), NAME, paths.models())
    assert records.load(NAME)[0].count_params() == 25
    assert (folder / f"{NAME}.keras").exists()


def test_spread():
    repeats = [{"accuracy": value} for value in (0.5, 0.7, 0.9)]
    assert records.spread({"repeats": repeats}) == pytest.approx((0.7, 0.2))


def test_a_network_of_other_images_is_not_looked_into(folder):
    fitting = record(dataset={"name": "lines", "sha256": "abc"})
    records.save(network(4), fitting, NAME, folder)
    here = types.SimpleNamespace(sha256="abc")
    assert records.load_for(NAME, here)[1]["dataset"]["name"] == "lines"
    here.sha256 = "abd"
    with pytest.raises(ValueError, match="other images than these: run Q1/2"):
        records.load_for(NAME, here)


def test_without_mnist_the_committed_network_is_shown_the_stand_in(sandbox, capsys):
    committed = record(dataset={"name": "mnist", "sha256": "abc"})
    records.save(network(4), committed, NAME, paths.models())
    paths.use_stand_in()
    here = types.SimpleNamespace(sha256="abd")
    assert records.load_for(NAME, here)[0].count_params() == 20
    assert "plain_lines was trained on MNIST" in capsys.readouterr().out
    own = record(parameters=25, dataset={"name": "stand-in", "sha256": "abd"})
    records.save(network(5), own, NAME, paths.models())
    assert records.load_for(NAME, here)[0].count_params() == 25
    assert capsys.readouterr().out == ""


def test_a_machine_without_affinities_has_cores(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert records.machine()["cores"] >= 1


class TestStudies:
    """What was measured of the networks belongs to those networks."""

    DATASET = types.SimpleNamespace(name="lines", sha256="abc")

    @pytest.fixture
    def networks(self, folder):
        """One network saved under all names."""
        of_lines = record(dataset=vars(self.DATASET))
        for name in records.NOTEBOOKS:
            records.save(network(4), of_lines, name, folder)
        return records.NOTEBOOKS

    def test_it_is_read_with_the_networks_that_it_was_made_with(self, networks):
        path = records.write_study({"a": 1}, "filters", self.DATASET, networks)
        assert str(path) == "models/filters.json"
        assert records.read_study("filters")["a"] == 1

    def test_a_network_that_was_trained_again_since(self, networks):
        records.write_study({"a": 1}, "filters", self.DATASET, networks)
        again = records.read(NAME) | {"parameters": 25}
        records.save(network(5), again, NAME, paths.models())
        expected = r"filters\.json was made with another plain_lines: run Q3/2_filters"
        with pytest.raises(ValueError, match=expected):
            records.read_study("filters")

    def test_other_lines(self, networks):
        other = types.SimpleNamespace(name="lines", sha256="abd")
        records.write_study({"a": 1}, "filters", other, networks)
        with pytest.raises(ValueError, match="was not made on the data of this"):
            records.read_study("filters")

    @pytest.mark.parametrize("changed", [{"training": 1}, {"parameters": 21}])
    def test_an_ablation_of_another_recipe(self, networks, changed):
        setup = {"network": "tuned_lines", "training": 0, "parameters": 20} | changed
        records.write_study({"setup": setup}, "ablation_lines", self.DATASET)
        expected = "was made with another tuned_lines: run make sweep .*only ablation"
        with pytest.raises(ValueError, match=expected):
            records.read_study("ablation_lines")

    def test_a_study_that_names_no_networks(self, networks):
        records.write_study({"a": 1}, "filters", self.DATASET)
        with pytest.raises(ValueError, match="does not say which networks it is of"):
            records.read_study("filters")

    @pytest.mark.parametrize("text", ['{"dataset": null}', "[]", "{", ""])
    def test_a_damaged_one(self, networks, text):
        (paths.models() / "filters.json").write_text(text)
        with pytest.raises(ValueError, match="run Q3/2_filters"):
            records.read_study("filters")
