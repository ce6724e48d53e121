"""The platform for benchmarks, in a process of its own: it opens, counts and sums rows, and keeps none of them."""

import sys
import threading

from connector.simulator.server import serve
from tests.bench.project import KEY, PASSWORD, USER


def main() -> None:
    latency_s = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0
    with serve(
        key_text=KEY,
        username=USER,
        password=PASSWORD,
        check_rules=False,
        keep_rows=False,
        latency_s=latency_s,
    ) as simulator:
        print(simulator.url, flush=True)
        done = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
        done.wait()
        print(simulator.rows_received, flush=True)


if __name__ == "__main__":
    main()
