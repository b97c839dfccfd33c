"""A model taken apart: every layer is found, and nothing of the model is changed."""

import gc
import random
import weakref
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from coursework import visualize
from coursework.visualize import geometry, graph
from coursework.visualize import network as networks

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.uniform(0, 255, (5, 12, 12, 3)).astype(np.float32)


def make_backbone(name):
    image = keras.Input((12, 12, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="conv1")(image)
    x = layers.BatchNormalization(name="norm1")(x)
    return keras.Model(image, x, name=name)


def make_nested():
    """Two models inside, with layers of the same names, and heads of every kind."""
    image = keras.Input((12, 12, 3), name="image")
    left, right = make_backbone("left")(image), make_backbone("right")(image)
    x = layers.Concatenate(name="both")([left, right])
    x = layers.Flatten(name="flatten")(layers.Rescaling(0.1, name="scale")(x))
    heads = [
        layers.Dense(3, activation="softmax", name="argument")(x),
        layers.Activation("softmax", name="layer")(layers.Dense(3, name="before")(x)),
        layers.Softmax(name="softmax_layer")(layers.Dense(3)(x)),
        layers.Dense(1, activation="sigmoid", name="one")(x),
        layers.Dense(4, activation="sigmoid", name="many")(x),
        layers.Dense(2, name="linear")(x),
        keras.ops.softmax(layers.Dense(3, name="raw")(x)),
    ]
    return keras.Model(image, heads)


def make_sequential():
    return keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            make_backbone("backbone"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
            layers.Dropout(0.5),
            layers.Activation("softmax"),
        ]
    )


@pytest.fixture(scope="module")
def nested():
    model = make_nested()
    for layer in model._flatten_layers():  # statistics that are not the identity
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(RANDOM.normal(size=4))
            layer.moving_variance.assign(RANDOM.uniform(1, 2, 4))
    return model


def test_paths_lead_into_models_inside(nested):
    network = networks.Network(nested)
    assert list(network.steps)[:6] == [
        *("left/conv1", "left/norm1", "right/conv1", "right/norm1"),
        *("both", "scale"),
    ]
    assert network.step("left/conv1").path == "left/conv1"


