"""What training several small networks at once gains: `make benchmark`.

The same trials, one after another with all threads and as many at once as there are
cores with one thread each. A trial of each network before the clock starts pays for
what is loaded once.
"""

import dataclasses
import time

from coursework import records
from coursework.training import trials, variations

ROWS = 8


def main():
    cores = records.machine()["cores"]
    whole = variations.EXPERIMENTS["variations_lines"]
    few = dataclasses.replace(
        whole, name="benchmark", variations=(), seeds=tuple(range(cores))
    )
    experiment = dataclasses.replace(
        few, variations=whole.variations[: ROWS - 1], seeds=(0,)
    )
    trials.run(few)  # the processes start, and stay for the next run
    at_once = seconds(lambda: trials.run(experiment))
    whole.run_trial("base", 0)
    jobs = [(row, seed) for row in experiment.rows for seed in experiment.seeds]
    in_turn = seconds(lambda: [whole.run_trial(*job) for job in jobs])
    print(f"{len(jobs)} trials, {cores} cores")
    print(f"one after another  {in_turn:6.1f} s")
    print(
        f"{cores} at once          {at_once:6.1f} s, {in_turn / at_once:.2f}× as fast"
    )


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
