"""The live page in a real browser: what it answers, on which screens, and what it says
when something is missing."""

import functools
import http.server
import threading

import numpy as np
import pytest

from coursework import paths, records

DOCS = paths.ROOT / "docs"
FILE = (DOCS / "index.html").as_uri()
SHOTS = paths.BUILD / "live_page"
SEVEN = [(0.25, 0.2), (0.45, 0.2), (0.7, 0.22), (0.6, 0.45), (0.5, 0.65), (0.42, 0.85)]
READY = (
    "self.live?.digits?.evidence.map && !live.digits.state.demo"
    " && !live.digits.evidence.working"
)
SETTLED = (
    "!live.digits.stroke && live.digits.evidence.map && !live.digits.evidence.working"
)
LINES = "self.live?.lines?.curves?.points.angle"


@pytest.fixture(scope="module")
def server():
    """Address of a server of ``docs/``.

    Below "damaged/" the digits' weights are cut off; below "missing/NAME/" one network
    is not there.
    """

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            top, _, rest = self.path[1:].partition("/")
            if top == "missing":
                name, _, rest = rest.partition("/")
                if rest.endswith(f"{name}.js"):
                    return self.send_error(404)
            if top == "damaged" and rest.endswith("tuned_mnist.js"):
                return self.send_damaged()
            self.path = f"/{rest}" if top in ("missing", "damaged") else self.path
            return super().do_GET()

        def send_damaged(self):
            text = (DOCS / "live" / "tuned_mnist.js").read_text(encoding="utf-8")
            start = text.index('"weights":"') + len('"weights":"')
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.end_headers()
            self.wfile.write((text[:start] + text[start + 400 :]).encode())

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(DOCS))
    started = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=started.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{started.server_port}"
    started.shutdown()
    started.server_close()


@functools.cache
def network(name):
    return records.load(name, paths.ROOT / "models")[0]


def asserted_like_keras(tab):
    """The page's probabilities of the digit on its board are those of Keras."""
    image, mine = tab.run(
        "[Array.from(live.digits.image), Array.from(live.digits.probabilities)]"
    )
    image = np.reshape(image, (1, 28, 28, 1)).astype(np.float32)
    theirs = network("tuned_mnist").predict(image, verbose=0)[0]
    assert np.abs(theirs - mine).max() < 1e-4
    return int(np.argmax(mine))


@pytest.mark.parametrize("place", ["file", "http"])
def test_it_opens_with_an_answer(chromium, server, place):
    url = FILE if place == "file" else f"{server}/index.html"
    with chromium.open(url) as tab:
        tab.wait(READY)
        assert asserted_like_keras(tab) == 3
        assert tab.run("byId('digit').textContent") == "3"
        assert "3" in tab.wait("byId('digit-live').textContent")  # for screen readers
        tab.assert_quiet()


@pytest.mark.parametrize("touch", [False, True])
def test_drawing(chromium, touch):
    with chromium.open(FILE, width=360 if touch else 1280, touch=touch) as tab:
        tab.wait(READY)
        tab.draw("#board", SEVEN, touch)
        tab.wait(SETTLED + " && live.digits.best === 7")
        assert asserted_like_keras(tab) == 7
        assert tab.run("live.digits.state.strokes.length") == 1
        if touch:  # a finger that draws does not scroll
            tab.center("#board")
            before = tab.run("scrollY")
            tab.draw("#board", [(0.3, 0.3), (0.3, 0.8)], touch)
            assert tab.run("scrollY") == before
        tab.assert_quiet()


