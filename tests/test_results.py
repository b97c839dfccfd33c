"""What is committed fits together: networks, records, READMEs, figures."""

import collections

import numpy as np
import pytest

from coursework import paths, records
from coursework.data import lines
from coursework.studies import maps as map_study
from coursework.training import (
    effects,
    heads,
    metrics,
    recipes,
    trials,
    variations,
)

import build_reports
import run_repeats


@pytest.fixture
def record(name):
    read = records.read if name in records.NOTEBOOKS else records.read_study
    return read(name, paths.ROOT / "models")


@pytest.mark.parametrize("name", records.NOTEBOOKS)
class TestRecord:
    def test_counts_agree(self, record):
        confusion = np.array(record["confusion"])
        errors = record["test"]["errors"]
        assert confusion.sum() == record["dataset"]["test"]
        assert confusion.sum() - np.trace(confusion) == errors
        assert len(record["test"]["wrong"]) == errors
        expected = 1 - errors / record["dataset"]["test"]
        assert record["test"]["accuracy"] == pytest.approx(expected)

    def test_the_seeds_are_0_1_2_and_the_model_is_that_of_seed_0(self, record):
        seeds = [repeat["seed"] for repeat in record["repeats"]]
        assert seeds == list(run_repeats.SEEDS)
        assert record["seed"] == 0
        assert record["repeats"][0]["errors"] == record["test"]["errors"]

    def test_it_was_a_full_run(self, record):
        sizes = [record["dataset"][part] for part in ("train", "validation", "test")]
        assert sum(sizes) in (96_000, 70_000)
        assert sizes[2] == 0.4 * sum(sizes)
        assert len(record["history"]["loss"]) == record["training"]["fit"]["epochs"]
        assert record["machine"]["cores"] >= 1


@pytest.mark.parametrize(
    ("name", "errors", "parameters"),
    [("tuned_lines", 2, 150_000), ("four_head_lines", 1, 50_000)],
)
def test_it_is_small_and_good_with_every_seed(record, errors, parameters):
    assert max(repeat["errors"] for repeat in record["repeats"]) <= errors
    assert record["parameters"] <= parameters


@pytest.mark.parametrize("name", ["tuned_mnist"])
def test_it_is_small_and_good_on_digits(record):
    assert records.spread(record)[0] >= 0.996
    assert record["parameters"] <= 400_000


@pytest.mark.parametrize("name", ["four_head_lines"])
class TestFourHeads:
    """Section 2: all four heads right."""

    def test_the_joint_accuracy_is_that_of_the_images(self, record):
        test = record["test"]
        assert test["joint_errors"] == test["errors"] == len(test["wrong"])
        assert test["joint_accuracy"] == test["accuracy"]
        errors = [test["heads"][name]["errors"] for name in heads.NAMES]
        assert max(errors) <= test["joint_errors"] <= sum(errors)
        assert test["joint_accuracy"] <= test["mean_of_heads"]

    def test_the_heads_confusions_are_those_of_the_classes(self, record):
        folded = metrics.fold(np.array(record["confusion"]), lines.LEVELS)
        for name, confusion in zip(lines.ATTRIBUTES, folded, strict=True):
            assert record["test"]["heads"][name]["confusion"] == confusion.tolist()


@pytest.mark.parametrize("name", ["unseen_lines"])
class TestUnseenLines:
    """What Q2/2 concludes."""

    def test_thresholds_of_all_heads_and_three_seeds(self, record):
        assert list(record["psychometric"]) == list(heads.NAMES)
        for result in record["psychometric"].values():
            four = [n for n in result["thresholds"] if n.startswith("four heads")]
            assert len(four) == 3
            assert np.isfinite([result["thresholds"][name] for name in four]).all()

    def test_the_width_head_follows_the_ink_until_it_is_taught_otherwise(self, record):
        held = "width varied, same ink"
        found = record["interventions_after"]["width"]
        assert found["four heads"][held][-1] < 0.1
        assert found["with augmented lines"][held][-1] > 0.9

    def test_eight_corruptions_four_severities_three_networks(self, record):
        before = record["robustness"]["before"]
        assert len(before) >= 8
        for result in before.values():
            assert len(result["correct"]) >= 3
            assert len(result["severities"]) >= 1 + 4
            for counts in result["correct"].values():
                assert counts[0] >= 0.99 * record["robustness"]["images"]

    def test_the_remedy_repairs_noise_and_costs_nothing_inside(self, record):
        noise = record["robustness"]["after"]["noise"]["correct"]
        before, after = (
            np.array(noise[name]) / record["robustness"]["images"]
            for name in ("four heads", "with augmented lines")
        )
        half = np.flatnonzero(before <= 0.5)[0]
        assert after[half] >= 0.8
        assert record["remedy"]["errors"] <= record["remedy"]["tested"] / 10_000


def test_padding_alone_helps_with_every_seed():
    """That it removes most errors is a claim of the report."""
    base = records.read("plain_lines", paths.ROOT / "models")
    study = records.read_study("padding", paths.ROOT / "models")
    assert study["training"] == base["training"]
    assert study["changes"] == {"conv1": {"padding": "same"}}
    assert [r["seed"] for r in study["repeats"]] == list(run_repeats.SEEDS)
    for one, two in zip(base["repeats"], study["repeats"], strict=True):
        assert two["errors"] < one["errors"]


