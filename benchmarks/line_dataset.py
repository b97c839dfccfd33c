"""How long the line dataset takes to build, and how much memory.

python benchmarks/line_dataset.py
"""

import statistics
import time

from coursework.data import lines
from coursework.figures import tables

RUNS = 5


def main():
    """Build the dataset several times and print a table."""
    seconds = [measure() for _ in range(RUNS)]
    rows = [
        ("seconds, median of five builds", f"{statistics.median(seconds):.2f}"),
        ("seconds, fastest and slowest", f"{min(seconds):.2f} … {max(seconds):.2f}"),
        *peak_memory(),
    ]
    print(tables.markdown(["96,000 lines", ""], rows))


def peak_memory():
    """The row of the memory that the process took; Windows does not tell."""
    try:
        import resource
    except ImportError:
        return []
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [("peak memory of the process, GB", f"{peak:.2f}")]


def measure():
    """Seconds of one build, whose bytes must be the right ones."""
    start = time.perf_counter()
    dataset = lines.build()
    seconds = time.perf_counter() - start
    if dataset.sha256 != lines.SHA256:
        raise ValueError(f"built {dataset.sha256}, expected {lines.SHA256}")
    return seconds


if __name__ == "__main__":
    main()
