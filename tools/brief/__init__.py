"""The requirements of the brief, each with the function that looks for its evidence."""

import typing


class FailedError(Exception):
    """A requirement is not met; the message says what is missing."""


class Requirement(typing.NamedTuple):
    """A line of the check.

    Attributes:
        number: str, of the brief's section, with the item where it has one.
        text: str, what is required, in the brief's words where they are short.
        check: function without arguments that returns the evidence, str, or raises
            ``FailedError``.
    """

    number: str
    text: str
    check: typing.Callable


def need(condition, message):
    """FailedError with ``message`` unless ``condition``."""
    if not condition:
        raise FailedError(message)
