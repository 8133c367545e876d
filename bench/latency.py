"""How soon the character answers: the whole chain beside its stages alone, same sentences, same processes, one run.

Durations are counted from the start of the call. "voice alone" asks the speech service for the same sentence with
nothing around it; the difference to the chain's first audio is what the orchestrator and gRPC add.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from dataclasses import dataclass

from bench.machine import describe, percentile
from neurosync.v1 import orchestrator_pb2_grpc, tts_pb2, tts_pb2_grpc
from neurosync.v1.orchestrator_pb2 import ConverseRequest
from services.cli.stack import Stack, started
from services.dialing import dial
from services.wire import seconds_of

SENTENCES = (
    "The kettle on the stove has been singing for a while now.",
    "We walked along the river until the lamps came on.",
    "Nobody told the baker that the oven was still warm.",
    "If you open the window, the cat will certainly leave us again.",
    "My sister keeps a small blue notebook under her pillow.",
    "A good map saves more time than a fast pair of shoes.",
    "They painted the old boat green before the summer started.",
    "Please remember to water the plants on the balcony every second evening.",
    "The train was late, so we shared a sandwich and a story.",
    "Every morning the same bird wakes the whole street at five.",
    "I would rather fix the bicycle myself than wait for another week.",
    "Her answer was short, polite, and completely impossible to misunderstand.",
    "There is a quiet place behind the library where people read.",
    "He bought three apples, two pears, and a very large melon.",
    "Behind the last house the road turns into a narrow path of sand.",
    "The museum closes at six, but the garden stays open until midnight.",
    "You can see the mountains from here when the air is clear.",
    "Our neighbour plays the piano badly, and with the greatest possible joy.",
    "Before the rain comes, let us carry the chairs and the table inside.",
    "What a strange and beautiful little machine you have built this time.",
)
PROMPTS = (
    "Who are you?",
    "What do you like to eat?",
    "Tell me about your day.",
    "Do you like music?",
    "How old are you?",
)
STAGES = ("first_word", "first_sentence", "first_audio", "first_frame", "first_sound")


@dataclass
class Chain:
    """The chain and one of its stages, reached side by side."""

    orchestrator: orchestrator_pb2_grpc.OrchestratorServiceAsyncStub
    tts: tts_pb2_grpc.SpeechServiceAsyncStub

    async def stages(self, request: ConverseRequest) -> dict[str, float]:
        """Perform one turn until its first sound, then cancel it; return seconds to each stage."""
        call = self.orchestrator.Converse(request, timeout=60)
        try:
            async for event in call:
                if event.HasField("started"):
                    return {timing.stage: seconds_of(timing.duration) for timing in event.started.timings}
        finally:
            call.cancel()
        raise RuntimeError("the turn ended before its first sound")

    async def voice_alone(self, text: str) -> float:
        """Return seconds from the call to the first sound of the speech service."""
        start = time.perf_counter()
        call = self.tts.Synthesize(tts_pb2.SynthesizeRequest(text=text, sample_rate_hertz=24_000), timeout=60)
        try:
            async for event in call:
                if event.HasField("audio"):
                    return time.perf_counter() - start
        finally:
            call.cancel()
        raise RuntimeError("no sound")


async def main() -> None:
    """Measure and print."""
    os.environ.setdefault("NEUROSYNC_PLAYER_OUTPUT", "none")
    os.environ.setdefault("NEUROSYNC_PLAYER_TARGETS", "127.0.0.1:9")
    print(describe())
    async with contextlib.AsyncExitStack() as resources:
        enter = resources.enter_async_context
        addresses = (await enter(started(Stack(tell=_tell, free_ports=True)))).addresses
        one, other = await enter(dial(addresses["orchestrator"])), await enter(dial(addresses["tts"]))
        chain = Chain(orchestrator_pb2_grpc.OrchestratorServiceStub(one), tts_pb2_grpc.SpeechServiceStub(other))
        await chain.stages(ConverseRequest(session_id="warm", speak="Ready."))
        said: list[dict[str, float]] = []
        alone: list[float] = []
        for sentence in SENTENCES:
            said.append(await chain.stages(ConverseRequest(session_id="bench", speak=sentence)))
            alone.append(await chain.voice_alone(sentence))
        asked = [await chain.stages(ConverseRequest(session_id="bench", prompt=prompt)) for prompt in PROMPTS * 2]
    _table(f"say, {len(said)} sentences of 8 to 14 words", said)
    _row("voice alone", alone)
    ratio = percentile([turn["first_audio"] for turn in said], 0.5) / percentile(alone, 0.5)
    print(f"  first audio of the chain / voice alone, p50: {ratio:.2f}")
    _table(f"ask, {len(asked)} prompts", asked)


def _table(title: str, turns: list[dict[str, float]]) -> None:
    print(f"\n{title}\n  {'ms':<16}{'p50':>8}{'p95':>8}{'max':>8}")
    for stage in STAGES:
        if values := [turn[stage] for turn in turns if stage in turn]:
            _row(stage, values)


def _row(name: str, values: list[float]) -> None:
    figures = (percentile(values, 0.5), percentile(values, 0.95), max(values))
    print(f"  {name:<16}" + "".join(f"{1000 * value:8.0f}" for value in figures))


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
