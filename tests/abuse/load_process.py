"""A process that sends fuzzed calls to services until it is killed.

    python -m tests.abuse.load_process '{"tts": "127.0.0.1:50052", ...}'

It runs at the lowest priority, so that a measurement beside it shows the load of the services and not of this client.
"""

from __future__ import annotations

import json
import os
import sys
import threading

import grpc

from tests.abuse.processes import OPTIONS
from tests.abuse.rpcs import RPCS, Rpc, call

THREADS = 6
EXCLUDED = ("Stop",)
"""RPCs that may stop the turns of others by their contract."""


def send_cases(addresses: dict[str, str], rpcs: list[Rpc], number: int) -> None:
    """Send every `THREADS`-th case, from `number` on, until the process is killed."""
    channels = {name: grpc.insecure_channel(address, options=OPTIONS) for name, address in addresses.items()}
    index = number
    while True:
        rpc = rpcs[index % len(rpcs)]
        call(channels[rpc.service], rpc, rpc.case(7, index))
        index += THREADS


def main() -> None:
    """Send calls from `THREADS` threads."""
    os.nice(19)
    addresses: dict[str, str] = json.loads(sys.argv[1])
    rpcs = [rpc for rpc in RPCS.values() if rpc.service in addresses and rpc.name not in EXCLUDED and not rpc.endless]
    threads = [threading.Thread(target=send_cases, args=(addresses, rpcs, number)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    sys.stdout.write("started\n")
    sys.stdout.flush()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
