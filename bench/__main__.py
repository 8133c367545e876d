"""The latency benchmark as a command: `python -m bench`."""

from __future__ import annotations

import asyncio

from bench import latency

if __name__ == "__main__":
    asyncio.run(latency.main())
