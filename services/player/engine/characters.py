"""The characters that live on one output: those of the settings, and guests that come with their first turn."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping

from services.common.errors import BusyError
from services.player.engine.character import Character
from services.player.face.composition import FaceConfiguration, Recordings


class Characters(Mapping[str, Character]):
    """Characters by name.

    A guest, which was not there from the start, stays until another needs its place: the guest that was silent for
    longest is removed, but none that has a turn.
    """

    def __init__(
        self,
        names: Iterable[str],
        *,
        seed: int,
        max_characters: int,
        configuration: FaceConfiguration,
        recordings: Recordings,
    ) -> None:
        """Make the characters that live from the start.

        Args:
            names: Their names.
            seed: Of the idle life; the same seed gives the same life.
            max_characters: How many may live at once.
            configuration: Of a face that comes to life.
            recordings: Replace what a face would do of itself.
        """
        self.configuration = configuration
        self._seed = seed
        self._recordings = recordings
        self._max_characters = max_characters
        self._by_name: dict[str, Character] = {}
        self._used: dict[str, int] = {}  # the device sample at which each guest got its last turn
        for name in names:
            self.require(name, 0)
        self._used.clear()  # these are no guests

    def __getitem__(self, name: str) -> Character:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def require(self, name: str, sample: int) -> Character:
        """Return the character of this name; a new one comes to life at device sample `sample`.

        Raises:
            BusyError: Too many characters live, and all guests have turns.
        """
        if name not in self._by_name:
            if len(self._by_name) >= self._max_characters:
                self._remove_silent_guest()
            self._used[name] = sample
            seed = zlib.crc32(name.encode(), self._seed)
            self._by_name[name] = Character(name, seed, self.configuration, self._recordings)
        return self._by_name[name]

    def note_use(self, name: str, sample: int) -> None:
        """Record that a character got a turn at device sample `sample`."""
        if name in self._used:
            self._used[name] = sample

    def _remove_silent_guest(self) -> None:
        silent = [guest for guest in self._used if not self._by_name[guest].turns]
        if not silent:
            raise BusyError(f"{self._max_characters} characters are alive; raise max_subjects for more")
        oldest = min(silent, key=self._used.__getitem__)
        del self._by_name[oldest], self._used[oldest]
