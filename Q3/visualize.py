"""See inside a Keras network: its activations, filters and class activation maps.

python Q3/visualize.py MODEL [--image FILE]… [--layer NAME]…
"""

import contextlib
import os
import sys

os.environ["KERAS_BACKEND"] = "tensorflow"


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


def main():
    with silenced():  # the import takes seconds, in which Ctrl-C should work as well
        import tensorflow

        from coursework.visualize import command

        tensorflow.config.list_logical_devices()
    return command.main()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped")
