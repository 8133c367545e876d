"""The network in torch: a causal convolution, two recurrent layers, heads for the curves and one for the phones.

At row `i` it has (i + 1) / 60 s of audio and outputs frame `i - delay`: lips that close become audible only when they
open again, so a mouth without look-ahead would be late in every /p/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from services.face.lipsync.log_mel import ROW, SILENCE

DELAYS = {50: 3, 100: 6, 200: 12}
"""Look-ahead in milliseconds, from the frame's end, to the rows between a frame and the row whose output is that frame.

One trunk has outputs for all three: a caller takes the columns of the look-ahead that it uses.
"""
DEFAULT = 100
"""The look-ahead that is evaluated during training, and the service's default."""


@dataclass(frozen=True)
class Sizes:
    """Widths of the layers."""

    curves: int
    phones: int
    width: int = 160
    kernel: int = 5
    """Rows in the convolution's input, the current one and those before it."""


class LipNetwork(nn.Module):  # type: ignore[misc,unused-ignore]
    """Maps feature rows to curves, carrying its state across calls."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.convolution = nn.Linear(ROW * sizes.kernel, sizes.width)
        self.first = nn.GRU(sizes.width, sizes.width, batch_first=True)
        self.second = nn.GRU(sizes.width, sizes.width, batch_first=True)
        self.curves = nn.Linear(sizes.width, len(DELAYS) * sizes.curves)
        self.phones = nn.Linear(sizes.width, sizes.phones)
        self.dropout = nn.Dropout(0.15)

    def begin(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the initial state: previous rows of silence (B, kernel - 1, ROW) and two hidden states (1, B, W)."""
        hidden = torch.zeros(1, batch, self.sizes.width)
        return torch.full((batch, self.sizes.kernel - 1, ROW), SILENCE), hidden, hidden.clone()

    def forward(
        self, rows: Tensor, previous: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return curves and phone scores for each row.

        Args:
            rows: (B, T, ROW) features.
            previous: (B, kernel - 1, ROW) the rows before them.
            first: (1, B, W) hidden state of the first recurrent layer.
            second: (1, B, W) of the second.

        Returns:
            Curves (B, T, delays * curves) in the order of `DELAYS`, phone scores (B, T, phones), and the three states
            after the last row.
        """
        padded = torch.cat([previous, rows], dim=1)  # (B, K - 1 + T, ROW)
        steps = rows.shape[1]
        seen = torch.cat([padded[:, k : k + steps] for k in range(self.sizes.kernel)], dim=2)  # (B, T, K ROW)
        h = torch.nn.functional.gelu(self.convolution(seen))  # (B, T, W)
        low, first = self.first(self.dropout(h), first)
        high, second = self.second(self.dropout(low), second)
        mixed = self.dropout(high + low)
        return self.curves(mixed), self.phones(mixed), padded[:, -(self.sizes.kernel - 1) :], first, second


class Ensemble(nn.Module):  # type: ignore[misc,unused-ignore]
    """An ensemble of networks: its curves are the mean of theirs, which averages out their individual errors."""

    def __init__(self, members: Sequence[LipNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.width = sum(member.sizes.width for member in members)
        """Width of its hidden states: those of all members, concatenated."""

    def begin(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the initial state: previous rows of silence (B, kernel - 1, ROW), two hidden states (1, B, width)."""
        hidden = torch.zeros(1, batch, self.width)
        return self.members[0].begin(batch)[0], hidden, hidden.clone()

    def forward(
        self, rows: Tensor, previous: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return curves (B, T, delays * curves) and states as a member does, without phone scores."""
        share = self.width // len(self.members)
        parts = zip(self.members, first.split(share, dim=2), second.split(share, dim=2), strict=True)
        curves, _, lasts, firsts, seconds = zip(
            *(one(rows, previous, low, high) for one, low, high in parts), strict=True
        )
        return torch.stack(curves).mean(dim=0), lasts[0], torch.cat(firsts, dim=2), torch.cat(seconds, dim=2)
