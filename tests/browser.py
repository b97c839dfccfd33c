"""A Chromium for tests, by its DevTools protocol: nothing to install, only the browser.

The protocol goes through a pipe: Chromium reads commands from file descriptor 3 and
writes answers to 4, JSON texts that end in a zero byte.
"""

import base64
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--remote-debugging-pipe",
]
LAUNCHER = """import os, sys
ends = [int(end) for end in sys.argv[1:3]]
while min(ends) < 5:  # out of the way of 3 and 4
    ends = [os.dup(end) for end in ends]
os.dup2(ends[0], 3)
os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])"""  # puts the pipes where Chromium expects them
PATIENCE = 120  # seconds for one answer, on a busy machine
WAIT = 45  # seconds for something to become true


def find():
    """The path of an installed Chromium or Chrome; None if there is none.

    Raises:
        FileNotFoundError: the one that the variable CHROME names is missing.
    """
    if named := os.environ.get("CHROME"):
        if not shutil.which(named):
            raise FileNotFoundError(f"CHROME is {named}, which is not installed")
        return shutil.which(named)
    return next(filter(None, map(shutil.which, (*NAMES, MAC))), None)


def missing():
    """Why there is no browser to be had, or an empty text."""
    if os.name != "posix":
        return "commands go to Chromium by file descriptors, which need POSIX"
    return "" if find() else "no Chromium or Chrome is installed"


class Browser:
    """A running browser.

    Attributes:
        profile: the temporary folder of its profile.
    """

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="live_page_")
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        ends = read_commands, write_answers
        launch = [sys.executable, "-c", LAUNCHER, *map(str, ends)]
        self._process = subprocess.Popen(
            [*launch, find(), *FLAGS, f"--user-data-dir={self.profile.name}"],
            pass_fds=ends,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in ends:
            os.close(end)
        self._numbers, self._rest, self.events = itertools.count(1), b"", []

    def send(self, method, session=None, **parameters):
        """Send a command and wait for its answer (RuntimeError if it fails)."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + PATIENCE
        while True:
            answer = self._next(until)
            if answer.get("id") != number:
                self.events.append(answer)
            elif "error" in answer:
                raise RuntimeError(f"{method}: {answer['error']['message']}")
            else:
                return answer["result"]

    def _next(self, until):
        while b"\0" not in self._rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                raise TimeoutError("the browser does not answer")
            part = os.read(self._answers, 2**20)
            if not part:
                raise RuntimeError("the browser has ended")
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        return json.loads(text)

    def open(self, url, width=1280, height=900, before="", **options):
        """Open a ``Page``; see there."""
        return Page(self, url, width, height, before, **options)

    def close(self):
        """End the browser and remove its profile."""
        try:
            self.send("Browser.close")
            self._process.wait(20)
        except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)
        self.profile.cleanup()


class Page:
    """A page in a tab of its own, for a ``with`` statement.

    Args:
        browser: a ``Browser``.
        url: str.
        width, height: int, px.
        before: str, JavaScript that runs before that of the page.
        touch: bool, whether it is a phone.
        dark: bool, whether dark mode is on.
        script: bool, whether JavaScript is on.
    """

    def __init__(
        self,
        browser,
        url,
        width,
        height,
        before,
        touch=False,
        dark=False,
        script=True,
    ):
        self.browser = browser
        self._target = browser.send("Target.createTarget", url="about:blank")
        self._target = self._target["targetId"]
        attached = browser.send(
            "Target.attachToTarget", targetId=self._target, flatten=True
        )
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.size(width, height, touch)
        if touch:
            self.send("Emulation.setTouchEmulationEnabled", enabled=True)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        if before:
            self.send("Page.addScriptToEvaluateOnNewDocument", source=before)
        self.send("Page.navigate", url=url)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.send("Target.closeTarget", targetId=self._target)

    def send(self, method, **parameters):
        """Send a command for this page."""
        return self.browser.send(method, self._session, **parameters)

    def size(self, width, height, touch=False):
        """Set the size of the window, px."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=touch,
        )

    def run(self, script):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", details).get("description"))
        return answer["result"].get("value")

    def wait(self, condition, seconds=WAIT):
        """Wait until an expression is true; returns it, of objects only that."""
        plain = f"(v => typeof v === 'object' ? v !== null : v)({condition})"
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                value = self.run(plain)
            except RuntimeError:  # the page is being loaded
                value = None
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"not true after {seconds} s: {condition}")

    def center(self, selector):
        """x, y of the middle of an element, scrolled into view."""
        return self.run(
            f"""(() => {{ const e = document.querySelector({json.dumps(selector)});
            e.scrollIntoView({{ block: "center", behavior: "instant" }});
            const box = e.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2, box.width]; }})()"""
        )

    def click(self, selector):
        """Click on an element by the mouse."""
        x, y, _ = self.center(selector)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y)

    def mouse(self, kind, x, y):
        """An event of the left button: "mousePressed", "mouseMoved", …; x, y in px."""
        event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
        self.send("Input.dispatchMouseEvent", **event)

    def draw(self, selector, points, touch=False):
        """Draw a stroke; the points are in 0…1 of an element's width and height."""
        x, y, size = self.center(selector)
        places = [(x + (a - 0.5) * size, y + (b - 0.5) * size) for a, b in points]
        if touch:
            for number, (x, y) in enumerate(places):
                kind = "touchMove" if number else "touchStart"
                self.touch(kind, [(x, y)])
            self.touch("touchEnd", [])
            return
        self.mouse("mousePressed", *places[0])
        for place in places[1:]:
            self.mouse("mouseMoved", *place)
        self.mouse("mouseReleased", *places[-1])

    def touch(self, kind, places):
        """A touch event with fingers at some places, px."""
        fingers = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(places)]
        self.send("Input.dispatchTouchEvent", type=kind, touchPoints=fingers)

    def press(self, key):
        """Press a key: "ArrowLeft", " "."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def screenshot(self, path, whole=False):
        """Write a picture of what is seen, or of the whole page, as PNG."""
        image = self.send("Page.captureScreenshot", captureBeyondViewport=whole)
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "scale": 1}
            clip |= {"width": size["width"], "height": size["height"]}
            image = self.send(
                "Page.captureScreenshot", captureBeyondViewport=True, clip=clip
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(image["data"]))

    def _of_session(self, method):
        for event in self.browser.events:
            same = event.get("sessionId") == self._session
            if same and event["method"] == method:
                yield event["params"]

    def errors(self):
        """What the console or the page's own scripts complained of, as texts."""
        self.run("0")  # let what happened before arrive
        found = [str(event["exceptionDetails"]) for event in self._of_session(THROWN)]
        found += [
            str(event["args"])
            for event in self._of_session("Runtime.consoleAPICalled")
            if event["type"] in ("error", "warning")
        ]
        logged = (event["entry"] for event in self._of_session("Log.entryAdded"))
        return found + [e["text"] for e in logged if e["level"] == "error"]

    def accessibility(self):
        """What a check like axe-core calls serious: names, labels, contrast."""
        script = pathlib.Path(__file__).with_name("accessibility.js")
        return self.run(script.read_text(encoding="utf-8"))

    def assert_quiet(self):
        """No complaint in the console, nothing loaded from elsewhere."""
        assert self.errors() == []
        own = ("file:", "data:", "blob:", "http://127.0.0.1:")
        assert [url for url in self.requests() if not url.startswith(own)] == []

    def requests(self):
        """Addresses of all that was loaded."""
        return [
            event["request"]["url"]
            for event in self._of_session("Network.requestWillBeSent")
        ]


THROWN = "Runtime.exceptionThrown"
