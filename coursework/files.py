"""Writing files so that a kill leaves the old one or the new one, and checksums."""

import contextlib
import hashlib
import json
import os
import pathlib

from coursework import paths


@contextlib.contextmanager
def replacing(path):
    """A temporary path beside ``path`` that takes its place when the block succeeds.

    The temporary name ends like ``path``, which tells many writers the format.

    Args:
        path: where the file shall stand; its folder is made if need be.

    Yields:
        The temporary path to write to.

    Raises:
        OSError: the file cannot be written (full disk, read-only folder); nothing is
            left behind and an older file stays as it was.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write {paths.relative(path)}: {error.strerror or error}; "
            "make room or make the folder writable, then run again",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _flush_to_disk(path):
    """Ask for the bytes to be on the disk, so that a late "disk full" is seen here."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def write_text(path, text):
    """Write ``text`` (UTF-8, \\n) to ``path``, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path, content):
    """Write ``content`` to ``path``, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


class MissingFieldError(KeyError, ValueError):
    """A JSON file lacks a field; the message names both."""

    __str__ = Exception.__str__  # KeyError would put it in quotes


class Fields(dict):
    """A JSON object that knows its file, and names it where a field is missing."""

    def __init__(self, fields, file):
        super().__init__(fields)
        self.file = file

    def __missing__(self, name):
        raise MissingFieldError(f"{self.file} lacks {name!r}: make run writes it anew")


def read_json(path):
    """What a JSON file holds, every object as ``Fields``.

    Raises:
        FileNotFoundError, ValueError: there is no such file, or it is no JSON.
    """
    text = pathlib.Path(path).read_text(encoding="utf-8")
    file = str(paths.relative(path))
    return json.loads(text, object_hook=lambda fields: Fields(fields, file))


def sha256_of_file(path):
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_arrays(*arrays):
    """SHA-256 over the bytes of C-contiguous arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(memoryview(array).cast("B"))
    return digest.hexdigest()


def one_line(error):
    """What an error says in one line; one of the system with the file that it is of."""
    told = str(error)
    if isinstance(error, OSError) and error.strerror:
        named = f"{paths.relative(error.filename)}: " if error.filename else ""
        told = named + error.strerror
    return " ".join(told.split())
