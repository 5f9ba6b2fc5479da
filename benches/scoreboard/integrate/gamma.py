"""The gamma function at 6 in Python: prints, for each way, its seconds in each round.

    python3 gamma.py STEPS ROUNDS

What is not installed is left out. The times do not include the start of the interpreter, but those of
the processes include theirs, as they do for whoever uses them.
"""

import math
import sys
import time
from multiprocessing import Pool

STEPS, ROUNDS = int(sys.argv[1]), int(sys.argv[2])
END = 1000.0


def part(first, last):
    h = END / STEPS
    total = 0.0
    for k in range(first, last):
        t = k * h
        total += t**5 * math.exp(-t) * h
    return total


def loop():
    return part(0, STEPS)


def processes():
    borders = [k * STEPS // 4 for k in range(5)]
    with Pool(4) as pool:
        return math.fsum(pool.starmap(part, zip(borders, borders[1:])))


def measure(name, run, most, rounds=ROUNDS, calls=1):
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(calls):
            value = run()
        times.append((time.perf_counter() - began) / calls)
        assert abs(value - 120) < most, (name, value)
    print(name, *times, flush=True)


if __name__ == "__main__":
    # Seconds each: twice is enough to see that they do not scatter.
    few = min(ROUNDS, 2)
    measure("loop", loop, 1e-6, few)
    measure("processes", processes, 1e-6, few)
    try:
        import numpy as np

        h = END / STEPS

        def product():
            t = np.arange(STEPS) * h
            return np.sum(t * t * t * t * t * np.exp(-t)) * h

        def power():
            t = np.arange(STEPS) * h
            return np.sum(t**5 * np.exp(-t)) * h

        measure("numpy", product, 1e-6)
        measure("numpy-pow", power, 1e-6)
    except ImportError:
        print("numpy is not installed", file=sys.stderr)
    try:
        from scipy.integrate import quad

        def adaptive():
            return quad(lambda t: t**5 * math.exp(-t), 0, END, epsabs=8e-11, epsrel=0, limit=200)[0]

        measure("quad", adaptive, 8e-11, calls=20)
    except ImportError:
        print("scipy is not installed", file=sys.stderr)
