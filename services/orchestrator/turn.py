"""One turn: a prompt or a text becomes words, voice, face and sound, until it ends or is interrupted.

The way of the data: `words` -> `voice` -> `animation` and `performance`; every stage tells the turn what it made, and
the turn passes it on and reports it as events.

The turn holds its parts, and they hold it weakly: a turn that is over leaves at once, without a collection of cycles.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
import weakref
from collections.abc import AsyncGenerator, Coroutine, Sequence
from typing import Any

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, player_pb2, tts_pb2
from neurosync.v1.orchestrator_pb2 import ConverseRequest, Stage
from services.common.wire import seconds_of
from services.orchestrator.account import Account
from services.orchestrator.ahead import ahead
from services.orchestrator.connections import HEAD_START_SECONDS, NAMES, StageError, Stages
from services.orchestrator.history import Entry
from services.orchestrator.report import Reporter, line_timings
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.stages import llm_stage as words
from services.orchestrator.stages.face_stage import Animation
from services.orchestrator.stages.player_stage import Performance
from services.orchestrator.stages.tts_stage import Manner, speak
from services.orchestrator.transcript import Line
from services.orchestrator.turn_emotions import Feelings
from services.orchestrator.weakly import weakly

logger = logging.getLogger(__name__)

FAREWELL_SECONDS = 2.0  # for the player's last word after a stop: the fade, the device's latency, and a margin
LAST_FRAMES_SECONDS = 3.0  # for the face to finish after the last sound
LAST_WORDS_SECONDS = 0.4  # for the times of the words that were heard; longer: exact more often, the next turn later


class Turn:
    """One turn, from its request to its last event. `run` performs it; `interrupt` ends it early."""

    def __init__(
        self, request: ConverseRequest, stages: Stages, settings: OrchestratorSettings, history: Sequence[Entry]
    ) -> None:
        self.turn_id = str(uuid.uuid4())
        self.started = time.time()
        self.ended = asyncio.Event()
        self.request = request
        self._stages, self._history = stages, history
        self._rate, self._ahead = settings.sample_rate, round(settings.sound_ahead * settings.sample_rate)
        self._account = Account(self._rate)
        self.finished = self._account.finished
        self._script = self._account.script
        self._slow: set[Stage.ValueType] = set()
        self._timed = asyncio.Event()
        self._report = Reporter(weakly(self._begin_interrupt))
        self.events = self._report.events
        self.forsake = self._report.forsake
        self._tasks: asyncio.TaskGroup
        self._children: dict[str, asyncio.Task[None]] = {}
        self._stopping: asyncio.Task[None] | None = None
        self._performance = Performance(
            stages,
            player_pb2.PerformConfig(
                turn_id=self.turn_id,
                subject=request.subject,
                format=media_pb2.AudioFormat(sample_rate_hertz=self._rate),
                policy=request.policy or player_pb2.BUSY_POLICY_REPLACE,
            ),
            weakly(self.on_slow),
        )
        self._feelings = Feelings(request.emotions, self._performance.send_emotion)
        self._animation = Animation(stages, self._rate, weakref.proxy(self))

    # The turn as its owner sees it.

    async def run(self) -> None:
        """Perform the turn; afterwards `finished` holds the account, and the owner calls `close`."""
        tell = self._report.tell
        accepted = orchestrator_pb2.TurnAccepted(turn_id=self.turn_id, subject=self.request.subject)
        accepted.started.FromNanoseconds(round(self.started * 1e9))
        tell(accepted=accepted)
        if self.request.include_media:
            tell(audio_format=media_pb2.AudioFormat(sample_rate_hertz=self._rate))
            self._feelings.tell(lambda key: tell(emotion=key))
        self._feelings.begin()
        async with asyncio.TaskGroup() as self._tasks:
            self.spawn(self._make(), name="make")
            try:
                await asyncio.sleep(HEAD_START_SECONDS)
                performed = await self._performance.run(self._on_performance)
                self._account.performed(performed, self._stages.addresses[Stage.STAGE_PLAYER])
            except StageError as failure:
                self._account.error = self._account.error or failure
            finally:
                await self._last_words()
                self._cancel_children()
        self._close_account()

    async def interrupt(self) -> None:
        """Silence the turn and wait, a bounded time, until it has ended."""
        self._begin_interrupt()
        if self._stopping is not None:
            await asyncio.shield(self._stopping)

    def close(self) -> None:
        """Tell the listener that all is done; the turn has then ended for everybody."""
        self._report.tell(finished=self.finished)
        self._report.close()
        self.ended.set()
        self._children.clear()  # a cancelled task keeps the frames it was in

    # What happens in it.

    async def _make(self) -> None:
        """Make words, voice and face, and end the performance when all of it is sent."""
        manner = Manner(self.request.voice, self.request.speed, self._rate)
        try:
            sentences = ahead(self._words(), self._on_words, self.spawn)
            await speak(sentences, self._stages, manner, self._script, self)
            async with asyncio.timeout(LAST_FRAMES_SECONDS):
                await self._animation.end()
        except StageError as failure:
            self._account.error = failure
        except TimeoutError:
            self.on_notice(self._stages.failure(Stage.STAGE_FACE, TimeoutError()))
        self._performance.end()

    def _words(self) -> AsyncGenerator[llm_pb2.Sentence, None]:
        if self.request.WhichOneof("input") == "prompt":
            return words.generate(self._stages, self.request, self._history, self)
        self._account.text = self.request.speak
        return words.split(self.request.speak)

    def _begin_interrupt(self) -> None:
        if self._stopping is None and not self.ended.is_set():
            self._account.interrupted = True
            self._stopping = asyncio.create_task(self._stop(), name=f"stop {self.turn_id}")

    async def _stop(self) -> None:
        """Stop the player first, as that is what the person hears, then the words; `run` ends the rest."""
        silencing = asyncio.create_task(self._performance.stop(), name=f"silence {self.turn_id}")
        self._cancel_children("words")
        try:
            await silencing
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self.ended.wait()
        except (StageError, TimeoutError) as failure:
            logger.warning("player did not confirm a stop turn=%s reason=%s", self.turn_id, failure)
            self._performance.abandon()
            await self.ended.wait()

    async def _last_words(self) -> None:
        """Wait a little for the times of words that may have been heard: they come after their sound."""
        heard = self._performance.heard_sample_count
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                while self._script.lacks_words(heard) and not self._children["make"].done():
                    self._timed.clear()
                    await self._timed.wait()

    def _cancel_children(self, *names: str) -> None:
        """End the tasks of these names, or all."""
        for name, task in self._children.items():
            if name in names or not names:
                task.cancel()

    def _close_account(self) -> None:
        """Write down how the turn ended."""
        heard = self._performance.heard_sample_count
        self._script.estimate(heard, self._rate)
        self._tell_heard(heard)
        self._report.mark("total")
        self._account.close(heard, self._report.timings())

    # What the stages tell.

    def _on_words(self, sentence: llm_pb2.Sentence) -> None:
        self._report.mark("first_sentence")
        self._report.tell(sentence=sentence)

    def on_words_started(self, started: llm_pb2.GenerateStarted) -> None:
        """Note who makes the words."""
        self._account.words_started(started)

    def on_delta(self, text: str) -> None:
        """Pass a piece of the reply on."""
        self._report.mark("first_word")
        self._account.text += text
        self._report.tell(delta=llm_pb2.TextDelta(text=text))

    def on_words_finished(self, finished: llm_pb2.GenerateFinished) -> None:
        """Note how long it took, and report a reply that was broken off."""
        self._account.words_finished(finished)
        if finished.reason == llm_pb2.FINISH_REASON_ERROR:
            self.on_notice(StageError(Stage.STAGE_LLM, finished.error_message or "the reply was broken off"))

    async def on_sentence(self, line: Line) -> None:
        """Wait until the sentence before is heard, or little sound is left; then be ready for this one's."""
        before = self._script.lines[-2].start_sample if len(self._script.lines) > 1 else -1
        await self._performance.heard(min(before + 1, line.start_sample - self._ahead))
        self._feelings.begin_line(line)
        self._animation.begin_sentence(line.start_sample)

    def on_speech_header(self, header: tts_pb2.SpeechHeader) -> None:
        """Note who speaks."""
        self._account.speech_header(header)

    def on_speech_finished(self, finished: tts_pb2.SpeechFinished) -> None:
        """Note how long the voice took."""
        self._account.speech_finished(finished)

    def on_audio(self, chunk: media_pb2.AudioChunk) -> None:
        """Send sound to the face and the player."""
        self._report.mark("first_audio")
        self._performance.send_audio(chunk)
        self._animation.push(chunk)
        if self.request.include_media:
            self._report.tell(audio=chunk)

    def on_line_finished(self, index: int, line: Line, phonemes: list[media_pb2.PhonemeTiming]) -> None:
        """Report where a sentence lies."""
        self._timed.set()
        self._animation.end_sentence()
        self._feelings.finish_line(line)
        self._report.tell(timings=line_timings(index, line, phonemes))

    def on_frame_header(self, header: media_pb2.FrameHeader) -> None:
        """Send the names of the curves on, once."""
        if self._account.frame_header(header):
            self._performance.send_header(header)
            if self.request.include_media:
                self._report.tell(frame_header=header)

    def on_frames(self, frames: media_pb2.FrameBatch) -> None:
        """Send frames to the player."""
        self._report.mark("first_frame")
        self._performance.send_frames(frames)
        if self.request.include_media:
            self._report.tell(frames=frames)

    def on_emotion(self, key: media_pb2.EmotionKey) -> None:
        """Feel what the face heard in the voice."""
        self._feelings.hear(key)

    def on_face_finished(self, finished: face_pb2.AnimateFinished) -> None:
        """Note how long the face took."""
        self._account.face_finished(finished)

    def on_face_failure(self, failure: StageError) -> None:
        """Report that the face is gone; the voice goes on."""
        self.on_notice(failure)

    def on_notice(self, failure: StageError) -> None:
        """Report a failure that the turn survives."""
        logger.warning("stage failed turn=%s stage=%s reason=%s", self.turn_id, NAMES[failure.stage], failure)
        self._report.tell(notice=orchestrator_pb2.TurnNotice(stage=failure.stage, message=str(failure)))

    def on_slow(self, slow: StageError) -> None:
        """Report, once, that a stage takes its time."""
        if slow.stage not in self._slow:
            self._slow.add(slow.stage)
            self.on_notice(slow)

    def _on_performance(self, event: player_pb2.PerformResponse) -> None:
        match event.WhichOneof("event"):
            case "started":
                self._report.mark("first_sound", since=seconds_of(event.started.heard_for))
                self._account.sound_started(event.started)
                started = orchestrator_pb2.TurnStarted(
                    timings=self._account.timings(self._report.timings()),
                    with_frames=event.started.with_frames,
                    heard_at=event.started.heard_at,
                )
                self._report.tell(started=started)
            case "position":
                self._tell_heard(event.position.heard_sample_count)
            case "notice":
                self._report.tell(
                    notice=orchestrator_pb2.TurnNotice(stage=Stage.STAGE_PLAYER, message=event.notice.message)
                )

    def _tell_heard(self, sample: int) -> None:
        if heard := self._account.heard(sample):
            self._report.tell(heard=heard)

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        """Start a task that ends with the turn."""
        task = self._tasks.create_task(work, name=f"{name} {self.turn_id}")
        self._children[name] = task
        return task
