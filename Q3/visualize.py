"""See inside a Keras network: its activations, filters and class activation maps.

python Q3/visualize.py MODEL [--image FILE]… [--layer NAME]…
"""

import sys

from coursework.visualize import __main__ as command

if __name__ == "__main__":
    sys.exit(command.main())
