"""The picture of a network shows every layer, in its place."""

import pytest
from matplotlib import pyplot as plt

from coursework.figures import diagram
from coursework.training import heads, networks


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("build", [networks.small_cnn, networks.four_head_cnn])
def test_every_layer_has_a_box(build):
    network = build()
    texts = [text.get_text() for text in diagram.draw(network).axes[0].texts]
    boxes = [text.split(":")[0] for text in texts if text]
    assert boxes == [layer.name for layer in network.layers]


def test_a_box_tells_kind_shape_and_parameters():
    network = networks.four_head_cnn()
    assert diagram.describe(network.get_layer("conv1")) == (
        "conv1: 5×5 convolution\n28×28×16 · 1,200 parameters"
    )
    assert diagram.describe(network.get_layer("angle")) == (
        "angle: 12 units, softmax\n12 · 180 parameters"
    )
    assert diagram.describe(network.get_layer("relu1")) == "relu1: ReLU\n14×14×16"


def test_layers_stand_below_what_they_take_and_heads_in_their_order():
    network = networks.four_head_cnn()
    parents = diagram.parents_of(network)
    rows, columns = diagram.place(parents)
    for layer, above in parents.items():
        assert all(rows[parent] < rows[layer] for parent in above)
    outputs = [columns[network.get_layer(name)] for name in heads.NAMES]
    assert outputs == [0, 1, 2, 3]
    assert columns[network.get_layer("conv1")] == 1.5
    places = {(rows[layer], columns[layer]) for layer in parents}
    assert len(places) == len(network.layers)


def test_notes_stand_under_their_layers():
    axes = diagram.draw(networks.four_head_cnn(), {"angle": "a note"}).axes[0]
    note = next(text for text in axes.texts if text.get_text() == "a note")
    box = next(text for text in axes.texts if text.get_text().startswith("angle: "))
    assert note.get_position()[0] == box.get_position()[0]
    assert note.get_position()[1] > box.get_position()[1]
