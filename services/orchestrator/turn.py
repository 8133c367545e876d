"""One turn: a prompt or a text becomes words, voice, face and sound, until it ends or is silenced.

Four stages run side by side, each an async generator of events. The turn merges their events and handles each in one
`match`: words go to the voice, sound goes to the face and the player, frames go to the player, and everything worth
reading goes to the client. One task group owns the stages; they end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence

from neurosync.v1 import face_pb2, llm_pb2, media_pb2, orchestrator_pb2, player_pb2, tts_pb2
from neurosync.v1.orchestrator_pb2 import ConverseRequest, Stage
from neurosync.v1.outcome_pb2 import Reason
from services.common.wire import seconds_of
from services.orchestrator.history import HistoryEntry
from services.orchestrator.record.outcome import CRASHED, Failed, Interrupted, Silenced, decide, write_outcome
from services.orchestrator.record.report import Report, sentence_timings
from services.orchestrator.record.summary import TurnSummary
from services.orchestrator.record.transcript import Transcript
from services.orchestrator.record.turn_emotions import TurnEmotions
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.stages.connections import NAMES, Connections, StageError
from services.orchestrator.stages.events import SentenceFinished, SentenceStarted, StageEnded, StageNotice, WordsTimed
from services.orchestrator.stages.face_stage import FaceStage
from services.orchestrator.stages.inbox import Event, Inbox, StageEvent
from services.orchestrator.stages.llm_stage import generate, split
from services.orchestrator.stages.player_stage import PlayerStage
from services.orchestrator.stages.sentence_queue import SentenceQueue
from services.orchestrator.stages.tts_stage import VoiceOptions, speak

logger = logging.getLogger(__name__)

LAST_EVENT_SECONDS = 2.0  # for the player's last event after Stop: the fade, the device's latency, and a margin
LAST_WORDS_SECONDS = 0.4  # for the times of the words that were heard; longer: exact more often, the next turn later


class Turn:
    """One turn, from its request to its last event. `run` performs it; `silence` ends it early."""

    def __init__(
        self,
        request: ConverseRequest,
        accepted: orchestrator_pb2.TurnAccepted,
        connections: Connections,
        settings: OrchestratorSettings,
    ) -> None:
        """Make the turn that `accepted` names, for `request`."""
        self.turn_id = accepted.turn_id
        self.request = request
        self.started = accepted.started.ToNanoseconds() / 1e9
        """Seconds since the epoch."""
        self.ended = asyncio.Event()
        self.finished = orchestrator_pb2.TurnFinished(turn_id=self.turn_id)
        """How it went; complete once `run` has returned, and a failure where it did not."""
        write_outcome(CRASHED, self.finished)
        self._connections = connections
        self._rate, self._ahead = settings.sample_rate, round(settings.sound_ahead * settings.sample_rate)
        self._report = Report(include_media=request.include_media)
        self._summary = TurnSummary()
        self._transcript = Transcript()
        self._emotions = TurnEmotions(request.emotions)
        self._sentences = SentenceQueue()
        self._face = FaceStage(connections, self._rate)
        self._player = PlayerStage(connections, self.turn_id, request, self._rate)
        self._inbox = Inbox()
        self._ended_stages: set[Stage.ValueType] = set()
        self._slow_stages: set[Stage.ValueType] = set()
        self._silenced: Silenced | None = None
        self.silence_requested = asyncio.Event()
        """Set once somebody asks for an early end."""
        self._failure: Failed | None = None
        self._performed: player_pb2.PerformFinished | None = None
        self.events = self._report.events
        self.detach = self._report.detach
        self._report.publish(accepted=accepted)

    async def run(self, history: Sequence[HistoryEntry]) -> None:
        """Perform the turn after `history`, unless it was silenced while it waited; then `finished` is complete."""
        if not self.silence_requested.is_set():
            await self._perform(history)
        self._finish()

    async def _perform(self, history: Sequence[HistoryEntry]) -> None:
        """Run the stages and handle their events to the end."""
        self._open()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._inbox.collect(stage, events), name=f"{NAMES[stage]} {self.turn_id}")
                    for stage, events in self._stages(history)
                ]
                tasks.append(group.create_task(self._stop_when_requested(tasks[0]), name=f"stop {self.turn_id}"))
                try:
                    await self._handle_events()
                finally:
                    for task in tasks:
                        task.cancel()
        except* Exception as errors:  # nothing that is foreseen comes here
            logger.error("turn failed turn=%s", self.turn_id, exc_info=errors)
            self._failure = CRASHED
            with contextlib.suppress(StageError):
                await self._player.stop()

    async def silence(self, outcome: Silenced) -> None:
        """End the turn early with `outcome`, and wait, a bounded time, until it has ended."""
        self.request_silence(outcome)
        await self.ended.wait()

    def close(self) -> None:
        """Send the client the last event; the turn has then ended for everybody."""
        self._report.publish(finished=self.finished)
        self._report.close()
        self.ended.set()

    # The stages, and the tasks that run them.

    def _stages(
        self, history: Sequence[HistoryEntry]
    ) -> list[tuple[Stage.ValueType, AsyncGenerator[StageEvent, None]]]:
        """Return the four stages in the order of the data."""
        if self.request.WhichOneof("input") == "prompt":
            words = generate(self._connections, self.request, history, self._sentences.room)
        else:
            words = split(self.request.speak, self._sentences.room)
        options = VoiceOptions(self.request.voice, self.request.speed, self._rate)
        speech = speak(aiter(self._sentences), self._connections, options, self._sentence_wanted)
        return [
            (Stage.STAGE_LLM, words),
            (Stage.STAGE_TTS, speech),
            (Stage.STAGE_FACE, self._face.events()),
            (Stage.STAGE_PLAYER, self._player.events()),
        ]

    async def _sentence_wanted(self, before: int, sample: int) -> None:
        """Wait until the sentence that began at sample `before` is heard, or little sound is left before `sample`."""
        await self._player.wait_heard(min(before + 1, sample - self._ahead))

    async def _stop_when_requested(self, words: asyncio.Task[None]) -> None:
        """Stop the words, and the player, which is what the person hears; its last event then ends the turn."""
        await self.silence_requested.wait()
        words.cancel()
        reason = "it sent no last event"
        try:
            await self._player.stop()
            await asyncio.sleep(LAST_EVENT_SECONDS)
        except StageError as failure:
            reason = str(failure)
        logger.warning("player did not confirm a stop turn=%s reason=%s", self.turn_id, reason)
        self._player.abandon()

    def request_silence(self, outcome: Silenced) -> None:
        """Ask for an early end; the first `outcome` counts."""
        if self._silenced is None and not self.ended.is_set():
            self._silenced = outcome
            self.silence_requested.set()

    # The events.

    async def _handle_events(self) -> None:
        """Handle events until the player is done; words that may have been heard get a little time for theirs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as limit:
                while not self._is_over():
                    self._handle(await self._inbox.next())
                    if self._report.is_overrun:
                        self.request_silence(Interrupted(Reason.REASON_CLIENT_TOO_SLOW))
                    if Stage.STAGE_PLAYER in self._ended_stages and limit.when() is None:
                        limit.reschedule(asyncio.get_running_loop().time() + LAST_WORDS_SECONDS)

    def _is_over(self) -> bool:
        if Stage.STAGE_PLAYER not in self._ended_stages:
            return False
        heard = self._player.heard_sample_count
        return Stage.STAGE_TTS in self._ended_stages or not self._transcript.lacks_words(heard)

    def _handle(self, event: Event) -> None:
        """Pass one event of a stage on to the stages after it, and to the client."""
        match event:
            case llm_pb2.GenerateStarted():
                self._summary.note_words_started(event)
            case llm_pb2.TextDelta():
                self._report.mark("first_word")
                self._summary.text += event.text
                self._report.publish(delta=event)
            case llm_pb2.Sentence():
                self._report.mark("first_sentence")
                self._report.publish(sentence=event)
                self._sentences.put(event)
            case llm_pb2.GenerateFinished():
                self._summary.note_words_finished(event)

            case SentenceStarted():
                sentence = self._transcript.begin(event.text, event.start_char, event.start_sample)
                self._send_emotions(self._emotions.leading(sentence))
                self._face.begin_sentence(event.start_sample)
            case tts_pb2.SpeechHeader():
                self._summary.note_speech_header(event)
            case media_pb2.AudioChunk():
                self._report.mark("first_audio")
                self._player.send_audio(event)
                self._face.push(event)
                self._report.publish_media(audio=event)
            case WordsTimed():
                self._transcript.add_words(event.words)
            case SentenceFinished():
                self._finish_sentence(event)
            case tts_pb2.SpeechFinished():
                self._summary.note_speech_finished(event)

            case media_pb2.FrameHeader():
                if self._summary.note_frame_header(event):
                    self._player.send_header(event)
                    self._report.publish_media(frame_header=event)
            case media_pb2.FrameBatch():
                self._report.mark("first_frame")
                self._player.send_frames(event)
                self._report.publish_media(frames=event)
            case media_pb2.EmotionKey():
                self._send_emotions(self._emotions.recognized(event))
            case face_pb2.AnimateFinished():
                self._summary.note_face_finished(event)

            case player_pb2.PerformStarted():
                self._report.mark("first_sound", since=seconds_of(event.heard_for))
                self._summary.note_sound_started(event)
                self._report.publish_started(event, self._summary.timings(self._report.timings()))
            case player_pb2.PerformPosition():
                sample = event.heard_sample_count
                self._report.publish_heard(self._transcript.newly_heard(sample), sample)
            case player_pb2.PerformNotice():
                self._report.publish_notice(Stage.STAGE_PLAYER, event.reason, event.message)
            case player_pb2.PerformFinished():
                self._performed = event
                self._summary.note_counters(event.counters)

            case StageNotice():
                self._notice(event.error)
            case StageEnded():
                self._end_stage(event.stage, event.error)

    def _open(self) -> None:
        """Publish the format of the sound, and send the emotions that the turn begins with."""
        if self.request.WhichOneof("input") == "speak":
            self._summary.text = self.request.speak
        self._report.publish_media(audio_format=media_pb2.AudioFormat(sample_rate_hertz=self._rate))
        self._send_emotions(self._emotions.opening())

    def _finish_sentence(self, event: SentenceFinished) -> None:
        sentence = self._transcript.finish(event.end_sample, is_broken=event.is_broken)
        if event.is_broken and event.end_sample == sentence.start_sample:
            return  # none of it was made
        self._face.end_sentence()
        self._send_emotions(self._emotions.following(sentence))
        self._report.publish(timings=sentence_timings(event.index, sentence, event.phonemes))

    def _end_stage(self, stage: Stage.ValueType, error: StageError | None) -> None:
        """Note that a stage is done: the stage after it then gets no more."""
        self._ended_stages.add(stage)
        if error is not None and self._failure is None:
            self._failure = Failed(error.stage, error.reason, str(error), error.retryable)
        match stage:
            case Stage.STAGE_LLM:
                self._sentences.close()
            case Stage.STAGE_TTS:
                self._face.end()
            case Stage.STAGE_FACE:
                self._player.end()

    def _notice(self, error: StageError) -> None:
        """Publish a failure that the turn survives; that a stage is slow is published once."""
        if error.reason == Reason.REASON_STAGE_SLOW:
            if error.stage in self._slow_stages:
                return
            self._slow_stages.add(error.stage)
        logger.warning("stage failed turn=%s stage=%s reason=%s", self.turn_id, NAMES[error.stage], error)
        self._report.publish_notice(error.stage, error.reason, str(error))

    def _send_emotions(self, keys: Sequence[media_pb2.EmotionKey]) -> None:
        for key in keys:
            self._player.send_emotion(key)
            self._report.publish_media(emotion=key)

    # The end.

    def _finish(self) -> None:
        """Complete `finished`."""
        heard = self._player.heard_sample_count
        self._transcript.estimate(heard, self._rate)
        self._report.publish_heard(self._transcript.newly_heard(heard), heard)
        self._report.mark("total")
        self.finished = finished = self._summary.finished(self._report.timings())
        finished.turn_id, finished.heard_sample_count = self.turn_id, heard
        finished.heard_text = self._transcript.heard_text(heard)
        finished.sample_rate_hertz = self._rate if self._transcript.sentences else 0
        player = self._connections.addresses[Stage.STAGE_PLAYER]
        write_outcome(decide(self._silenced, self._failure, self._performed, player), finished)
