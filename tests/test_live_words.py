"""What the live page says of its maps and answers, in a real browser."""

import numpy as np
import pytest
import test_live_page as page


def test_a_map_is_tested_without_its_lightest_pixels(chromium):
    with chromium.open(page.FILE) as tab:
        tab.wait(page.READY)
        assert tab.run("byId('put-back').disabled")
        tab.run(
            """live.digits.evidence.map = null; byId("method").value = "hirescam";
            byId("method").dispatchEvent(new Event("change"))"""
        )
        tab.wait(page.SETTLED)
        image, values = tab.run(
            """[Array.from(live.digits.image),
            Array.from(live.digits.evidence.map.values)]"""
        )
        lightest = np.argsort(np.where(np.array(image) > 0, values, -1))[-10:]
        tab.click("#black-out")
        tab.wait("byId('outcome').textContent.startsWith('Without 10 pixels: ')")
        assert set(tab.run("[...live.digits.state.blackened]")) == set(lightest)
        tab.click("#put-back")
        tab.wait("byId('outcome').textContent === '' && byId('put-back').disabled")
        assert tab.run("Array.from(live.digits.image)") == image
        tab.assert_quiet()


def test_misread_digits_are_labeled_as_they_are_read(chromium):
    with chromium.open(page.FILE) as tab:
        tab.wait(page.READY)
        labels = tab.run(
            "[...byId('examples-misread').children].map(b => b.textContent)"
        )
        assert len(labels) > 3
        for number, label in enumerate(labels, 1):
            meant, read = map(int, label.split(" → "))
            tab.run("live.digits.clear()")
            tab.wait("live.digits.blank")
            tab.click(f"#examples-misread button:nth-child({number})")
            tab.wait("!live.digits.blank")
            assert tab.run("[live.digits.state.label, live.digits.best]") == [
                meant,
                read,
            ]
            assert meant != read


@pytest.mark.parametrize(
    ("hash_", "link", "title"),
    [
        ("#e=11", "to-layers", "layers-title"),
        ("#l=l15,w3,a75,b1,x14,y14", "to-line-layers", "line-layers-title"),
    ],
)
def test_step_by_step_keeps_what_the_address_holds(chromium, hash_, link, title):
    with chromium.open(page.FILE + hash_) as tab:
        tab.wait(page.LINES if "l=" in hash_ else page.READY)
        tab.run(f"byId('{link}').focus()")
        tab.press("\r")
        tab.wait(f"document.activeElement.id === '{title}'")
        tab.wait(f"byId('{title}').getBoundingClientRect().top < innerHeight / 2")
        assert tab.run("location.hash") == hash_
        tab.assert_quiet()


def test_a_wrong_answer_says_what_is_right(chromium):
    verdicts = "[...document.querySelectorAll('.verdict')].map(v => v.textContent)"
    with chromium.open(f"{page.FILE}#l=l15,w1,a45,b0.5,x3,y3") as tab:
        tab.wait(page.LINES)
        assert tab.run("LEVELS.length[argmax(live.lines.answers.length)]") == "short"
        length, _, color, _ = tab.run(verdicts)
        assert length == "✗ wrong: it is long (15.0 px)"
        assert color == "no right answer: it is purple"
        assert "short (wrong)" in tab.run("byId('line-say').textContent")
        assert length in tab.wait("byId('line-live').textContent")
        outlined = """[...document.querySelectorAll(".head .map")].every(map => {
            const { data } = map.getContext("2d").getImageData(0, 0, 224, 224);
            return data.some((v, i) => i % 4 === 0 && v > 200 && data[i + 2] < 90);
        })"""
        assert tab.run(outlined)
        tab.assert_quiet()
