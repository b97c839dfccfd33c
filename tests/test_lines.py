"""The promises of the line dataset."""

import math

import cv2
import numpy as np
import pytest

from coursework import paths
from coursework.data import coverage, lines


def test_the_same_bytes_on_every_machine(all_lines):
    assert all_lines.sha256 == lines.SHA256


def test_shapes_and_types(all_lines):
    assert all_lines.images.shape == (96_000, 28, 28, 3)
    assert all_lines.images.dtype == np.uint8
    assert all_lines.attributes.shape == (96_000, 4)
    assert all_lines.attributes.dtype == np.uint8
    assert all_lines.centers.shape == (96_000, 2)
    assert all_lines.centers.dtype == np.float32
    assert all_lines.classes.dtype == np.int64
    assert (np.bincount(all_lines.classes) == np.full(96, 1000)).all()


def test_all_images_are_different(all_lines):
    assert len({image.tobytes() for image in all_lines.images}) == 96_000


def test_other_seeds_give_other_but_also_different_images(few_lines):
    other = lines.build(per_class=5, seed=2)
    assert other.sha256 != few_lines.sha256
    assert lines.build(per_class=5, seed=2).sha256 == other.sha256
    assert len({image.tobytes() for image in other.images}) == len(other.images)


def test_class_number_counts_through_the_attributes(all_lines):
    length, width, angle, color = all_lines.attributes.T.astype(int)
    expected = ((length * 2 + width) * 12 + angle) * 2 + color
    assert (all_lines.classes == expected).all()
    assert (lines.classes_of(all_lines.attributes) == expected).all()


def test_ink_is_length_times_width(all_lines):
    ink = lines.measure(all_lines.images).ink
    assert np.abs(ink / area(all_lines) - 1).max() < 0.025


def test_lines_are_as_long_and_wide_as_their_class(all_lines):
    measured = lines.measure(all_lines.images)
    length, width, _ = dimensions(all_lines)
    assert np.abs(measured.length - length).max() < 0.2
    assert np.abs(measured.width - width).max() < 0.1


def test_ink_points_along_the_angle(all_lines):
    error = lines.measure(all_lines.images).angle
    error -= np.array(lines.ANGLES)[all_lines.attributes[:, 2]]
    assert np.abs((error + 90) % 180 - 90).max() < 1


def test_135_degrees_runs_from_the_upper_left_to_the_lower_right(few_lines):
    index = lines.classes_of([1, 0, lines.ANGLES.index(135), 0])
    rows, columns = np.nonzero(
        lines.masks(few_lines.images)[few_lines.classes == index][0]
    )
    assert np.corrcoef(rows, columns)[0, 1] > 0.9


def test_only_the_color_of_the_class_is_in_the_image(few_lines):
    red, green, blue = few_lines.images.max(axis=(1, 2)).T > 0
    assert not green.any()
    assert (red == (few_lines.attributes[:, 3] == 0)).all()
    assert (blue == (few_lines.attributes[:, 3] == 1)).all()


def test_pixels_are_the_covered_area(few_lines):
    """Against polygon clipping in floating point: rounded, so at most one level off."""
    for k in range(0, len(few_lines.images), 7):
        corners = rectangle(few_lines, k)
        mask = lines.masks(few_lines.images[k : k + 1])[0].astype(np.uint8)
        for row, column in np.argwhere(cv2.dilate(mask, np.ones((3, 3)))):
            exact = 255 * covered_area(corners, row, column)
            assert abs(exact - few_lines.images[k, row, column].max()) < 1


def test_the_whole_line_lies_in_the_frame(all_lines):
    assert (distance_to_frame(all_lines) >= 0).all()


def test_centers_fill_the_allowed_box(all_lines):
    """The centres of every class come near all four sides, and lie between pixels."""
    for index in range(lines.CLASSES):
        room = distance_to_frame(all_lines.take(all_lines.classes == index))
        assert room.min(axis=0).max() < 0.5
    assert len(np.unique(all_lines.centers % 1)) == 16


def test_names():
    index = lines.classes_of([1, 1, 3, 0])
    assert lines.class_name(index) == "long thick red 45°"
    assert lines.file_stem(index, 17) == "1_1_3_0_17"
    assert len({lines.class_name(index) for index in range(96)}) == 96


