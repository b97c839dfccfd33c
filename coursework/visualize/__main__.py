"""See inside a Keras model: its activations, filters and class activation maps.

python -m keras_see_inside MODEL [--image FILE]… [--layer NAME]…
"""

import contextlib
import os
import sys


@contextlib.contextmanager
def silenced():
    """Keep off the screen what TensorFlow's start writes there past Python."""
    sys.stderr.flush()
    screen = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(screen, 2)
        os.close(screen)


def main():
    """Run the command, TensorFlow's start unseen; returns its exit status."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    try:
        with silenced():  # seconds, in which Ctrl-C should work as well
            import tensorflow

            from . import command

            tensorflow.config.list_logical_devices()
        return command.main()
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
