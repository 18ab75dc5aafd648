"""Dropout by few random bits."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_STEPS = 2**16


class Dropout(nn.Dropout):
    """Dropout whose probability is a multiple of 2^-16, the nearest one, on CPUs.

    Four entries share a random number, which takes a quarter of the time of drawing one for each.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the input with entries set to zero at random, and the others scaled."""
        dropped = round(self.p * _STEPS)
        in_steps = 0 < dropped < _STEPS and not torch.compiler.is_compiling()
        if not (self.training and in_steps and input.device.type == "cpu"):
            return F.dropout(input, self.p, self.training)
        numbers = torch.empty(-(-input.numel() // 4), dtype=torch.long).random_(-(2**63), None)
        bits = numbers.view(torch.int16)[: input.numel()].view(input.shape)
        # 1 where bits, from -2^15 to 2^15 - 1, are not among the lowest that are dropped.
        kept = bits.float().add_(_STEPS // 2 + 1 - dropped).clamp_(0, 1)
        return input * kept.mul_(_STEPS / (_STEPS - dropped)).to(input.dtype)
