"""What `neurosync monitor` shows: a live picture on a terminal, a line a second elsewhere, a summary at the end."""

from __future__ import annotations

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from services.cli.monitoring.arrivals import Arrivals, SubjectArrivals, timecode_text
from services.cli.terminal.terminal_face import face_lines
from services.media.curves import INDEX

KEY_CURVES = ("JawOpen", "MouthClose", "MouthFunnel", "MouthSmileLeft", "EyeBlinkLeft", "HeadYaw")
"""Always shown: they show at a glance whether a face speaks, blinks and moves."""
ACTIVE_COUNT = 6
BAR_CELLS = 28


def live_picture(arrivals: Arrivals, where: str, seconds: float, now: float) -> RenderableType:
    """Return the live picture.

    Args:
        arrivals: What arrived.
        where: The address that is listened on.
        seconds: Since the start.
        now: On the clock of the arrivals, seconds.
    """
    counts = f"{arrivals.accepted_count} accepted, {arrivals.refused_count} refused"
    head = Text(f"UDP {where}  {seconds:.0f} s  {counts}   (Ctrl-C ends)", style="bold")
    parts: list[RenderableType] = [head]
    if not arrivals.subjects:
        parts.append(Text("no datagram that Unreal would take has arrived yet", style="yellow"))
    else:
        liveliest = max(arrivals.subjects.values(), key=_liveliness)
        parts += [_subject_table(arrivals, now), _face_and_bars(liveliest)]
    parts += [Text(f"refused {count} x: {reason}", style="red") for reason, count in arrivals.refused.most_common(5)]
    parts += [Text(f"not shown: {count} for {_plain(name)}") for name, count in arrivals.others.most_common(3)]
    return Group(*parts)


def state_line(arrivals: Arrivals, seconds: float, now: float) -> str:
    """Return the state in one line, for logs."""
    parts = [f"{seconds:4.0f} s  {arrivals.accepted_count} accepted, {arrivals.refused_count} refused"]
    for name, subject in arrivals.subjects.items():
        jaw = subject.datagram.values[INDEX["JawOpen"]]
        parts.append(
            f"{_plain(name)}: {subject.rate_now(now):.1f} Hz, gaps {_gaps(subject)} ms, "
            f"{timecode_text(subject.datagram)}, JawOpen {jaw:.2f}"
        )
    return "  ".join(parts)


def summary_lines(arrivals: Arrivals, seconds: float) -> list[str]:
    """Return the summary for people."""
    lines = [f"{arrivals.accepted_count} accepted, {arrivals.refused_count} refused in {seconds:.1f} s"]
    lines += [f"refused {count} x: {reason}" for reason, count in arrivals.refused.most_common()]
    lines += [f"not counted: {count} for subject {_plain(name)}" for name, count in arrivals.others.most_common()]
    for name, subject in arrivals.subjects.items():
        moving = int((subject.highest > subject.lowest).sum())
        lines += [
            f"subject {_plain(name)}",
            f"  rate           {subject.rate():.2f} Hz ({subject.accepted_count} frames)",
            f"  gaps           {_gaps(subject)} ms (median/p99/longest)",
            f"  jitter         {1000 * subject.jitter():.2f} ms",
            f"  timecode       {timecode_text(subject.datagram)} at {_rate_text(subject)}, "
            f"{subject.backwards_count} times backwards",
            f"  curves         {moving} moved, JawOpen up to {subject.highest[INDEX['JawOpen']]:.2f}",
        ]
        if subject.bad_rate_count:
            lines.append(
                f"  warning        {subject.bad_rate_count} frames without a usable rate: no timecode in Unreal"
            )
        if subject.not_finite_count:
            lines.append(f"  warning        {subject.not_finite_count} frames with a value that is no number")
    return lines


def _subject_table(arrivals: Arrivals, now: float) -> Table:
    table = Table(
        "subject", "Hz", "gaps ms (p50/p99/max)", "jitter ms", "timecode", "backwards", box=None, padding=(0, 2, 0, 0)
    )
    for name, subject in arrivals.subjects.items():
        rate = subject.rate_now(now)
        table.add_row(
            Text(_plain(name)),
            Text(f"{rate:.1f}", style="green" if rate else "red"),
            _gaps(subject),
            f"{1000 * subject.jitter():.2f}",
            timecode_text(subject.datagram),
            Text(str(subject.backwards_count), style="red" if subject.backwards_count else ""),
        )
    return table


def _face_and_bars(subject: SubjectArrivals) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row(Text("\n".join(face_lines(subject.datagram.values))), _bars(subject))
    return table


def _bars(subject: SubjectArrivals) -> Table:
    """Return bars of the curves that always matter, and of those that move most."""
    active = [name for name in subject.most_active(ACTIVE_COUNT + len(KEY_CURVES)) if name not in KEY_CURVES]
    table = Table.grid(padding=(0, 1))
    for name in (*KEY_CURVES, *sorted(active[:ACTIVE_COUNT])):
        value = float(subject.datagram.values[INDEX[name]])
        table.add_row(name, f"{value:+.2f}", Bar(1.0, 0.0, min(1.0, abs(value)), width=BAR_CELLS, color="cyan"))
    return table


def _liveliness(subject: SubjectArrivals) -> float:
    return float(subject.activity.sum())


def _gaps(subject: SubjectArrivals) -> str:
    return f"{1000 * subject.gap(0.5):.1f}/{1000 * subject.gap(0.99):.1f}/{1000 * subject.max_gap:.1f}"


def _rate_text(subject: SubjectArrivals) -> str:
    numerator, denominator = subject.datagram.rate
    return f"{numerator} Hz" if denominator == 1 else f"{numerator}/{denominator} Hz"


def _plain(name: str) -> str:
    """Return a name that came over the network as a terminal may show it: without control characters."""
    return "".join(character if character.isprintable() else "?" for character in name)
