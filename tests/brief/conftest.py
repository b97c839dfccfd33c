"""``make check``: one line for each requirement of the brief, which is one test here.

Its docstring is the requirement, its name or its parameter ``section`` the section (0
is the instructions at the top); it is met if the test passes and gives evidence.
"""

import functools
import re
import textwrap
import time

import pytest

from coursework import paths, records
from coursework.data import mnist

WIDTH = 240  # of what is printed of a requirement


@pytest.fixture
def evidence(request):
    """A function that takes what shows that the requirement is met, str."""
    return lambda text: request.node.user_properties.append(("evidence", text))


@pytest.fixture(scope="session")
def load():
    """A function that gives a network and its record, checked against each other."""
    return functools.cache(lambda name: records.load(name, paths.ROOT / "models"))


@pytest.fixture
def network(load, name):
    return load(name)[0]


@pytest.fixture
def record(load, name):
    return load(name)[1]


@pytest.fixture(scope="session")
def all_digits():
    """MNIST; small digits that stand in for it on a machine without it."""
    return mnist.load_or_stand_in()


@pytest.fixture
def dataset(name, request):
    """What a network was trained on."""
    digits = name.endswith("mnist")
    return request.getfixturevalue("all_digits" if digits else "all_lines")


def pytest_addoption(parser):
    text = "print one line for each requirement, or for each of these sections"
    parser.addoption("--requirements", metavar="SECTION", nargs="*", help=text)


@pytest.hookimpl(trylast=True)  # after the usual output has been set up
def pytest_configure(config):
    sections = config.getoption("--requirements", None)
    if sections is not None:
        config.pluginmanager.unregister(name="terminalreporter")
        config.pluginmanager.register(Reporter(sections))


def describe(item):
    """The section of the brief that a test is of ("" if of none), and what it needs."""
    values = dict(item.callspec.params) if hasattr(item, "callspec") else {}
    number = re.match(r"test((_\d)*)", item.name).group(1)[1:].replace("_", ".")
    section = values.pop("section", number)
    which = f" [{', '.join(map(str, values.values()))}]" if values else ""
    return section, f"{item.function.__doc__}{which}"


class Reporter:
    """Prints a line for each requirement instead of what pytest prints."""

    def __init__(self, sections):
        self.sections, self.described, self.met = tuple(sections or [""]), {}, 0
        self.start = time.monotonic()

    def pytest_collection_modifyitems(self, items):
        every = {item: describe(item) for item in items if describe(item)[0]}
        every = dict(sorted(every.items(), key=lambda pair: pair[1][0]))
        known = list(dict.fromkeys(section for section, _ in every.values()))
        for wanted in self.sections:
            if not any(section.startswith(wanted) for section in known):
                raise pytest.UsageError(f"no section {wanted} among {', '.join(known)}")
        items[:] = [i for i, (s, _) in every.items() if s.startswith(self.sections)]
        self.described = {item.nodeid: every[item] for item in items}

    def pytest_collectreport(self, report):
        if report.failed:
            print(f"FAIL  {report.nodeid}: {str(report.longrepr).splitlines()[-1]}")

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and report.passed:
            return
        section, text = self.described[report.nodeid]
        given = [said for key, said in report.user_properties if key == "evidence"]
        met = report.passed and bool(given)
        self.met += met
        line = f"{text}: {'; '.join(given) if met else reason(report)}"
        line = textwrap.shorten(line, WIDTH, placeholder=" …")
        print(f"{section:5}  {'ok  ' if met else 'FAIL'}  {line}", flush=True)

    def pytest_sessionfinish(self, session):
        count, seconds = len(self.described), time.monotonic() - self.start
        if count:
            print(f"{self.met} of {count} requirements met, {seconds:.0f} s")
        session.exitstatus = session.exitstatus or int(self.met < count)


def reason(report):
    """Why a requirement is not met: the message of its test, else what it compares."""
    crash = getattr(report.longrepr, "reprcrash", None)
    message = crash.message if crash else str(report.longrepr or "no evidence")
    explained = message.startswith("AssertionError: ")
    return message.splitlines()[0].partition(": ")[2] if explained else message