def test_running_the_steps_is_running_the_model(nested):
    values = graph.Graph(nested).run(IMAGES)
    outputs = [values[key].numpy() for key in graph.Graph(nested).outputs]
    for ours, theirs in zip(outputs, nested.predict(IMAGES, verbose=0), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


def test_a_layer_that_is_called_twice_has_two_steps():
    image = keras.Input((8, 8, 3))
    convolution = layers.Conv2D(3, 3, padding="same", name="again")
    x = layers.Flatten()(convolution(convolution(image)))
    model = keras.Model(image, layers.Dense(2, name="out")(x))
    made = visualize.activations(model, np.ones((1, 8, 8, 3)))
    assert list(made)[:2] == ["again", "again@2"]
    assert (made["again"] != made["again@2"]).any()


@pytest.mark.parametrize("make", [make_nested, make_sequential])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_saved_model_is_taken_apart_likewise(make, ending, tmp_path):
    model = make()
    model.save(tmp_path / f"model{ending}")
    loaded = visualize.load(tmp_path / f"model{ending}")
    ours, theirs = (visualize.activations(m, IMAGES) for m in (loaded, model))
    kept = {path for path in ours if path in theirs}
    assert kept == set(theirs)
    for path, values in theirs.items():
        assert ours[path] == pytest.approx(values, rel=1e-5, abs=1e-6)


def scores_of(model, head):
    network = networks.Network(model)
    head = network.head(head)
    return head, head.scores(network.graph.run(IMAGES)).numpy()


@pytest.mark.parametrize(
    ("name", "kind", "classes"),
    [
        ("argument", "softmax", 3),
        ("layer", "softmax", 3),
        ("softmax_layer", "softmax", 3),
        ("one", "sigmoid", 2),
        ("many", "sigmoid", 4),
        ("linear", "linear", 2),
    ],
)
def test_scores_are_those_before_the_activation(nested, name, kind, classes):
    head, scores = scores_of(nested, name)
    assert (head.kind, head.classes) == (kind, classes)
    told = nested.predict(IMAGES, verbose=0)[head.index]
    activation = getattr(keras.activations, kind)
    assert np.asarray(activation(scores)) == pytest.approx(told, abs=1e-5)
    if kind == "softmax":  # not the probabilities themselves
        assert np.abs(scores.sum(axis=1) - 1).max() > 0.01


def test_a_softmax_operation_is_seen_through(nested):
    last = nested.output_names[-1]
    head, scores = scores_of(nested, last)
    assert head.kind == "softmax"
    told = nested.predict(IMAGES, verbose=0)[-1]
    assert keras.activations.softmax(scores).numpy() == pytest.approx(told, abs=1e-5)


def test_scores_are_found_behind_dropout():
    head, scores = scores_of(make_sequential(), None)
    assert head.kind == "softmax"
    assert scores.shape == (5, 3)


def test_a_frozen_layer_has_scores_too(nested):
    before = scores_of(nested, "argument")[1]
    layer = nested.get_layer("argument")
    layer.trainable = False
    assert scores_of(nested, "argument")[1] == pytest.approx(before)
    assert not layer.trainable
    layer.trainable = True


def test_the_model_is_as_it_was():
    model = make_nested()
    weights, told = model.get_weights(), model.predict(IMAGES, verbose=0)
    flags = [(layer.name, layer.trainable) for layer in model._flatten_layers()]
    configuration = model.get_config()
    visualize.activations(model, IMAGES)
    visualize.class_activation_maps(model, IMAGES, head="one", target=0)
    visualize.filters(model, "left/conv1", steps=2)
    visualize.sanity_check(model, IMAGES)
    assert all(
        (a == b).all() for a, b in zip(weights, model.get_weights(), strict=True)
    )
    for before, after in zip(told, model.predict(IMAGES, verbose=0), strict=True):
        assert (before == after).all()
    assert flags == [(layer.name, layer.trainable) for layer in model._flatten_layers()]
    assert configuration == model.get_config()


def test_activations_are_the_layers_outputs(nested):
    made = visualize.activations(nested, IMAGES, ["both", "left/conv1"])
    assert list(made) == ["left/conv1", "both"]
    both = keras.Model(nested.inputs, nested.get_layer("both").output)
    assert made["both"] == pytest.approx(both.predict(IMAGES, verbose=0), abs=1e-5)
    assert made["left/conv1"].min() == 0


def test_activations_in_portions_are_the_same(nested):
    whole = visualize.activations(nested, IMAGES)
    portions = visualize.activations(nested, IMAGES, batch_size=2)
    for path, values in whole.items():
        assert portions[path] == pytest.approx(values, rel=1e-5, abs=1e-5)


# --- receptive fields -----------------------------------------------------------------


def center_convolution(size, **options):
    """Every unit gives the pixel under its kernel's center."""
    kernel = np.zeros((size, size, 1, 1), np.float32)
    kernel[size // 2, size // 2] = 1
    layer = layers.Conv2D(1, size, use_bias=False, **options)
    layer.build((None, None, None, 1))
    layer.set_weights([kernel])
    return layer


def summing_model(*steps, size=20):
    """The sum of all units of the last step, so that every unit counts alike."""
    image = keras.Input((size, size, 1))
    x = image
    for step in steps:
        x = step(x)
    return keras.Model(image, layers.GlobalAveragePooling2D()(x))


STACKS = {
    "valid 3": (1, lambda: [center_convolution(3)]),
    "valid 7": (1, lambda: [center_convolution(7)]),
    "same 5": (1, lambda: [center_convolution(5, padding="same")]),
    "dilated": (1, lambda: [center_convolution(3, dilation_rate=2)]),
    "strided valid": (2, lambda: [center_convolution(3, strides=2)]),
    "strided same": (2, lambda: [center_convolution(3, strides=2, padding="same")]),
    "strided same 5 by 3": (
        3,
        lambda: [center_convolution(5, strides=3, padding="same")],
    ),
    "pool": (2, lambda: [layers.MaxPooling2D(2)]),
    "pool 3": (3, lambda: [layers.MaxPooling2D(3)]),
    "same pool": (2, lambda: [layers.MaxPooling2D(3, strides=2, padding="same")]),
    "plain": (
        2,
        lambda: [center_convolution(7), layers.ReLU(), layers.MaxPooling2D(2)],
    ),
    "tuned": (
        *(4,),
        lambda: [
            *(center_convolution(5, padding="same"), layers.MaxPooling2D(2)),
            *(center_convolution(3, padding="same"), layers.MaxPooling2D(2)),
        ],
    ),
    "padded": (2, lambda: [layers.ZeroPadding2D(1), center_convolution(3, strides=2)]),
    "cropped": (1, lambda: [layers.Cropping2D(((3, 1), (0, 2)))]),
    "enlarged": (1, lambda: [layers.MaxPooling2D(2), layers.UpSampling2D(2)]),
}


@pytest.mark.parametrize("name", STACKS)
def test_the_peak_lies_on_the_pixel(name):
    """For every pixel that a unit sees; for the others there is no evidence."""
    stride, steps = STACKS[name]
    stride = {"enlarged": 2}.get(name, stride)
    model = summing_model(*steps())
    pixels = [(row, column) for row in range(20) for column in (0, 1, 4, 9, 12, 18, 19)]
    images = np.zeros((len(pixels), 20, 20, 1), np.float32)
    for image, pixel in zip(images, pixels, strict=True):
        image[pixel] = 1
    seen = model.predict(images, verbose=0)[:, 0] > 0
    assert seen.any()
    for method in ("gradcam", "hirescam", "layercam"):
        found = visualize.class_activation_maps(model, images, method=method, target=0)
        assert found.placed
        assert (found.without_evidence == ~seen).all()
        for pixel, activation in zip(
            np.array(pixels)[seen], found.maps[seen], strict=True
        ):
            peak = np.unravel_index(activation.argmax(), activation.shape)
            assert np.abs(peak - pixel).max() <= stride / 2 + 0.5


def test_a_layer_of_unknown_geometry_is_spread_evenly():
    class Mystery(layers.Layer):
        def call(self, x):
            return x[:, ::-1]

    model = summing_model(center_convolution(3), Mystery())
    images = np.ones((1, 20, 20, 1))
    found = visualize.class_activation_maps(model, images, target=0)
    assert not found.placed
    assert (found.maps[0] > 0).all()


def test_branches_of_the_same_centers_are_joined():
    image = keras.Input((16, 16, 1))
    left = center_convolution(3, strides=2, padding="same")(image)
    right = center_convolution(1, strides=2)(image)
    model = keras.Model(
        image, layers.GlobalAveragePooling2D()(layers.Add(name="add")([left, left]))
    )
    assert visualize.receptive_fields(model, "add")[0].stride == 2
    apart = keras.Model(image, layers.Add(name="sum")([left, right]))
    assert visualize.receptive_fields(apart, "sum") is None


def test_branches_of_different_reach_are_joined_with_the_larger():
    image = keras.Input((16, 16, 1))
    near = layers.Conv2D(1, 3, padding="same")(image)
    far = layers.Conv2D(1, 5, padding="same", dilation_rate=2)(image)
    x = layers.Add(name="add")([near, far, image])
    model = keras.Model(image, layers.GlobalAveragePooling2D()(x))
    axis = visualize.receptive_fields(model, "add")[0]
    assert axis == geometry.Axis(start=0, stride=1, size=9)


def test_the_size_of_a_receptive_field_is_what_changes_a_unit():
    """Pixel by pixel, on a network in which every pixel of a field counts."""
    image = keras.Input((32, 32, 1))
    x = layers.Conv2D(1, 5, padding="same", kernel_initializer="ones")(image)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(1, 3, dilation_rate=2, kernel_initializer="ones")(x)
    x = layers.AveragePooling2D(3, strides=1, name="last")(x)
    model = keras.Model(image, layers.GlobalAveragePooling2D()(x))
    single = np.eye(32, dtype=np.float32)[:, :, None, None] * np.ones((1, 32, 1))
    rows = visualize.activations(model, single, "last")["last"]  # one row lit in each
    axis = visualize.receptive_fields(model, "last")[0]
    for unit in range(rows.shape[1]):
        seen = np.flatnonzero(rows[:, unit, unit, 0])
        first, last = (
            axis.start + unit * axis.stride + side * (axis.size - 1) / 2
            for side in (-1, 1)
        )
        assert (seen[0], seen[-1]) == (max(first, 0), min(last, 31))


@pytest.mark.parametrize(
    "layer",
    [
        *(layers.RandomFlip(), layers.UnitNormalization(), layers.Normalization()),
        *(layers.Resizing(20, 20), layers.CenterCrop(20, 20)),
    ],
)
def test_layers_that_leave_pixels_in_place_keep_the_map_in_place(layer):
    model = summing_model(layer, center_convolution(7))
    images = np.zeros((1, 20, 20, 1), np.float32)
    images[0, 5, 14] = 1
    found = visualize.class_activation_maps(model, images, target=0)
    assert found.placed
    assert found.maps[0].argmax() == 5 * 20 + 14


# --- more ways to make a model --------------------------------------------------------


def test_the_default_layer_counts_operations_and_not_a_branch():
    image = keras.Input((12, 12, 3))
    skip = layers.Conv2D(4, 3, padding="same", name="skip")(image)
    branch = layers.Conv2D(4, 3, padding="same", name="branch")(skip)
    x = keras.ops.relu(skip + branch)
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    found = visualize.class_activation_maps(model, IMAGES)
    assert found.layer.startswith("relu")
    assert found.placed


def test_two_heads_of_one_name_have_different_names():
    image = keras.Input((12, 12, 3))
    shared = layers.Dense(2, name="shared")
    flat = [layers.Flatten()(layers.Conv2D(2, 3)(image)) for _ in range(2)]
    network = networks.of(keras.Model(image, [shared(x) for x in flat]))
    assert [head.name for head in network.heads] == ["shared", "shared@2"]
    assert network.head("shared@2").index == 1


@pytest.mark.parametrize(
    "activation", [tf.nn.softmax, keras.activations.softmax, layers.Softmax()]
)
@pytest.mark.parametrize("own_layer", [False, True])
def test_any_softmax_is_a_softmax(activation, own_layer):
    image = keras.Input((12, 12, 3))
    x = layers.Flatten()(image)
    if own_layer:
        x = layers.Activation(activation)(layers.Dense(3)(x))
    else:
        x = layers.Dense(3, activation=activation)(x)
    head, scores = scores_of(keras.Model(image, x), None)
    assert head.kind == "softmax"
    assert np.abs(scores.sum(axis=1) - 1).max() > 0.01


def test_layers_may_be_frozen_between_two_calls(nested):
    before = visualize.class_activation_maps(nested, IMAGES, head="argument")
    nested.trainable = False
    after = visualize.class_activation_maps(
        nested, IMAGES, head="argument", method="hirescam"
    )
    nested.trainable = True
    assert (before.predictions == after.predictions).all()


def test_looking_changes_no_random_numbers(nested):
    state = random.getstate()
    networks.Network(nested)
    assert random.getstate() == state


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    try:
        image = keras.Input((12, 12, 3))
        x = layers.Conv2D(4, 3, activation="relu", name="conv1")(image)
        x = layers.GlobalAveragePooling2D()(layers.Rescaling(0.01)(x))
        x = layers.Dense(3, activation="softmax", dtype="float32")(x)
        model = keras.Model(image, x)
        for method in visualize.METHODS:
            visualize.class_activation_maps(model, IMAGES, method=method)
        options = {"steps": 2, "l2": 1e-6, "total_variation": 1e-6}
        visualize.filters(model, "conv1", **options)
        visualize.sanity_check(model, IMAGES)
    finally:
        keras.config.set_dtype_policy("float32")


def test_a_call_of_its_own_is_noticed():
    class Own(keras.Model):
        def call(self, x, training=False):
            return 1 - super().call(x, training=training)

    image = keras.Input((12, 12, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3)(image))
    model = Own(image, layers.Dense(3, activation="softmax")(x))
    with pytest.raises(ValueError, match="does not follow from its layers"):
        visualize.class_activation_maps(model, IMAGES)


def test_a_model_that_has_grown_is_taken_apart_anew():
    model = keras.Sequential([keras.Input((12, 12, 3)), layers.Flatten()])
    assert len(visualize.activations(model, IMAGES)) == 1
    model.add(layers.Dense(2))
    assert len(visualize.activations(model, IMAGES)) == 2


def test_a_model_is_freed_with_all_that_was_made_for_it():
    model = make_sequential()
    visualize.activations(model, IMAGES)
    gone = weakref.ref(model)
    del model
    keras.utils.clear_session()
    gc.collect()
    assert gone() is None


def test_the_name_of_a_model_inside_stands_for_what_it_gives(nested):
    assert networks.of(nested).value("left").path == "left/norm1"


# --- what is refused ------------------------------------------------------------------


def test_an_unknown_layer_or_head_is_told_the_nearest(nested):
    network = networks.Network(nested)
    with pytest.raises(
        ValueError, match="no layer named 'left/conv2'; nearest: left/c"
    ):
        network.step("left/conv2")
    with pytest.raises(ValueError, match="no head named 'won'; nearest: one"):
        network.head("won")


def test_two_layers_of_one_name_need_their_paths(nested):
    network = networks.Network(nested)
    with pytest.raises(ValueError, match="named conv1: left/conv1, right/conv1"):
        network.step("conv1")


def test_models_that_cannot_be_seen_into_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="Own whose layers cannot be seen"):
        networks.Network(Own())
    two = [keras.Input((8, 8, 3)), keras.Input((8, 8, 3))]
    with pytest.raises(ValueError, match="has 2 inputs; expected one image"):
        networks.Network(keras.Model(two, layers.Add()(two)))
    flat = keras.Input((8,))
    with pytest.raises(ValueError, match=r"shape \(None, 8\); expected \(N, height"):
        networks.Network(keras.Model(flat, layers.Dense(2)(flat)))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((12, 12, 3)), r"shape \(12, 12, 3\); expected \(N, 12, 12, 3\)"),
        (np.zeros((2, 10, 12, 3)), r"shape \(2, 10, 12, 3\)"),
        (np.zeros((0, 12, 12, 3)), "N at least 1"),
        (np.full((1, 12, 12, 3), np.nan), "not finite"),
    ],
)
def test_images_that_do_not_fit(nested, images, message):
    with pytest.raises(ValueError, match=message):
        visualize.activations(nested, images)


