"""One line of progress: notebook, cell, time taken and an estimate of the time left."""

import contextlib
import shutil
import sys
import threading
import time

CALIBRATED = 10  # seconds of known work after which this machine's speed is believed


class Timetable:
    """Knows how long each cell took the last time, and where the run is now.

    The estimate of the time left is the sum of the cells ahead, scaled by how fast this
    machine has been so far. On a terminal the line is renewed every second, elsewhere
    each section of a notebook gets a line.
    """

    def __init__(self, expected):
        """``expected``: notebook → seconds of each code cell, or [] if never run."""
        self.expected = expected
        self.names = list(expected)
        self.name, self.cell, self.heading = "", 0, ""
        self.start = self.cell_start = time.perf_counter()
        self.passed = self.passed_expected = 0.0
        self.live = sys.stdout.isatty()

    def elapsed(self):
        return time.perf_counter() - self.start

    def start_cell(self, name, cell, heading):
        new_section = (name, heading) != (self.name, self.heading)
        self.name, self.cell, self.heading = name, cell, heading
        self.cell_start = time.perf_counter()
        if new_section and not self.live:
            print(self.line(), flush=True)

    def finish_cell(self):
        if self.expected[self.name]:
            self.passed += time.perf_counter() - self.cell_start
            self.passed_expected += self.expected[self.name][self.cell]

    def seconds_left(self):
        """The estimate, or None if a notebook ahead was never run."""
        later = self.names[self.names.index(self.name) + 1 :]
        if not all(self.expected[name] for name in (self.name, *later)):
            return None
        ahead = sum(self.expected[self.name][self.cell :])
        ahead += sum(sum(self.expected[name]) for name in later)
        known = self.passed_expected > CALIBRATED
        speed = self.passed / self.passed_expected if known else 1
        return max(0, ahead * speed - (time.perf_counter() - self.cell_start))

    def line(self):
        left = self.seconds_left()
        left = (
            "time left not known yet" if left is None else f"about {clock(left)} left"
        )
        position = f"[{self.names.index(self.name) + 1}/{len(self.names)}] {self.name}"
        cell = f"cell {self.cell + 1}, {self.heading}"
        return f"{position}: {cell}; {clock(self.elapsed())} so far, {left}"

    @contextlib.contextmanager
    def shown(self):
        """While this context lasts, a terminal shows the line."""
        done = threading.Event()
        thread = threading.Thread(target=self._renew, args=[done], daemon=True)
        if self.live:
            thread.start()
        try:
            yield
        finally:
            done.set()
            if self.live:
                thread.join()
                print()

    def _renew(self, done):
        while not done.wait(1):
            if self.name:
                width = shutil.get_terminal_size().columns - 1
                print(f"\r\x1b[K{self.line()[:width]}", end="", flush=True)


def clock(seconds):
    """Minutes and seconds, "2:05"."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
