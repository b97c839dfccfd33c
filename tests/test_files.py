"""Files are whole or not there, whatever happens while they are written."""

import errno
import subprocess
import sys

import numpy as np
import pytest

from coursework import files


def test_the_folder_is_made_and_nothing_else_is_left(tmp_path):
    files.write_text(tmp_path / "a" / "b.txt", "é")
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "é"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_half_way_keeps_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(error), files.replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


FULL_DISK = """
import resource, signal, sys
from coursework import files, records
from coursework.data import lines
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then the write itself fails
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = sys.argv[1]
try:
    {write}
except OSError as error:
    print(error)
"""
WRITES = {
    "text": "files.write_text(path, 'x' * 5000)",
    "lines": "lines.save(lines.build(per_class=1), path + '.npz')",
    "network": (
        "import pathlib; from coursework.training import networks; "
        "record = dict.fromkeys(records.FIELDS); "
        "records.save(networks.small_cnn(), record, 'n', pathlib.Path(path).parent)"
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_full_disk_is_an_error_at_the_write_and_leaves_nothing(tmp_path, write):
    script = FULL_DISK.format(write=write)
    result = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "file")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cannot write" in result.stdout
    assert "make room" in result.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_read_only_disk_is_an_error_at_the_write(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    monkeypatch.setattr("pathlib.Path.write_text", refuse)
    with pytest.raises(OSError, match=r"cannot write .*a\.txt: Read-only file system"):
        files.write_text(path, "new")
    assert path.read_text() == "old"


def test_checksums(tmp_path):
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / "empty").touch()
    assert files.sha256_of_file(tmp_path / "empty") == empty
    whole = np.arange(6, dtype=np.int16)
    assert files.sha256_of_arrays(whole[:2], whole[2:]) == files.sha256_of_arrays(whole)