def test_masks_are_where_the_ink_is(few_lines):
    masks = lines.masks(few_lines.images)
    assert masks.shape == (480, 28, 28)
    assert masks.dtype == bool
    assert (masks == (few_lines.images.sum(axis=-1, dtype=int) > 0)).all()


def test_export_writes_rgb_images_in_the_naming_of_assignment_1(few_lines, tmp_path):
    assert lines.export(tmp_path / "png", few_lines) == 480
    red = cv2.imread(str(tmp_path / "png" / "1_1_3_0_4.png"))[..., ::-1]
    original = few_lines.images[few_lines.classes == lines.classes_of([1, 1, 3, 0])][4]
    assert (red == original).all()


@pytest.mark.parametrize("per_class", [0, -1, 10**9])
def test_impossible_number_of_images_is_refused(per_class):
    with pytest.raises(ValueError, match=f"per_class must be between .*{per_class}"):
        lines.build(per_class)


class TestDraw:
    """``draw``: exact coverage for any real values."""

    RED = (255, 0, 0)

    def test_equals_the_dataset_within_one_level(self, few_lines):
        length, width, angle = dimensions(few_lines)
        colors = np.array([self.RED, (0, 0, 255)])[few_lines.attributes[:, 3]]
        images = lines.draw(length, width, np.degrees(angle), colors, few_lines.centers)
        assert images.dtype == np.uint8
        difference = images.astype(int) - few_lines.images
        assert np.abs(difference).max() <= 1
        assert (difference != 0).mean() < 0.0005

    @pytest.mark.parametrize("angle", [0, 45, 90, -30, 270, 1e-9, 89.9999999, 1e6])
    def test_pixels_are_the_covered_area(self, angle):
        random = np.random.RandomState(1)
        for _ in range(5):
            length, width = random.uniform(0.1, 25), random.uniform(0.1, 8)
            center = random.uniform(-3, 31, 2)  # partly outside, too
            self.check_pixels(length, width, angle, center)
            self.check_pixels(length, width, random.uniform(-400, 400), center)

    @pytest.mark.parametrize("angle", [0, 1e-12, 1e-4, 0.1, 90, 90.001])
    def test_edges_along_the_borders_of_pixels(self, angle):
        for offset in (0, 1e-12, 1e-4, 0.003):
            center = np.array([14.5 + offset, 14.5 - offset])
            self.check_pixels(7, 1, angle, center)
            self.check_pixels(7, 3 + offset, -angle, center)

    def check_pixels(self, length, width, angle, center):
        """One image against polygon clipping in plain Python."""
        corners = rectangle_corners(length, width, math.radians(angle), center)
        (left, top), (right, bottom) = np.min(corners, axis=0), np.max(corners, axis=0)
        exact = np.zeros((28, 28))
        for row, column in np.ndindex(28, 28):
            if top - 1 < row < bottom and left - 1 < column < right:
                exact[row, column] = covered_area(corners, row, column)
        numbers = np.array([[length], [width], [angle]])
        shares = coverage.of_rectangles(*numbers, center[None], 28)[0]
        assert np.abs(shares - exact).max() < 1e-9
        image = lines.draw(length, width, angle, (255, 100.5, 0), center)[0]
        levels = exact[..., None] * (255, 100.5, 0)
        assert np.abs(image - levels).max() <= 0.5 + 1e-6

    def test_coverage_is_exact(self):
        """The shares before rounding add up to the area of the rectangle."""
        lengths, widths, angles, centers = self.inside_the_frame(500)
        shares = coverage.of_rectangles(lengths, widths, angles, centers, 28)
        assert np.abs(shares.sum(axis=(1, 2)) - lengths * widths).max() < 1e-10
        assert shares.min() > -1e-11
        assert shares.max() < 1 + 1e-11

    def test_ink_is_length_times_width_times_color(self):
        lengths, widths, angles, centers = self.inside_the_frame(500)
        colors = np.random.RandomState(3).uniform(0, 255, (500, 3))
        images = lines.draw(lengths, widths, angles, colors, centers)
        ink = images.sum(axis=(1, 2), dtype=float)
        expected = (lengths * widths)[:, None] * colors
        assert np.abs(ink - expected).max() < 25  # 100 pixels, each rounded by ±0.29

    def inside_the_frame(self, count):
        random = np.random.RandomState(2)
        lengths, widths = random.uniform(0.5, 15, count), random.uniform(0.2, 5, count)
        angles = random.uniform(-360, 360, count)
        return lengths, widths, angles, random.uniform(8, 20, (count, 2))

    def test_half_levels_round_up(self):
        image = lines.draw(1, 1, 0, (255, 1, 3), (14, 14.5))[0]
        assert (image[14, 13:15] == [128, 1, 2]).all()

    def test_line_outside_of_the_frame_is_black(self):
        centers = [(-20, 14), (48, 14), (14, -20), (14, 48), (1e6, -1e6)]
        assert not lines.draw(15, 3, 45, 255 * np.ones(3), centers).any()

    def test_half_a_turn_gives_the_same_line(self, few_lines):
        angles = np.linspace(-170, 350, len(few_lines.centers))
        images = lines.draw(12.5, 2.5, angles, self.RED, few_lines.centers)
        turned = lines.draw(12.5, 2.5, angles + 180, self.RED, few_lines.centers)
        assert np.abs(images.astype(int) - turned).max() <= 1

    def test_single_values_count_for_all_rows(self):
        lengths, angles = [7, 8, 9.5], [0, 45, 90]
        colors, centers = [self.RED, (0, 9, 0), (1, 2, 3)], [(9, 9), (9, 14), (14, 9)]
        for k in range(5):  # all but one argument single
            single = [7, 2, 30, self.RED, (13, 14)]
            single[k] = (lengths, lengths, angles, colors, centers)[k]
            images = lines.draw(*single)
            assert images.shape == (3, 28, 28, 3)
            for image, value in zip(images, single[k], strict=True):
                single[k] = value
                assert (lines.draw(*single) == image[None]).all()

    def test_number_of_rows(self):
        assert lines.draw(7, 1, 0, self.RED, (14, 14)).shape == (1, 28, 28, 3)
        assert lines.draw([7], 1, 0, [self.RED], [(14, 14)]).shape == (1, 28, 28, 3)
        none = lines.draw([], 1, 0, self.RED, np.empty((0, 2)))
        assert none.shape == (0, 28, 28, 3)

    @pytest.mark.parametrize(
        ("argument", "value", "message"),
        [
            (
                "lengths",
                [7, 8, 9],
                r"numbers of lines differ: lengths \(3,\).*\(2, 2\)",
            ),
            (
                "lengths",
                [[7], [8]],
                r"lengths has shape \(2, 1\); expected a number or",
            ),
            ("lengths", [7, 0], "lengths has 0.0; expected finite numbers, above 0"),
            ("lengths", math.inf, "lengths has inf"),
            ("widths", -1, "widths has -1.0; expected finite numbers, above 0"),
            ("widths", math.nan, "widths has nan"),
            ("angles", [0, math.nan], "angles has nan; expected finite"),
            ("angles", "red", "red"),
            ("colors", 255, r"colors has shape \(\); expected \(3,\) or \(N, 3\)"),
            ("colors", (1, 2, 3, 4), r"colors has shape \(4,\)"),
            ("colors", (0, 0, 255.5), "colors has 255.5; expected .* 0 to 255"),
            ("colors", (0, -1, 0), "colors has -1.0"),
            ("centers", (1, 2, 3), r"centers has shape \(3,\)"),
            ("centers", np.ones((1, 2, 2)), r"centers has shape \(1, 2, 2\)"),
            ("centers", [(1, -math.inf)], "centers has -inf"),
        ],
    )
    def test_impossible_values_are_refused(self, argument, value, message):
        arguments = {
            "lengths": 7,
            "widths": 1,
            "angles": 0,
            "colors": self.RED,
            "centers": [(14, 14), (10, 10)],
        }
        with pytest.raises(ValueError, match=message):
            lines.draw(**(arguments | {argument: value}))