class TestLoad:
    def test_nothing_there(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="does not exist; expected"):
            visualize.load(tmp_path / "none.keras")
        with pytest.raises(FileNotFoundError, match="is a folder"):
            visualize.load(tmp_path)

    @pytest.mark.parametrize("name", ["model.keras", "model.h5"])
    def test_not_a_model(self, name, tmp_path):
        (tmp_path / name).write_text("not a model")
        with pytest.raises(ValueError, match="is not a"):
            visualize.load(tmp_path / name)

    def test_another_ending(self, tmp_path):
        (tmp_path / "model.onnx").write_text("")
        with pytest.raises(ValueError, match=r"ends in '\.onnx'; expected \.keras"):
            visualize.load(tmp_path / "model.onnx")

    def test_a_file_cut_short(self, tmp_path):
        path = tmp_path / "model.keras"
        make_sequential().save(path)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(ValueError, match=r"is not a \.keras file"):
            visualize.load(path)

    @pytest.mark.parametrize("ending", [".keras", ".h5"])
    def test_code_of_its_own_is_not_run(self, ending, tmp_path):
        path = tmp_path / f"model{ending}"
        image = keras.Input((8, 8, 3))
        x = layers.Flatten()(layers.Lambda(lambda x: x * 2)(image))
        keras.Model(image, layers.Dense(2)(x)).save(path)
        with pytest.raises(ValueError, match=r"brings code of its own \(Lambda\)"):
            visualize.load(path)

    def test_keras_2(self, tmp_path):
        path = tmp_path / "model.h5"
        make_sequential().save(path)
        with h5py.File(path, "a") as file:
            file.attrs["keras_version"] = "2.11.0"
        with pytest.raises(ValueError, match=r"written by Keras 2\.11\.0; expected"):
            visualize.load(path)

    def test_keras_2_in_its_newer_format(self, tmp_path):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", '{"keras_version": "2.15.0"}')
        with pytest.raises(ValueError, match=r"written by Keras 2\.15\.0; expected"):
            visualize.load(path)

    @pytest.mark.parametrize(
        "metadata",
        ["[]", "null", '"text"', "{}", "[" * 100_000, '{"keras_version": 3', "\xff"],
        ids=["list", "null", "text", "empty", "deep", "cut", "bytes"],
    )
    def test_metadata_that_is_no_object(self, metadata, tmp_path):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", metadata.encode("latin-1"))
        with pytest.raises(ValueError, match=r"is not a \.keras file") as error:
            visualize.load(path)
        assert len(str(error.value).splitlines()) == 1

    def test_a_deep_configuration(self, tmp_path):
        path = tmp_path / "model.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", '{"keras_version": "3.0.0"}')
            archive.writestr("config.json", "[" * 100_000)
        with pytest.raises(ValueError, match="is not a model that Keras"):
            visualize.load(path)

    def test_an_encrypted_archive(self, tmp_path):
        path = tmp_path / "model.keras"
        make_sequential().save(path)
        content = bytearray(path.read_bytes())
        for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            start = content.find(signature)
            while start >= 0:  # the flag of encryption, in each header
                content[start + offset] |= 1
                start = content.find(signature, start + 1)
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"is not a \.keras file .*encrypted"):
            visualize.load(path)

    def test_a_class_that_is_not_there(self, tmp_path):
        class Homemade(layers.Layer):
            def call(self, x):
                return x

        path = tmp_path / "model.keras"
        image = keras.Input((8, 8, 3))
        keras.Model(image, Homemade()(image)).save(path)
        with pytest.raises(ValueError, match="needs the class Homemade, which is not"):
            visualize.load(path)

    def test_weights_alone(self, tmp_path):
        path = tmp_path / "model.weights.h5"
        make_sequential().save_weights(path)
        with pytest.raises(ValueError, match="holds weights only"):
            visualize.load(path)
