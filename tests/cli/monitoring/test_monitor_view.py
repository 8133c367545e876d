"""The live picture, the state line and the summary."""

from __future__ import annotations

from rich.console import Console

from services.cli.monitoring.arrivals import Arrivals
from services.cli.monitoring.monitor_view import live_picture, state_line, summary_lines
from tests.cli.datagrams import NOON, packet


def test_the_picture_and_the_texts_show_what_matters_and_no_control_characters() -> None:
    arrivals = Arrivals()
    arrivals.add(b"junk", now=0)
    for index in range(60):
        arrivals.add(
            packet(NOON + index, subject="Ada\x1b[2J", JawOpen=index / 60, TongueOut=index / 90), now=index / 60
        )
    console = Console(width=100)
    with console.capture() as capture:
        console.print(live_picture(arrivals, "127.0.0.1:11111", 1, now=1))
    texts = [capture.get(), state_line(arrivals, 1, now=1), "\n".join(summary_lines(arrivals, 1))]
    for text in texts:
        assert "Ada?[2J" in text
        assert "\x1b" not in text
        assert "12:00:00:59" in text
        assert "60 accepted, 1 refused" in text
    assert all(name in texts[0] for name in ("JawOpen", "TongueOut", "+0.98", "█", "got 4"))
