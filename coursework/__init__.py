"""Line images and digits, networks for them, and a look inside.

Imports run down this list only: ``figures`` and ``studies``; ``training``; ``data``;
``records``, ``files`` and ``paths``. ``visualize`` looks inside any network and imports
nothing of the rest.
"""

import logging

logging.getLogger("tensorflow").setLevel(logging.ERROR)  # no notes about retracing
