"""The live page: weight, time to the first answer and of a redraw, digits by pen.

    python benchmarks/live_page.py [DIGITS]

Needs Chromium or Chrome. Digits of the test part are thinned to strokes, redrawn at any
size and place, and read by the page. Times are Chromium's, as it is and slowed down
four times.
"""

import gzip
import json
import re
import statistics
import sys

import cv2
import numpy as np

from coursework import paths
from coursework.data import mnist, splits

sys.path.insert(0, str(paths.ROOT / "tests"))

import browser

DOCS = paths.ROOT / "docs"
SIZE = 112  # px, of the digits that are thinned
ON_DEMAND = "plain_lines.js"
REDRAWS = 40
READY = (
    "self.live?.digits?.evidence.map && !live.digits.state.demo"
    " && !live.digits.evidence.working"
)
REDRAW = """(() => {
  const panel = live.digits;
  panel.evidence.explain.stop();
  panel.state.method = "hirescam";
  return drawings.map(strokes => {
    panel.state.strokes = strokes;
    const start = performance.now();
    panel.paint();
    return performance.now() - start;
  });
})()"""
READ = """drawings.map(strokes => {
  const { image } = digitPicture(strokes, { units: UNITS });
  return live.digits.net.run(image).prediction();
})"""


def weights():
    """Bytes of the page compressed by gzip: to the first answer, all, on demand."""
    html = (DOCS / "index.html").read_text(encoding="utf-8")
    names = re.findall(r'(?:src|href)="(live/[^"]+)"', html)
    sizes = {name: len(gzip.compress((DOCS / name).read_bytes(), 9)) for name in names}
    first = names.index("live/tuned_mnist.js")
    start = len(gzip.compress(html.encode(), 9))
    demanded = len(gzip.compress((DOCS / "live" / ON_DEMAND).read_bytes(), 9))
    early = start + sum(sizes[name] for name in names[: first + 1])
    return early, start + sum(sizes.values()), demanded


def strokes_of(images):
    """Skeletons of digits (Zhang and Suen, 1984) as lists of short strokes.

    Args:
        images: (N, 28, 28) uint8.
    """
    size = SIZE, SIZE
    large = np.stack(
        [cv2.resize(i, size, interpolation=cv2.INTER_CUBIC) for i in images]
    )
    found = []
    for skeleton in thinned(large > 127):
        points = set(map(tuple, np.argwhere(skeleton)[:, ::-1].tolist()))
        strokes = []
        for x, y in sorted(points):
            steps = ((1, 0), (0, 1), (1, 1), (1, -1))
            near = [(x + a, y + b) for a, b in steps if (x + a, y + b) in points]
            strokes += [[(x, y), other] for other in near] or [[(x, y)]]
        found.append(strokes)
    return found


def thinned(shapes):
    """(N, h, w) bool: what is left after taking pixels off all edges."""
    shapes = shapes.copy()
    around = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    while True:
        before = shapes.copy()
        for first in (True, False):
            n = [np.roll(shapes, (-a, -b), axis=(1, 2)) for a, b in around]
            count = sum(each.astype(np.int8) for each in n)
            turns = sum((~n[i] & n[(i + 1) % 8]).astype(np.int8) for i in range(8))
            if first:
                open_side = ~(n[0] & n[2] & n[4]) & ~(n[2] & n[4] & n[6])
            else:
                open_side = ~(n[0] & n[2] & n[6]) & ~(n[0] & n[4] & n[6])
            shapes &= ~((count >= 2) & (count <= 6) & (turns == 1) & open_side)
        if (shapes == before).all():
            return shapes


def moved(strokes, random):
    """Strokes at some size and place of the board, which is 560 units wide."""
    scale = random.uniform(1.2, 4.0)
    shift = random.uniform(0, 560 - scale * SIZE, 2)
    return [
        [(scale * np.array(p) + shift).round(1).tolist() for p in s] for s in strokes
    ]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    early, every, demanded = (size / 1000 for size in weights())
    print(f"gzip: {early:.0f} KB to the first answer, {every:.0f} KB in all, ")
    print(f"      {demanded:,.0f} KB more for the baseline CNN on demand")
    digits, random = mnist.load(), np.random.default_rng(5)
    test = splits.split(digits.classes).test
    chosen = random.choice(test, count, replace=False)
    drawings = strokes_of(digits.images[chosen][..., 0])
    drawings = [moved(strokes, random) for strokes in drawings]
    started = browser.Browser()
    try:
        with started.open((DOCS / "index.html").as_uri()) as tab:
            tab.wait(READY)
            read = []
            for start in range(0, count, REDRAWS):
                part = json.dumps(drawings[start : start + REDRAWS])
                tab.run(f"self.drawings = {part}, 0")
                read += tab.run(READ)
            right = (read == digits.classes[chosen]).sum()
            print(f"digits by pen: {right} of {count} right, {right / count:.1%}")
            for slower in (1, 4):
                tab.send("Emulation.setCPUThrottlingRate", rate=slower)
                times = tab.run(REDRAW)[5:]
                print(f"redraw, ×{slower}: median {statistics.median(times):.1f} ms")
        first = [opened(started) for _ in range(3)]
        print(f"first answer after opening: median {statistics.median(first):.0f} ms")
    finally:
        started.close()


def opened(started):
    """Milliseconds until the page shows an answer."""
    watch = """requestAnimationFrame(function look() {
      if (/^\\d$/.test(document.getElementById("digit")?.textContent))
        self.answered = performance.now();
      else requestAnimationFrame(look); })"""
    with started.open((DOCS / "index.html").as_uri(), before=watch) as tab:
        return tab.wait("self.answered")


if __name__ == "__main__":
    main()
