"""Go through every requirement of the brief and say what shows that it is met.

    python tools/check_brief.py               all of them
    python tools/check_brief.py 1.2.1 2.2     those of these sections

One line each: pass or FAIL, the number in the brief, the requirement, the evidence.
Nothing is taken from the network and MNIST is not needed: what is said of it then comes
from the records, and the line says so.
"""

import argparse
import contextlib
import os
import sys

os.environ["OFFLINE"] = "1"


def main(arguments=None):
    """Check; 0 if all is met, 1 if something is not, 2 bad input, 130 Ctrl-C."""
    sections = parse(arguments)
    try:
        with silenced():
            chosen = choose(sections)
        failed = sum(not check(requirement) for requirement in chosen)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130
    print(f"{len(chosen) - failed} of {len(chosen)} requirements are met")
    return 1 if failed else 0


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sections", nargs="*", help="1.2.1, for example; else all")
    return parser.parse_args(arguments).sections


@contextlib.contextmanager
def silenced():
    """Keep off the screen what TensorFlow's start writes there past Python."""
    screen = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def choose(sections):
    """The requirements of sections, or all, in the order of the brief.

    Raises:
        ValueError: there is no such section.
    """
    import tensorflow

    from brief import deliverables, handed_in, inside, networks

    tensorflow.config.list_logical_devices()
    modules = networks, deliverables, inside, handed_in
    everything = [found for module in modules for found in module.REQUIREMENTS]
    everything.sort(key=lambda found: found.number.split()[0])  # words come last
    for section in sections:
        if not any(found.number.startswith(section) for found in everything):
            numbers = dict.fromkeys(found.number.split()[0] for found in everything)
            raise ValueError(f"no section {section}; there are {', '.join(numbers)}")
    begins = tuple(sections) or ("",)
    return [found for found in everything if found.number.startswith(begins)]


def check(requirement):
    """Print a requirement's line; whether it is met."""
    try:
        met, told = True, requirement.check()
    except Exception as error:  # whatever stops a check: the evidence is not there
        met, told = False, reason(error)
    state = "pass" if met else "FAIL"
    told = " ".join(str(told).split())
    print(f"{state}  {requirement.number}  {requirement.text}: {told}", flush=True)
    return met


def reason(error):
    """What an error says; its kind too, unless it was raised to be read here."""
    from coursework import files

    from brief import FailedError

    told = files.one_line(error)
    plain = isinstance(error, (FailedError, OSError, ValueError))
    return told if plain else f"{type(error).__name__}: {told}"


if __name__ == "__main__":
    sys.exit(main())
