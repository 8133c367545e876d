"""A process that abuses services until it is killed: `python -m tests.abuse.abuser '{"tts": "127.0.0.1:50052", ...}'`.

It lets every other process go first, so that what is measured beside it is what the services do, not this client.
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
FREE = ("Stop",)
"""RPCs that may silence others by their contract."""


def abuse(addresses: dict[str, str], rpcs: list[Rpc], number: int) -> None:
    """Make one case after the other."""
    channels = {name: grpc.insecure_channel(address, options=OPTIONS) for name, address in addresses.items()}
    index = number
    while True:
        rpc = rpcs[index % len(rpcs)]
        call(channels[rpc.service], rpc, rpc.case(7, index))
        index += THREADS


def main() -> None:
    """Abuse with some threads."""
    os.nice(19)
    addresses: dict[str, str] = json.loads(sys.argv[1])
    rpcs = [rpc for rpc in RPCS.values() if rpc.service in addresses and rpc.name not in FREE and not rpc.endless]
    threads = [threading.Thread(target=abuse, args=(addresses, rpcs, number)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    sys.stdout.write("abusing\n")
    sys.stdout.flush()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
