"""Prepacks linear layers for the CPU: puts the weights into oneDNN's memory layout once, instead of in every product.

Windows are 128 rows high; at that height a CPU spends half as long on rearranging a weight matrix as on the product
itself. oneDNN, which comes with torch, accepts matrices that are in its layout already.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from services.face.neurosync.network import WINDOW


class PackedLinear(nn.Module):
    """A linear layer for the CPU, with the weights in oneDNN's layout."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.bias = linear.bias
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight, WINDOW)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., inputs) to (..., outputs)."""
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return y


def pack(module: nn.Module) -> None:
    """Replace the linear layers of a module on the CPU, one after the other, to hold one copy of the weights.

    Where this torch or this processor has no oneDNN, nothing is changed: only the speed differs.
    """
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_reorder_linear_weight"):
        return
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child))
        else:
            pack(child)
