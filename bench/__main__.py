"""The latency benchmark as a command: `python -m bench`."""

from __future__ import annotations

import asyncio

from bench.latency import first_sound

if __name__ == "__main__":
    asyncio.run(first_sound.main())