def test_erasing_undoing_clearing(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        tab.draw("#board", SEVEN)
        tab.wait(SETTLED)
        whole = tab.run("live.digits.image.reduce((a, b) => a + b)")
        tab.click("#erase")
        tab.draw("#board", [(0.3, 0.2), (0.6, 0.2)])
        tab.wait(SETTLED)
        assert tab.run("live.digits.image.reduce((a, b) => a + b)") < whole
        tab.click("#undo")
        tab.wait(f"live.digits.image.reduce((a, b) => a + b) === {whole}")
        tab.click("#clear")
        tab.wait("live.digits.blank")  # an empty board is not read
        assert tab.run("byId('digit').textContent") == "?"
        assert "Draw a digit" in tab.run("byId('digit-say').textContent")
        tab.assert_quiet()


def test_a_second_finger_does_not_draw(chromium):
    with chromium.open(FILE, width=360, touch=True) as tab:
        tab.wait(READY)
        x, y, size = tab.center("#board")
        one, two = (x - size / 4, y), (x + size / 4, y)
        tab.touch("touchStart", [one])
        tab.touch("touchStart", [one, two])
        tab.touch("touchMove", [(one[0], y + 40), (two[0], y + 40)])
        tab.touch("touchEnd", [])
        tab.wait("!live.digits.stroke")
        assert tab.run("live.digits.state.strokes.length") == 1
        right = tab.run("Math.max(...live.digits.state.strokes[0].map(p => p[0]))")
        assert right < 280
        tab.assert_quiet()


def test_drawing_by_keyboard(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        tab.click("#clear")
        tab.run("byId('board').focus()")
        tab.press(" ")
        for _ in range(20):
            tab.press("ArrowDown")
        tab.press(" ")
        tab.wait(SETTLED + " && live.digits.best === 1")
        assert asserted_like_keras(tab) == 1


def test_a_full_board_and_a_window_resized_in_a_drawing(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        tab.run("live.digits.setDrawing({ base: new Float64Array(784).fill(255) }), 0")
        tab.wait("byId('digit-next').textContent.includes('nearly full')")
        tab.click("#clear")
        x, y, size = tab.center("#board")
        tab.mouse("mousePressed", x, y - size / 4)
        tab.size(700, 800)
        x, y, size = tab.center("#board")
        tab.mouse("mouseMoved", x, y + size / 4)
        tab.mouse("mouseReleased", x, y + size / 4)
        tab.wait(SETTLED + " && !live.digits.blank")
        ends = tab.run(
            "[live.digits.state.strokes[0][0], live.digits.state.strokes[0].at(-1)]"
        )
        assert abs(ends[0][1] - 140) < 8
        assert abs(ends[-1][1] - 420) < 8
        tab.assert_quiet()


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_screens(chromium, width, dark):
    url = FILE + ("#l=l15,w1,a45,b0.5,x14,y14" if dark else "")
    with chromium.open(url, width=width, touch=width < 500, dark=dark) as tab:
        tab.wait(f"{LINES} && {READY}" if dark else READY)
        assert tab.run("document.documentElement.scrollWidth") <= width
        tab.screenshot(SHOTS / f"{'lines_dark' if dark else 'digits'}_{width}.png")
        assert tab.accessibility() == []
        tab.assert_quiet()


def test_lines_by_slider_and_by_hand(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(f"{READY} && live.lines")
        tab.click("#tab-lines")
        tab.wait(LINES)
        tab.run(
            """byId("line-width").value = 3;
            byId("line-width").dispatchEvent(new Event("input"))"""
        )
        tab.wait("live.lines.answers.width[1] > 0.9")
        end = tab.run("live.lines.ends[1].map(v => v / 28)")
        tab.draw("#line-board", [end, (0.8, 0.3), (0.85, 0.2)])
        tab.wait("live.lines.line.length > 13")
        tab.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
        image = tab.run("Array.from(live.lines.image)")
        answers = tab.run("live.lines.answers")
        image = np.reshape(image, (1, 28, 28, 3)).astype(np.float32)
        made = network("four_head_lines").predict(image, verbose=0)
        for name, theirs in zip(("length", "width", "color", "angle"), made):  # noqa: B905
            theirs = [1 - theirs[0, 0], theirs[0, 0]] if theirs.size == 1 else theirs[0]
            assert np.abs(np.subtract(theirs, answers[name])).max() < 1e-4
        tab.run("live.lines.set({ x: 0, y: 0, length: 1 }), 0")
        tab.wait("byId('line-x').value === '0'")
        tab.assert_quiet()


def test_the_baseline_cnn_comes_when_it_is_asked_for(chromium):
    with chromium.open(f"{FILE}#l=l15,w3,a30,b0,x14,y14") as tab:
        tab.wait(LINES)
        assert not any("plain_lines.js" in url for url in tab.requests())
        tab.click("#load-baseline")
        tab.wait("live.lines.networks.plain_lines")
        tab.wait("byId('row-plain_lines').textContent.includes('long')")
        image, mine = tab.run(
            """[Array.from(live.lines.image), live.lines.networks.plain_lines
            .run(live.lines.image).probabilities()]"""
        )
        image = np.reshape(image, (1, 28, 28, 3)).astype(np.float32)
        theirs = network("plain_lines").predict(image, verbose=0)[0]
        assert np.abs(theirs - mine).max() < 1e-4
        for name in ("try-border", "try-length"):
            tab.run(f"byId('{name}').querySelector('button').click()")
            tab.wait(f"byId('{name}').classList.contains('done')")
        tab.assert_quiet()


@pytest.mark.parametrize("name", ["try-half", "try-pixels", "try-shuffle"])
def test_challenges_are_ticked_off(chromium, name):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        assert not tab.run(f"byId('{name}').classList.contains('done')")
        tab.run(f"byId('{name}').querySelector('button').click()")
        tab.wait(f"byId('{name}').classList.contains('done')")
        tab.assert_quiet()


def test_layers_and_filters(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        tab.click("#layers canvas")
        tab.wait("live.digits.layers.chosen && !byId('channel').hidden")
        tab.press("ArrowRight")
        assert "of 32" in tab.run("byId('channel-title').textContent")
        bright = """Math.max(...byId("channel-best").getContext("2d")
            .getImageData(0, 0, 28, 28).data.filter((_, i) => i % 4 === 0))"""
        tab.wait(f"{bright} > 200")
        for method in tab.run("Object.keys(METHODS)"):
            tab.run(
                f"""live.digits.evidence.map = null; byId("method").value = "{method}";
                byId("method").dispatchEvent(new Event("change"))"""
            )
            tab.wait("live.digits.evidence.map && !live.digits.evidence.working")
        tab.assert_quiet()


def test_links_hold_what_is_on_the_board(chromium):
    with chromium.open(FILE) as tab:
        tab.wait(READY)
        tab.draw("#board", SEVEN)
        tab.wait(SETTLED)
        tab.click("#copy-link")
        link = tab.run("location.href")
        first = tab.run("Array.from(live.digits.image)")
        picture = tab.run(
            """(() => { const c = pictureOf("digits", live.digits, live.lines);
            return [c.width, c.height, c.toDataURL().length]; })()"""
        )
        assert picture[:2] == [1200, 630]
        assert picture[2] > 20_000
    with chromium.open(link) as tab:
        tab.wait("self.live?.digits.evidence.map")
        assert (
            np.abs(np.subtract(tab.run("Array.from(live.digits.image)"), first)).max()
            < 40
        )
        assert tab.run("live.digits.best") == 7
        tab.assert_quiet()
    with chromium.open(f"{FILE}#l=l15,w3,a75,b1,x14,y14") as tab:
        tab.wait(LINES)
        assert tab.run("live.lines.line.angle") == 75
    with chromium.open(f"{FILE}#e=11") as tab:
        tab.wait("self.live?.digits.evidence.map")
        assert "meant a" in tab.run("byId('digit-next').textContent")


@pytest.mark.parametrize(
    "link", ["#d=AAAA", "#d=", "#d=A%2", "#l=q9", "#l=l", "#e=99", "#e=x", "#d=A~B~C"]
)
def test_damaged_links_are_said(chromium, link):
    with chromium.open(FILE + link) as tab:
        tab.wait("!byId('problem').hidden")
        assert "damaged" in tab.run("byId('problem').textContent")
        tab.wait(READY)
        tab.assert_quiet()


def test_without_script_the_story_remains(chromium):
    with chromium.open(FILE, script=False) as tab:
        tab.wait(
            "document.readyState === 'complete' && !!document.querySelector('footer')"
        )
        height = "document.querySelector('{}').offsetHeight"
        assert tab.run(height.format("noscript p")) > 10
        assert tab.run(height.format("#story")) > 1000
        assert tab.run(height.format("#live")) == 0
        assert tab.run("typeof start") == "undefined"


def test_what_a_browser_lacks_is_named(chromium):
    with chromium.open(FILE, before="delete window.PointerEvent") as tab:
        tab.wait("document.getElementById('problem')?.textContent")
        assert "pointer events" in tab.run("byId('problem').textContent")
        assert tab.run("document.getElementById('story').offsetHeight") > 1000
        assert tab.run("document.getElementById('live').offsetHeight") == 0


def test_weights_that_are_missing_or_do_not_fit(chromium, server):
    with chromium.open(f"{server}/missing/tuned_mnist/index.html") as tab:
        tab.wait("document.querySelector('#problem:not([hidden])') !== null")
        assert "missing" in tab.run("byId('problem').textContent")
    with chromium.open(f"{server}/damaged/index.html") as tab:
        tab.wait("document.querySelector('#problem:not([hidden])') !== null")
        assert "do not fit" in tab.run("byId('problem').textContent")
        tab.assert_quiet()
    with chromium.open(f"{server}/missing/four_head_lines/index.html") as tab:
        tab.wait(READY)  # the digits work
        assert "four_head_lines" in tab.run("byId('problem').textContent")
