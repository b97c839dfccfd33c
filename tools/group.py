"""What ``group.toml`` says of the group: number, members, and where its things are."""

import re
import tomllib
from typing import NamedTuple

from coursework import paths

FILE = "group.toml"
NUMBER = re.compile(r"[A-Za-z0-9_-]+")
PART = r'[^\s"<>/?#\[\].]+'  # of a host's name
ADDRESS = re.compile(rf'https?://{PART}(\.{PART})+\.?([/?#][^\s"<>]*)?', re.IGNORECASE)


class Group(NamedTuple):
    """Every field is empty where the file leaves it so.

    Attributes:
        number: str, the group's ID.
        members: tuple of str, names.
        repository, video, assignment_1: str, addresses; the first without a last "/".
    """

    number: str = ""
    members: tuple = ()
    repository: str = ""
    video: str = ""
    assignment_1: str = ""


def read():
    """The group of this project; an empty one where there is no file.

    Raises:
        ValueError: the file is no TOML, or a field is unknown or is not what it should
            be; the message names it and says what was expected.
    """
    path = paths.ROOT / FILE
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Group()
    except ValueError as error:
        raise ValueError(f"{FILE} is not TOML: {error}") from error
    unknown = [name for name in fields if name not in Group._fields]
    if unknown:
        known = ", ".join(Group._fields)
        raise ValueError(f"{FILE}: no field {unknown[0]!r}; expected {known}")
    checked = Group(**{name: _checked(name, value) for name, value in fields.items()})
    repository = checked.repository.rstrip("/").removesuffix(".git")
    return checked._replace(repository=repository)


def check_number(number):
    """The ID of a group, a str (ValueError if it cannot be one)."""
    if not NUMBER.fullmatch(number):
        raise ValueError(
            f"the group's number is {number!r}; expected letters, digits, - and _: "
            f"make submission GROUP=13, or number in {FILE}"
        )
    return number


def _checked(name, value):
    """The value of a field of the file (ValueError if it is not what it should be)."""
    expected, good = "text in quotes", isinstance(value, str)
    if name == "members":
        expected = 'names, ["Ada Lovelace", "Alan Turing"]'
        good = isinstance(value, list)
        good = good and all(isinstance(each, str) and each.strip() for each in value)
    elif name == "number":
        value = str(value) if type(value) is int else value
        expected, good = "letters, digits, - and _", isinstance(value, str)
        good = good and (not value or NUMBER.fullmatch(value))
    elif good and value:
        expected, good = 'an address, "https://…"', ADDRESS.fullmatch(value)
    if not good:
        raise ValueError(f"{FILE}: {name} is {value!r}; expected {expected}")
    return tuple(value) if name == "members" else value
