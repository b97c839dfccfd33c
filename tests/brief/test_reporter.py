"""What ``make check`` prints, and its exit status."""

import functools
import pathlib
import re
import shutil
import subprocess
import sys

TESTS = '''
def test_1_1_met(evidence):
    """Met"""
    evidence("here it is")


def test_1_2_not_met(evidence):
    """Not met"""
    assert False, "nothing there"


def test_1_2_1_without_evidence():
    """Passed"""


def test_of_no_section():
    pass
'''


def test_one_line_for_each_requirement(tmp_path):
    shutil.copy(pathlib.Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_made_up.py").write_text(TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", ".", "--requirements"]
    run = functools.partial(subprocess.run, cwd=tmp_path, capture_output=True)
    result = run(command, encoding="utf-8")
    assert result.returncode == 1
    *lines, last = result.stdout.splitlines()
    assert lines[0] == "1.1    ok    Met: here it is"
    assert lines[1] == "1.2    FAIL  Not met: nothing there"
    assert lines[2:] == ["1.2.1  FAIL  Passed: no evidence"]
    assert re.fullmatch(r"1 of 3 requirements met, \d+ s", last)
    some = run([*command, "1.1", "1.2.1"], encoding="utf-8").stdout
    assert [line.split()[0] for line in some.splitlines()] == ["1.1", "1.2.1", "1"]
