"""A short soak test; `python -m bench.soak` runs a long one."""

from __future__ import annotations

import pytest

from bench.soak import soak


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_minute_of_random_turns_interruptions_and_kills_has_no_defect() -> None:
    record = await soak(1, seed=7)
    assert record.ends["turns"] > 5
    assert not record.defects