class TestLoading:
    """``load`` with a small dataset in place of the real one."""

    @pytest.fixture(autouse=True)
    def small(self, sandbox, few_lines, monkeypatch):
        monkeypatch.setattr(lines, "build", lambda: few_lines)
        monkeypatch.setattr(lines, "SHA256", few_lines.sha256)
        self.path = sandbox / "data" / "lines.npz"

    def test_missing_file_is_built(self, few_lines, capsys):
        assert lines.load().sha256 == few_lines.sha256
        assert "data/lines.npz is missing: building it" in capsys.readouterr().out
        assert self.path.exists()

    def test_good_file_is_read_without_a_word(self, few_lines, capsys, monkeypatch):
        lines.save(few_lines, self.path)
        monkeypatch.setattr(lines, "build", None)
        assert lines.load().sha256 == few_lines.sha256
        assert capsys.readouterr().out == ""

    def test_truncated_file_is_built_again(self, few_lines, capsys):
        lines.save(few_lines, self.path)
        self.path.write_bytes(self.path.read_bytes()[:-1000])
        assert lines.load().sha256 == few_lines.sha256
        assert "cannot be read" in capsys.readouterr().out

    def test_altered_file_is_built_again(self, few_lines, capsys):
        images = few_lines.images.copy()
        images[0, 0, 0, 1] = 1
        altered = lines.LineDataset(
            images, few_lines.attributes, few_lines.centers, few_lines.classes
        )
        lines.save(altered, self.path)
        assert lines.load().sha256 == few_lines.sha256
        assert "does not fit its checksum" in capsys.readouterr().out
        assert lines.load().sha256 == few_lines.sha256
        assert capsys.readouterr().out == ""

    def test_something_else_is_built_again(self, few_lines):
        paths.DATA.mkdir()
        for content in (b"", b"no archive"):
            self.path.write_bytes(content)
            assert lines.load().sha256 == few_lines.sha256
        overwritten = bytearray(self.path.read_bytes())
        overwritten[1000:3000] = bytes(2000)
        self.path.write_bytes(overwritten)
        assert lines.load().sha256 == few_lines.sha256
        np.savez(self.path, images=few_lines.images)
        assert lines.load().sha256 == few_lines.sha256


