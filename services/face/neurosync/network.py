"""The NeuroSync transformer: windows of feature rows in, curves and emotions in percent out.

Encoder and decoder are stacks of post-norm layers; the decoder's own input is the encoder's output, and nothing is
masked or autoregressive, so one pass answers a whole window. Attribute names are those of the published checkpoint.
Positions enter only through the rotation of queries and keys (rotary embeddings), and start at 0 in every window.

Letters in shapes: B windows, T rows of a window, D hidden width, H heads, E = D / H.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.face.neurosync.spectral_features import FEATURES

WINDOW = 128
"""Rows in a window of the published checkpoint, in training and here (2.1 s)."""
ROTATION_BASE = 10_000.0
EXPANSION = 4
"""Inner width of a feed-forward layer, as a multiple of D."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a network; the defaults are the published one's."""

    hidden: int = 1024
    layers: int = 8
    """Of the encoder, and of the decoder."""
    heads: int = 16
    outputs: int = 68
    """61 curves, or these and 7 emotions."""
    inputs: int = FEATURES


class Attention(nn.Module):
    """Multi-head attention with rotated queries and keys."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.q_linear = nn.Linear(sizes.hidden, sizes.hidden)
        self.k_linear = nn.Linear(sizes.hidden, sizes.hidden)
        self.v_linear = nn.Linear(sizes.hidden, sizes.hidden)
        self.out_linear = nn.Linear(sizes.hidden, sizes.hidden)

    def forward(self, queried: Tensor, attended: Tensor, rotations: Tensor) -> Tensor:
        """Attend from `queried` to `attended`, both (B, T, D); `rotations` is that of `rotary_table`."""
        q, k, v = (
            linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, T, D) -> (B, H, T, E)
            for linear, x in ((self.q_linear, queried), (self.k_linear, attended), (self.v_linear, attended))
        )
        mixed = functional.scaled_dot_product_attention(rotate(q, rotations), rotate(k, rotations), v)  # (B, H, T, E)
        return self.out_linear(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two linear layers with a wider one between them."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.linear1 = nn.Linear(sizes.hidden, EXPANSION * sizes.hidden)
        self.linear2 = nn.Linear(EXPANSION * sizes.hidden, sizes.hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        return self.linear2(functional.relu(self.linear1(x), inplace=True))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each with a residual connection and then normalisation."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn = Attention(sizes)
        self.ffn = FeedForward(sizes)
        self.norm1 = nn.LayerNorm(sizes.hidden)
        self.norm2 = nn.LayerNorm(sizes.hidden)

    def forward(self, x: Tensor, rotations: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        x = self.norm1(x + self.self_attn(x, x, rotations))
        return self.norm2(x + self.ffn(x))


class DecoderLayer(nn.Module):
    """An encoder layer with cross-attention to the encoder's output."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn = Attention(sizes)
        self.multihead_attn = Attention(sizes)
        self.ffn = FeedForward(sizes)
        self.norm1 = nn.LayerNorm(sizes.hidden)
        self.norm2 = nn.LayerNorm(sizes.hidden)
        self.norm3 = nn.LayerNorm(sizes.hidden)

    def forward(self, x: Tensor, encoded: Tensor, rotations: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, D)."""
        x = self.norm1(x + self.self_attn(x, x, rotations))
        x = self.norm2(x + self.multihead_attn(x, encoded, rotations))
        return self.norm3(x + self.ffn(x))


class FeatureEncoder(nn.Module):
    """Feature rows to the hidden states that the decoder attends to."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embedding = nn.Linear(sizes.inputs, sizes.hidden)
        self.transformer_encoder = nn.ModuleList(EncoderLayer(sizes) for _ in range(sizes.layers))
        self.layer_norm = nn.LayerNorm(sizes.hidden)

    def forward(self, rows: Tensor, rotations: Tensor) -> Tensor:
        """Map (B, T, inputs) to (B, T, D)."""
        x = self.embedding(rows)
        for layer in self.transformer_encoder:
            x = layer(x, rotations)
        return self.layer_norm(x)


class CurveDecoder(nn.Module):
    """The encoder's hidden states to curves and emotions."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.transformer_decoder = nn.ModuleList(DecoderLayer(sizes) for _ in range(sizes.layers))
        self.fc_output = nn.Linear(sizes.hidden, sizes.outputs)
        self.layer_norm = nn.LayerNorm(sizes.hidden)

    def forward(self, encoded: Tensor, rotations: Tensor) -> Tensor:
        """Map (B, T, D) to (B, T, outputs)."""
        x = encoded
        for layer in self.transformer_decoder:
            x = layer(x, encoded, rotations)
        return self.fc_output(self.layer_norm(x))


class Network(nn.Module):
    """The whole transformer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = FeatureEncoder(sizes)
        self.decoder = CurveDecoder(sizes)
        self._rotations: dict[int, Tensor] = {}  # by T; few lengths occur, and they are small

    def forward(self, rows: Tensor) -> Tensor:
        """Map windows of feature rows (B, T, inputs) to curves and emotions in percent (B, T, outputs)."""
        rotations = self.rotations_for(rows)
        return self.decoder(self.encoder(rows, rotations), rotations)

    def rotations_for(self, rows: Tensor) -> Tensor:
        """Return the rotations for windows (B, T, ...), on their device."""
        length = rows.shape[1]
        rotations = self._rotations.get(length)
        if rotations is None or rotations.device != rows.device:
            table = rotary_table(length, self.sizes.hidden // self.sizes.heads)
            rotations = self._rotations[length] = table.to(rows.device)
        return rotations


def rotary_table(length: int, width: int) -> Tensor:
    """Return each position's rotation of each pair of values: complex numbers of modulus 1, (length, width / 2)."""
    speeds = ROTATION_BASE ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    angles = torch.arange(length, dtype=torch.float32)[:, None] * speeds
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x: Tensor, rotations: Tensor) -> Tensor:
    """Rotate neighbouring values of (B, H, T, E), read as complex numbers, by `rotations` (T, E / 2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))  # (B, H, T, E / 2)
    return torch.view_as_real(pairs * rotations).flatten(-2).to(x.dtype)
