"""A map as a function of coordinates: random Fourier features, sine layers, gates modulated by the latent code.

Architecture and initial values as in the published code of NePhi (Tian et al.), written anew.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NePhiConfig
from .latents import Latents

_POINTS = 2048
_OMEGA = 30.0  # of all sine layers but the first of the synthesis, whose factor is 1

_DIRECT = 0.2  # of half the box: how far a code of 1 moves a point by a weight of 1


class CoordinateMLP(nn.Module):
    """Points (P, D) in normalised coordinates -> displacements (P, D) in normalised coordinates, unbounded.

    Its output layer begins as zero: a new one is the identity exactly.

    Not published is `direct`, a linear layer from the local codes to the displacement. Gates of sines are slow to learn
    what a code says wherever it stands: with the same encoder, pairs and time, brains at 4 mm, they explained 0.36 of
    the variance of known displacements after 1700 steps, with `direct` 0.34 after 290.
    """

    frequencies: Tensor  # (D, K) fixed at random, stored with the weights

    def __init__(self, config: NePhiConfig):
        super().__init__()
        dimensions, width, fourier = len(config.shape), config.hidden, 2 * config.frequencies
        self.register_buffer("frequencies", torch.randn(dimensions, config.frequencies))
        self.first = _sine_layer(fourier, width, first=True)
        self.layers = nn.ModuleList(_sine_layer(width, width) for _ in range(config.layers))
        self.output = nn.Linear(width, dimensions)
        codes = config.overall_codes + config.local_codes
        self.first_gate = _sine_layer(codes + fourier, width, first=True)
        self.gates = nn.ModuleList(_sine_layer(width, width) for _ in range(config.layers))
        self.direct = nn.Linear(config.local_codes, dimensions, bias=False) if config.direct else None
        for layer in (self.output, self.direct):
            if layer is not None:
                nn.init.zeros_(layer.weight)
        nn.init.zeros_(self.output.bias)

    def forward(self, points: Tensor, latents: Latents) -> Tensor:
        # Tensors of a few thousand points stay in the processor's caches.
        parts = zip(points.split(_POINTS), latents.at(points).split(_POINTS), strict=True)
        return torch.cat([self._block(some, local, latents.overall) for some, local in parts])

    def _block(self, points: Tensor, local: Tensor, overall: Tensor) -> Tensor:
        features = self._features(points)
        hidden = torch.sin(self.first(features))
        first_gate = gate = torch.sin(self._modulated(features, local, overall))
        for layer, gating in zip(self.layers, self.gates, strict=True):
            gate = torch.sin(_faster(gating, gate)) + first_gate
            hidden = gate * torch.sin(_faster(layer, hidden))
        found = self.output(hidden)
        return found if self.direct is None else found + _DIRECT * self.direct(local)

    def _features(self, points: Tensor) -> Tensor:
        angles = 2 * math.pi * (points @ self.frequencies)
        return torch.cat([torch.sin(angles), torch.cos(angles)], dim=1)

    def _modulated(self, features: Tensor, local: Tensor, overall: Tensor) -> Tensor:
        """The first gate's layer of [overall, local, features]; the global code is the same for all points."""
        weight, bias = _OMEGA * self.first_gate.weight, _OMEGA * self.first_gate.bias
        sizes = (overall.shape[0], local.shape[1], features.shape[1])
        of_overall, of_local, of_features = weight.split(sizes, dim=1)
        shared = F.linear(overall, of_overall, bias)
        return F.linear(features, of_features, shared) + F.linear(local, of_local)


def _faster(layer: nn.Linear, x: Tensor) -> Tensor:
    """_OMEGA times the layer's output; multiplied into its weights, which are fewer."""
    return F.linear(x, _OMEGA * layer.weight, _OMEGA * layer.bias)


def _sine_layer(inputs: int, outputs: int, first: bool = False) -> nn.Linear:
    """With the initial values of Sitzmann et al. 2020 (SIREN), which keep sines of sines well spread."""
    layer = nn.Linear(inputs, outputs)
    limit = 1 / inputs if first else math.sqrt(6 / inputs) / _OMEGA
    nn.init.uniform_(layer.weight, -limit, limit)
    nn.init.uniform_(layer.bias, -limit, limit)
    return layer
