"""Line images and digits, networks for them, and a look inside.

Read the modules from the bottom up: ``paths`` and ``files``; the datasets ``lines`` and
``mnist``; ``splits``; ``networks`` and ``records``; ``training`` and ``metrics``;
``figures`` and ``tables``.
"""
