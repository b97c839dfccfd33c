"""The page of any model: what it takes and refuses, and the command that writes it."""

import json
import re

import keras
import numpy as np
import pytest
from keras import layers

from coursework import paths
from coursework.visualize import command, page

import foreign_models

SHOTS = paths.BUILD / "live_page"


def of_layer(layer, shape=(8, 8, 3)):
    pool = layers.GlobalAveragePooling2D()
    return foreign_models.chain(shape, layer, pool, layers.Dense(2, name="answer"))


def conv(*arguments, shape=(8, 8, 3), **options):
    return of_layer(layers.Conv2D(*arguments, name="odd", **options), shape)


@pytest.mark.parametrize(
    ("model", "options", "told"),
    [
        (
            of_layer(layers.LayerNormalization(name="a")),
            {},
            "a is a LayerNormalization",
        ),
        (conv(6, 3, groups=3), {}, r"odd \(Conv2D\) has 3 groups"),
        (conv(6, 3, activation="mish"), {}, "odd.*activation mish"),
        (conv(4, 3, shape=(None, None, 3)), {}, "size that is known"),
        (conv(512, 7, shape=(224, 224, 3)), {}, "million multiplications"),
        (conv(4, 3), {"classes": ["a", "b", "c"]}, "3 names of classes"),
        (
            foreign_models.chain((8, 8, 3), layers.Conv2D(4, 3)),
            {},
            r"gives \(6, 6, 4\); expected a number",
        ),
    ],
)
def test_models_that_no_page_can_show_are_refused(model, options, told):
    with pytest.raises(ValueError, match=told):
        page.make(model, "model", **options)


@pytest.fixture
def run(tmp_path, capsys):
    """Run the command for a page of a model; returns status, output and errors."""

    def run(model, *arguments):
        model.save(tmp_path / "known.keras")
        given = [tmp_path / "known.keras", "--page", tmp_path / "pages" / "a.html"]
        status = command.main(list(map(str, [*given, *arguments])))
        return status, *capsys.readouterr()

    return run


def test_the_command_writes_a_page(run, tmp_path):
    file, names = tmp_path / "pages" / "a.html", tmp_path / "names.txt"
    names.write_text("cat\n</script>\n", encoding="utf-8")
    given = "--classes", names, "--pixels", "-1..1"
    assert run(conv(4, 3), *given) == (0, f"{file}\n", "")
    text = file.read_text(encoding="utf-8")
    assert "<title>known" in text
    assert text.count("</script>") == text.count("<script>")
    assert r'"class_names":["cat","<\/script>"]' in text
    assert not re.search(r'(src|href)="(?!data:)', text)  # needs nothing else
    assert "{{" not in text
    assert not (tmp_path / "visualizations").exists()


def test_the_command_refuses_a_layer_in_one_line(run, tmp_path):
    status, _, error = run(of_layer(layers.UpSampling2D(name="odd")))
    assert status == 2
    assert error.startswith("layer odd is a UpSampling2D, which the page does not know")
    assert error.count("\n") == 1
    assert not (tmp_path / "pages").exists()


@pytest.mark.parametrize("build", foreign_models.ALL)
def test_a_page_for_any_model(chromium, tmp_path, build):
    model = foreign_models.make(build)
    file = tmp_path / "page.html"
    file.write_text(page.make(model, build.__name__), encoding="utf-8")
    image = np.random.default_rng(5).integers(0, 256, model.input_shape[1:])
    with chromium.open(file.as_uri(), width=1000) as tab:
        tab.wait("self.viewer?.map")
        tab.run(f"viewer.setImage({json.dumps(image.ravel().tolist())}), 0")
        tab.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        mine = tab.run(
            "viewer.net.heads.map(head => viewer.net.probabilities(head.name))"
        )
        theirs = model.predict(image[None].astype(np.float32), verbose=0)
        theirs = keras.tree.flatten(theirs)
        for own, other in zip(mine, theirs, strict=True):
            other = [1 - other[0, 0], other[0, 0]] if other.size == 1 else other[0]
            assert np.abs(np.subtract(own, other)).max() < 1e-4
        tab.draw("#board", [(0.3, 0.3), (0.7, 0.7)])
        tab.run("viewer.chooseChannel(0), 0")
        tab.wait("!byId('channel').hidden")
        tab.screenshot(SHOTS / f"model_{build.__name__}.png")
        assert tab.accessibility() == []
        tab.assert_quiet()
