"""A waterfall chart of one turn as SVG: when each stage started, and how long it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

WIDTH, LEFT, ROW, TOP = 900, 210, 30, 64
COLOURS = {"orchestrator": "#64748b", "llm": "#7c3aed", "tts": "#0891b2", "face": "#16a34a", "player": "#ea580c"}

Bar = tuple[str, str, float, float]
"""Label, stage, start and end in seconds from the start of the call."""


def bars(stages: Mapping[str, float]) -> list[Bar]:
    """Return the bars in order of time; `stages` are seconds, named as in `TurnFinished.timings`."""
    made: list[Bar] = []
    begun = 0.0
    if "first_word" in stages:
        made += [("first word", "llm", 0, stages["first_word"])]
        made += [("first clause", "llm", stages["first_word"], stages["first_sentence"])]
        begun = stages["first_sentence"]
    voice = stages.get("tts.first_audio", stages["first_audio"] - begun)
    made.append(("orchestrator and gRPC", "orchestrator", begun, stages["first_audio"] - voice))
    made.append(("first sound is synthesized", "tts", stages["first_audio"] - voice, stages["first_audio"]))
    if "first_frame" in stages:
        made.append(("first frames are computed", "face", stages["first_audio"], stages["first_frame"]))
    since = min(stages.get("player.since_audio", stages["first_sound"]), stages["first_sound"])
    made.append(("waits for frames and a tick, device", "player", stages["first_sound"] - since, stages["first_sound"]))
    return made


def draw(path: Path, title: str, note: str, rows: Sequence[Bar]) -> None:
    """Write the chart."""
    end = max(last for *_, last in rows)
    scale = (WIDTH - LEFT - 90) / end
    height = TOP + ROW * len(rows) + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        'font-size="13" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="bold" fill="#0f172a">{escape(title)}</text>',
        f'<text x="16" y="46" fill="#64748b">{escape(note)}</text>',
    ]
    for step in range(6):
        x = LEFT + (WIDTH - LEFT - 90) * step / 5
        parts.append(f'<path d="M{x:.1f} {TOP - 6}V{height - 34}" stroke="#e2e8f0"/>')
        parts.append(
            f'<text x="{x:.1f}" y="{height - 16}" text-anchor="middle" fill="#64748b">'
            f"{1000 * end * step / 5:.0f} ms</text>"
        )
    for number, (label, stage, first, last) in enumerate(rows):
        y, x, width = TOP + ROW * number, LEFT + first * scale, max((last - first) * scale, 2)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 17}" text-anchor="end" fill="#0f172a">{escape(label)}</text>')
        parts.append(f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="20" rx="3" fill="{COLOURS[stage]}"/>')
        parts.append(f'<text x="{x + width + 6:.1f}" y="{y + 17}" fill="#334155">{1000 * (last - first):.0f} ms</text>')
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")
