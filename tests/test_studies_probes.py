"""Linear probes, on features and lines whose answer is known."""

import numpy as np
import pytest

from coursework.data import lines, splits
from coursework.studies import probes
from coursework.training import heads, networks


@pytest.fixture(scope="module")
def many_lines():
    return lines.build(per_class=60)


@pytest.fixture(scope="module")
def parts(many_lines):
    return probes.examples(
        many_lines, splits.split(many_lines.classes), (2000, 300, 900)
    )


def of(count, random):
    """Random features; labels: a sum, one that is not there, one that is no sum."""
    values = random.normal(size=(count, 2, 5)).astype(np.float32)
    flat = values.reshape(count, -1)
    labels = {
        "three": np.digitize(flat[:, 1] + flat[:, 2], [-0.7, 0.7]),
        "none": random.integers(0, 2, count),
        "xor": (flat[:, 0] * flat[:, 1] > 0).astype(int),
    }
    return probes.Examples({"layer": values, "noise": values[::-1]}, labels)


def test_a_probe_reads_what_is_linear_and_nothing_else():
    random = np.random.default_rng(0)
    both = probes.probe(*(of(count, random) for count in (8000, 500, 2000)))
    found = both["layer"]
    assert found["three"].correct.mean() > 0.94
    assert abs(found["none"].correct.mean() - 0.5) < 0.05
    assert abs(found["xor"].correct.mean() - 0.5) < 0.05
    assert abs(both["noise"]["three"].correct.mean() - 1 / 3) < 0.1
    assert all(each.penalty in probes.PENALTIES for each in found.values())


def test_sums_of_pixels_give_color_and_width_but_not_length(many_lines):
    levels = heads.levels_of(many_lines.attributes)
    found = probes.sums_of_pixels(many_lines.images)
    shares = {name: np.mean(answer == levels[name]) for name, answer in found.items()}
    assert shares == pytest.approx({"length": 0.75, "width": 1, "color": 1})


def test_a_probe_of_the_pixels_does_not_lose_to_a_sum(parts):
    correct, record = probes.probe_pixels(parts)
    assert record["color"]["probe"] >= 0.995
    assert record["width"]["probe"] >= 0.84
    for name, right in correct.items():
        assert right.mean() == max(record[name].values())
    assert set(record["angle"]) == {"probe"}


def test_each_probe_is_beside_an_untrained_one(parts, monkeypatch):
    monkeypatch.setitem(probes.PROBED, "plain_lines", ("relu1", "relu2"))
    few = [
        probes.Examples(p.values[:200], {k: v[:200] for k, v in p.labels.items()})
        for p in parts
    ]
    study = probes.probe_networks({"plain_lines": networks.small_cnn()}, few)
    assert list(study["layers"]["plain_lines"]) == ["relu1", "relu2"]
    for by_label in study["layers"]["plain_lines"].values():
        for label, cell in by_label.items():
            reference = max(cell["untrained"], *study["pixels"][label].values())
            assert cell["gain"] == pytest.approx(cell["trained"] - reference)
            assert 0 <= cell["p"] <= 1


def test_untrained_heads_are_behind_trained_layers():
    network = probes.untrained(networks.four_head_cnn(), seed=5)
    control = probes.untrained_heads(network)
    kernels = [layer.name for layer in network.layers if hasattr(layer, "kernel")]
    both = [
        [model.get_layer(name).get_weights()[0] for name in kernels]
        for model in (network, control)
    ]
    pairs = zip(kernels, *both, strict=True)
    same = [name for name, ours, theirs in pairs if (ours == theirs).all()]
    assert same == [name for name in kernels if name.startswith("conv")]
    assert len(kernels) > len(same) + len(heads.NAMES) > len(heads.NAMES)


def test_training_added_something_only_where_that_is_sure():
    assert probes.added({"gain": 0.1, "p": 0.001})
    assert not probes.added({"gain": 0.1, "p": 0.2})
    assert not probes.added({"gain": -0.1, "p": 0.001})


def test_the_images_of_the_parts_do_not_overlap(many_lines, parts):
    seen = [{image.tobytes() for image in part.values} for part in parts]
    assert not seen[0] & seen[1] | seen[0] & seen[2] | seen[1] & seen[2]
    assert [len(part.values) for part in parts] == [2000, 300, 900]
