"""Networks that read events one after another and tell the next one: a GRU and a causal transformer, with one door."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from detectors.neural.vocabulary import END, UNKNOWN

UNSEEN = 0.01
"""Share of a training input's events that are shown as `UNKNOWN`, so that the network learns to go on after one."""

Memory = tuple[Tensor, ...]
"""What a network keeps of the events read so far."""


class Embeddings(nn.Module):
    """Events to vectors: the sum over fields of what was learnt of each token."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        tables = [nn.Embedding(size, width) for size in sizes]
        for table in tables:
            nn.init.normal_(table.weight, std=1.0 / math.sqrt(len(sizes)))
        self.of = nn.ModuleList(tables)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., F) -> (..., width)"""
        if self.training:
            hidden = torch.rand(tokens.shape[:-1], device=tokens.device) < UNSEEN
            tokens = tokens.masked_fill(hidden[..., None] & (tokens != END), UNKNOWN)
        vectors: Tensor = sum(table(tokens[..., j]) for j, table in enumerate(self.of))
        return vectors


class Recurrent(nn.Module):
    """A GRU (Cho et al., EMNLP 2014)."""

    def __init__(self, sizes: Sequence[int], width: int, layers: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(sizes, width)
        self.gru = nn.GRU(width, width, layers, batch_first=True)

    def forward(self, tokens: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """(B, L, F) tokens that follow what `memory` is of -> (B, L, width) states and the memory after them."""
        states, last = self.gru(self.embeddings(tokens), memory[0] if memory else None)
        return states, (last,)


class Transformer(nn.Module):
    """Pre-norm causal transformer; positions by linear biases (Press et al., ICLR 2022), so no length is foreign."""

    def __init__(self, sizes: Sequence[int], width: int, layers: int, heads: int = 4) -> None:
        super().__init__()
        self.embeddings = Embeddings(sizes, width)
        self.layers = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, memory: Memory = ()) -> tuple[Tensor, Memory]:
        """As `Recurrent.forward`; the memory is each layer's keys and values."""
        x, after = self.embeddings(tokens), []
        past = memory[0].shape[2] if memory else 0
        bias = causal_bias(tokens.shape[1], past, self.layers[0].heads, x)  # type: ignore[arg-type]
        for i, layer in enumerate(self.layers):
            x, kept = layer(x, bias, memory[2 * i : 2 * i + 2])
            after += kept
        return self.norm(x), tuple(after)


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, bias: Tensor, memory: Memory = ()) -> tuple[Tensor, list[Tensor]]:
        """`bias` (H or 1, L, past + L) is added to the attention's logits."""
        size, length, width = x.shape
        parts = self.qkv(self.first(x)).view(size, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        if memory:
            key, value = torch.cat((memory[0], key), 2), torch.cat((memory[1], value), 2)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        x = x + self.out(seen.transpose(1, 2).reshape(size, length, width))
        return x + self.down(functional.gelu(self.up(self.second(x)))), [key, value]


def slopes(heads: int, like: Tensor) -> Tensor:
    """(H, 1, 1) how fast each head's attention fades with distance: 1/2, 1/8, 1/32 ... for four heads."""
    powers = torch.arange(1, heads + 1, device=like.device, dtype=like.dtype) * (8.0 / heads)
    return (2.0**-powers)[:, None, None]


def causal_bias(length: int, past: int, heads: int, like: Tensor) -> Tensor:
    """(H, length, past + length): minus slope x distance, minus infinity for what lies ahead."""
    here = torch.arange(past, past + length, device=like.device)[:, None]
    there = torch.arange(past + length, device=like.device)
    bias = -slopes(heads, like) * (here - there).to(like.dtype)
    return bias.masked_fill(there > here, -math.inf)


class Heads(nn.Module):
    """A softmax for each field over that field's tokens only; a field knows the earlier fields of its event.

    So the chance of an event is the product of its fields' chances, and one step of the network tells all of them.
    """

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.of = nn.ModuleList(nn.Linear(width, size) for size in sizes)
        self.given = nn.ModuleList(nn.Embedding(size, width) for size in sizes[:-1])

    def forward(self, states: Tensor, events: Tensor) -> list[Tensor]:
        """(E, width) states and (E, F) the events after them -> per field (E, size) logarithms of chances."""
        told, chances = states, []
        for j, head in enumerate(self.of):
            logits = head(told if j == 0 else torch.tanh(told))
            # What is unknown is never learnt as an answer, and only a template's place may say that the session ends.
            logits[:, : END if j == 0 else END + 1] = -1e4
            chances.append(functional.log_softmax(logits, 1))
            if j < len(self.given):
                told = told + self.given[j](events[:, j])
        return chances


class NextEvent(nn.Module):
    """A reader and the heads upon it."""

    def __init__(self, reader: Recurrent | Transformer, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.reader = reader
        self.heads = Heads(sizes, width)