EXPERIMENTS = {  # those whose trials are finished
    name: experiment
    for name, experiment in (variations.EXPERIMENTS | recipes.EXPERIMENTS).items()
    if name in records.STUDIES
}


@pytest.mark.parametrize("name", EXPERIMENTS)
class TestExperiments:
    def test_the_setup_is_that_of_the_code(self, name, record):
        assert record["setup"] == trials.describe(EXPERIMENTS[name])

    def test_every_row_has_every_seed(self, name, record):
        assert list(record["trials"]) == list(EXPERIMENTS[name].rows)
        for row in record["trials"].values():
            assert len(row) == len(record["seeds"])

    def test_at_least_10_000_images_are_tested(self, name, record):
        for row in record["trials"].values():
            assert all(trial["tested"] >= 10_000 for trial in row)


@pytest.mark.parametrize("name", variations.EXPERIMENTS)
class TestVariations:
    def test_five_seeds_and_20_000_images(self, name, record):
        assert record["seeds"] == [0, 1, 2, 3, 4]
        for row in record["trials"].values():
            assert all(trial["tested"] == 20_000 for trial in row)

    def test_the_base_knows_its_train_images_and_not_the_others(self, name, record):
        for trial in record["trials"][effects.BASE]:
            assert trial["train_accuracy"] > 0.99
            assert trial["errors"] > 100


def test_most_of_what_the_brief_names_is_resolved():
    answers = collections.defaultdict(set)
    for name in variations.EXPERIMENTS:
        record = records.read_study(name, paths.ROOT / "models")
        for row, effect in effects.effects(record).items():
            answers[row.partition(":")[0]].add(effect.answer)
    named = {
        *("filter size", "number of filters", "pooling", "depth"),
        *("learning rate decay", "regularization", "loss", "optimizer"),
    }
    assert named <= set(answers)
    assert sum(answers[name] != {"not resolved"} for name in named) >= 6


@pytest.mark.parametrize("name", ["map_tests"])
class TestTestsOfMaps:
    """What the text of Q3/4 says without a number holds in the record."""

    def test_no_kind_passes_all_tests_and_none_the_last_one(self, record):
        assert max(map_study.passed(record).values()) < 4
        assert not any(map_study.with_every_seed(record["gaps"]).values())

    def test_edges_point_better_than_every_map_of_a_layer(self, record):
        for found in record["pointing"].values():
            rows = [k for k in map_study.KINDS if k != map_study.ON_INK_ONLY]
            highest = max(found["rows"][kind]["high"] for kind in rows)
            assert highest < found["rules"]["Sobel"]["value"]

    def test_the_last_layer_points_worse_but_not_in_the_baseline(self, record):
        for name, found in record["pointing"].items():
            for method in ("Grad-CAM", "HiResCAM", "LayerCAM"):
                first, last = (
                    found["rows"][f"{method} ({depth} layer)"]["value"]
                    for depth in ("first", "last")
                )
                assert (last > first) == (name == "plain_lines")

    def test_what_learning_adds(self, record):
        for found in record["similarity"].values():
            rows = found["on the line"]
            added = {kind: row["added"]["value"] for kind, row in rows.items()}
            assert max(added, key=added.get) == "HiResCAM (last layer)"
            assert rows["LayerCAM (first layer)"]["added"]["low"] < 0

    def test_layercam_hardly_changes_for_another_class(self, record):
        rows = record["similarity"]["tuned_lines"]["on the line"]
        for kind in ("LayerCAM (first layer)", "LayerCAM (last layer)"):
            assert rows[kind]["class"]["value"] > rows[kind]["seed"]["value"] - 0.1
        for kind in ("Grad-CAM (last layer)", "HiResCAM (last layer)"):
            assert rows[kind]["class"]["value"] < rows[kind]["seed"]["value"] - 0.3

    def test_deletion(self, record):
        for found in record["deletion"].values():
            passed = map_study.verdicts_of_deletion(found)
            assert found["rows"][map_study.ON_INK_ONLY]["value"] > 0.5
            assert passed[map_study.ON_INK_ONLY]
            assert not passed["Grad-CAM (last layer)"]

    def test_gaps_near_an_end_cost_least(self, record):
        for found in record["gaps"].values():
            effect = np.array(found["effect"])
            effect = (effect + effect[::-1]) / 2
            assert effect[1] < min(effect[0], effect[6])
            row = found["rows"]["Grad-CAM (last layer)"]
            assert row["other_line"] >= row["value"]


@pytest.mark.parametrize("name", build_reports.READMES)
def test_the_tables_of_a_readme_are_those_of_the_records(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    assert build_reports.filled(name) == text


def test_an_unknown_table_is_refused(sandbox):
    (sandbox / "README.md").write_text("<!-- nothing -->\n<!-- end -->")
    with pytest.raises(ValueError, match="no table named nothing; there are: results"):
        build_reports.filled("README.md")


def test_the_figures_are_small():
    sizes = [path.stat().st_size for path in paths.figures().glob("*.png")]
    assert sizes
    assert sum(sizes) < 10_000_000
