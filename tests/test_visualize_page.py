"""The page of any model: what it takes and refuses, and the command that writes it."""

import json
import re

import keras
import numpy as np
import pytest

from coursework import paths
from coursework.visualize import command, page

import foreign_models

SHOTS = paths.BUILD / "live_page"


def of_layer(layer, shape=(8, 8, 3)):
    image = keras.Input(shape)
    flat = keras.layers.GlobalAveragePooling2D()(layer(image))
    return keras.Model(image, keras.layers.Dense(2, name="answer")(flat))


@pytest.mark.parametrize(
    ("layer", "told"),
    [
        (keras.layers.LayerNormalization(name="odd"), "odd is a LayerNormalization"),
        (keras.layers.Conv2D(6, 3, groups=3, name="odd"), r"odd \(Conv2D\) has 3 gr"),
        (keras.layers.Activation("mish", name="odd"), "odd.*activation mish"),
    ],
)
def test_unknown_layers_are_refused_by_name_and_kind(layer, told):
    with pytest.raises(ValueError, match=told):
        page.describe(of_layer(layer), "model")


def test_models_that_no_page_can_show_are_refused():
    conv = keras.layers.Conv2D(4, 3)
    with pytest.raises(ValueError, match="size that is known"):
        page.describe(of_layer(conv, (None, None, 3)), "model")
    large = keras.layers.Conv2D(512, 7)
    with pytest.raises(ValueError, match="million multiplications"):
        page.describe(of_layer(large, (224, 224, 3)), "model")
    with pytest.raises(ValueError, match="3 names of classes"):
        page.make(of_layer(conv), "model", classes=["a", "b", "c"])
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match=r"gives \(6, 6, 4\); expected a number"):
        page.describe(keras.Model(image, conv(image)), "model")


@pytest.fixture
def saved(tmp_path):
    """Paths of a model that a page can show, and of one that it cannot."""
    known, odd = keras.layers.Conv2D(4, 3), keras.layers.UpSampling2D(name="odd")
    of_layer(known).save(tmp_path / "known.keras")
    of_layer(odd).save(tmp_path / "odd.keras")
    return tmp_path / "known.keras", tmp_path / "odd.keras"


def test_the_command_writes_a_page(saved, tmp_path, capsys):
    file, names = tmp_path / "pages" / "a.html", tmp_path / "names.txt"
    names.write_text("cat\n</script>\n", encoding="utf-8")
    arguments = [saved[0], "--page", file, "--classes", names, "--pixels", "-1..1"]
    assert command.main(list(map(str, arguments))) == 0
    assert capsys.readouterr().out == f"{file}\n"
    text = file.read_text(encoding="utf-8")
    assert "<title>known" in text
    assert text.count("</script>") == text.count("<script>")
    assert r'"class_names":["cat","<\/script>"]' in text
    assert not re.search(r'(src|href)="(?!data:)', text)  # needs nothing else
    assert "{{" not in text
    assert not (tmp_path / "visualizations").exists()


def test_the_command_refuses_a_layer_in_one_line(saved, tmp_path, capsys):
    file = tmp_path / "a.html"
    assert command.main([str(saved[1]), "--page", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("layer odd is a UpSampling2D, which the page does not know")
    assert error.count("\n") == 1
    assert not file.exists()


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
        for own, other in zip(mine, theirs if len(mine) > 1 else [theirs]):  # noqa: B905
            other = [1 - other[0, 0], other[0, 0]] if other.size == 1 else other[0]
            assert np.abs(np.subtract(own, other)).max() < 1e-4
        tab.draw("#board", [(0.3, 0.3), (0.7, 0.7)])
        tab.run("viewer.chooseChannel(0), 0")
        tab.wait("!byId('channel').hidden")
        tab.screenshot(SHOTS / f"model_{build.__name__}.png")
        assert tab.accessibility() == []
        tab.assert_quiet()
