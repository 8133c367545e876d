"""What Unreal receives while the character idles and speaks, judged by an independent receiver."""

from __future__ import annotations

import json

from tests.e2e.conftest import RunningStack


def test_the_wire_never_stops_idle_or_speaking(stack: RunningStack) -> None:
    receiver = stack.receiver(12)
    for text in ("Here I am, and I move my lips.", "Now I say something else."):
        done = stack.command("say", text, "--json")
        assert done.returncode == 0, done.stderr
    out, _ = receiver.communicate(timeout=60)
    heard = json.loads(out)
    assert heard["refused"] == {}
    assert 59.8 <= heard["rate_hertz"] <= 60.2
    assert heard["timecode_backwards_count"] == heard["bad_rate_count"] == heard["not_finite_count"] == 0
    assert -1 <= heard["value_min"] <= heard["value_max"] <= 1
    assert heard["jaw_open_max"] > 0.1
    assert heard["moving_curve_count"] > 30
