"""What the notebooks measure of trained networks, one module for each."""
