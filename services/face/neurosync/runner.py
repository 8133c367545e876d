"""Runs the network on windows of feature rows, in batches that suit the device."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

import torch
from torch import Tensor

from services.common.types import Floats
from services.face.neurosync.network import Network

BATCH_ON_CPU = 4
"""Windows a pass. More are no faster there, and each takes 7 MB."""
BATCH_ON_GPU = 32
"""Windows a pass. Larger: more streams share one read of the weights; smaller: the first of them waits less."""


class WindowRunner(Protocol):
    """Answers windows of feature rows, now or later."""

    @property
    def outputs(self) -> int:
        """Values in a row of an answer."""

    def submit(self, windows: Tensor) -> Future[Floats]:
        """Map windows (B, T, inputs) to curves and emotions in percent, float32 (B, T, outputs)."""


class DirectRunner:
    """Runs the network in the calling thread. Not thread-safe."""

    def __init__(self, network: Network) -> None:
        """Take a loaded network."""
        self._network = network
        weight = network.encoder.layer_norm.weight
        self._device, self._precision = weight.device, weight.dtype
        self.batch = BATCH_ON_CPU if self._device.type == "cpu" else BATCH_ON_GPU
        """Windows a pass at most."""

    @property
    def outputs(self) -> int:
        """Values in a row of an answer."""
        return self._network.sizes.outputs

    @torch.inference_mode()
    def answer(self, windows: Tensor) -> Floats:
        """Map windows (B, T, inputs), of any device and precision, to float32 (B, T, outputs)."""
        answers = [
            self._network(part.to(self._device, self._precision)).float().cpu() for part in windows.split(self.batch)
        ]
        return torch.cat(answers).numpy()

    def submit(self, windows: Tensor) -> Future[Floats]:
        """Run the windows now and return a completed future."""
        answers: Future[Floats] = Future()
        answers.set_result(self.answer(windows))
        return answers