# --- slow, independent geometry -------------------------------------------------------


def dimensions(dataset):
    length, width, angle, _ = dataset.attributes.T
    return (
        np.array(lines.LENGTHS)[length],
        np.array(lines.WIDTHS)[width],
        np.radians(np.array(lines.ANGLES)[angle]),
    )


def area(dataset):
    length, width, _ = dimensions(dataset)
    return length * width


def distance_to_frame(dataset):
    """(N, 4) px from the rectangle to the left, top, right and bottom of the frame."""
    length, width, angle = dimensions(dataset)
    cosine, sine = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    half = (
        np.stack([length * cosine + width * sine, length * sine + width * cosine]) / 2
    )
    centers = dataset.centers.astype(np.float64)
    gaps = np.concatenate([centers - half.T, 28 - centers - half.T], axis=1)
    return gaps + 1e-5  # sine and cosine of the dataset are rounded to 2⁻²⁰


def rectangle(dataset, k):
    """The four corners, in order, of the line of image ``k``."""
    length, width, angle = (values[k] for values in dimensions(dataset))
    center = dataset.centers[k].astype(np.float64)
    return rectangle_corners(length, width, angle, center)


def rectangle_corners(length, width, angle, center):
    along = np.array([math.cos(angle), -math.sin(angle)]) * length / 2
    across = np.array([math.sin(angle), math.cos(angle)]) * width / 2
    signs = ((1, 1), (1, -1), (-1, -1), (-1, 1))
    return [center + s * along + t * across for s, t in signs]


def covered_area(corners, row, column):
    """Area of the polygon inside one pixel: clip at four sides, then shoelace."""
    sides = ((1, 0, column + 1), (-1, 0, -column), (0, 1, row + 1), (0, -1, -row))
    for a, b, limit in sides:
        corners = clip(corners, np.array([a, b]), limit)
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return abs(sum(p[0] * q[1] - q[0] * p[1] for p, q in pairs)) / 2


def clip(corners, normal, limit):
    """The part of a polygon where normal · point ≤ limit."""
    kept = []
    for p, q in zip(corners[-1:] + corners[:-1], corners, strict=True):
        before, after = normal @ p - limit, normal @ q - limit
        if (before <= 0) != (after <= 0):
            kept.append(p + before / (before - after) * (q - p))
        if after <= 0:
            kept.append(q)
    return kept
