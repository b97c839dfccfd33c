"""Line images and digits, networks for them, and a look inside.

Read the modules from the bottom up: ``paths`` and ``files``; the datasets ``lines`` and
``mnist``; ``splits``; ``networks``, ``heads`` and ``records``; ``training``,
``metrics`` and ``variations``; ``figures`` and ``tables``. ``visualize`` looks into any
network and imports none of them; ``insights``, ``filter_study`` and ``map_study``
measure what it shows of ours.
"""
