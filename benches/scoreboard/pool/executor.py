"""Times concurrent.futures: reads "JOBS BURST" lines, answers each with seconds."""

import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor


def same(number):
    return number


def run(executor, jobs, burst):
    total = 0
    start = time.perf_counter()
    for first in range(0, jobs, burst):
        futures = [executor.submit(same, n) for n in range(first, min(jobs, first + burst))]
        for future in futures:
            total += future.result()
    took = time.perf_counter() - start
    assert total == jobs * (jobs - 1) // 2
    return took


def main():
    kind, workers = sys.argv[1], int(sys.argv[2])
    if kind == "threads":
        executor = ThreadPoolExecutor(workers)
    else:
        import multiprocessing

        executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    with executor:
        for line in sys.stdin:
            jobs, burst = map(int, line.split())
            print(run(executor, jobs, burst), flush=True)


if __name__ == "__main__":
    main()
