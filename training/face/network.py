"""The network: a causal convolution, two recurrent layers, heads for the curves and one for the phones.

At row `i` it has heard (i + 1) / 60 s and answers for the frames `i - delay`: closing lips are heard only when
they open again, so a mouth without look-ahead is late in every /p/.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from services.face.lipsync.log_mel import ROW, SILENCE

DELAYS = {50: 3, 100: 6, 200: 12}
"""Look-ahead in milliseconds to the rows between a frame and the row that answers for it, counted from the frame's end.

One trunk answers for all three at once: a caller takes the columns of the one it has time for.
"""
DEFAULT = 100
"""The look-ahead that is judged, and that ships as the default."""


@dataclass(frozen=True)
class Sizes:
    """Widths of the layers."""

    curves: int
    phones: int
    width: int = 160
    kernel: int = 5
    """Rows that the convolution sees, its own and the ones before it."""


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
        """Return the state before any sound: rows heard (B, kernel - 1, ROW), two hidden states (1, B, W)."""
        hidden = torch.zeros(1, batch, self.sizes.width)
        return torch.full((batch, self.sizes.kernel - 1, ROW), SILENCE), hidden, hidden.clone()

    def forward(
        self, rows: Tensor, heard: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Answer for each row.

        Args:
            rows: (B, T, ROW) features.
            heard: (B, kernel - 1, ROW) the rows before them.
            first: (1, B, W) hidden state of the first recurrent layer.
            second: (1, B, W) of the second.

        Returns:
            Curves (B, T, delays * curves) in the order of `DELAYS`, phone scores (B, T, phones), and the three states
            after the last row.
        """
        padded = torch.cat([heard, rows], dim=1)  # (B, K - 1 + T, ROW)
        steps = rows.shape[1]
        seen = torch.cat([padded[:, k : k + steps] for k in range(self.sizes.kernel)], dim=2)  # (B, T, K ROW)
        h = torch.nn.functional.gelu(self.convolution(seen))  # (B, T, W)
        low, first = self.first(self.dropout(h), first)
        high, second = self.second(self.dropout(low), second)
        mixed = self.dropout(high + low)
        return self.curves(mixed), self.phones(mixed), padded[:, -(self.sizes.kernel - 1) :], first, second


class Ensemble(nn.Module):  # type: ignore[misc,unused-ignore]
    """Networks that answer as one, with the mean of their curves: what one of them alone believes counts less."""

    def __init__(self, members: Sequence[LipNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.width = sum(member.sizes.width for member in members)
        """Of its hidden states, which hold those of all members, side by side."""

    def begin(self, batch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the state before any sound: rows heard (B, kernel - 1, ROW), two hidden states (1, B, width)."""
        hidden = torch.zeros(1, batch, self.width)
        return self.members[0].begin(batch)[0], hidden, hidden.clone()

    def forward(
        self, rows: Tensor, heard: Tensor, first: Tensor, second: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Answer rows and states as a member does, with curves (B, T, delays * curves) and states, without phones."""
        share = self.width // len(self.members)
        parts = zip(self.members, first.split(share, dim=2), second.split(share, dim=2), strict=True)
        curves, _, heards, firsts, seconds = zip(
            *(one(rows, heard, low, high) for one, low, high in parts), strict=True
        )
        return torch.stack(curves).mean(dim=0), heards[0], torch.cat(firsts, dim=2), torch.cat(seconds, dim=2)
