"""A small residual convolutional network in JAX: 3x3 convolutions, batch norm, global average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9

Parameters = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Convolution:
    """A 3x3 convolution, batch norm and ReLU; a residual one adds its input before the ReLU."""

    name: str
    channels_in: int
    channels_out: int
    stride: int
    residual: bool = False


LAYERS: tuple[Convolution, ...] = (
    Convolution("conv1", 3, 16, 2),
    Convolution("conv2", 16, 32, 2),
    Convolution("conv3", 32, 32, 1, residual=True),
    Convolution("conv4", 32, 64, 2),
    Convolution("conv5", 64, 64, 1, residual=True),
    Convolution("conv6", 64, 96, 2),
    Convolution("conv7", 96, 96, 1, residual=True),
)


def initial(seed: int, class_count: int) -> tuple[Parameters, Parameters]:
    """Fresh weights (He initialisation), and the running statistics of each batch norm."""
    random = np.random.default_rng(seed)
    weights: Parameters = {}
    statistics: Parameters = {}
    for layer in LAYERS:
        shape = (3, 3, layer.channels_in, layer.channels_out)
        deviation = np.sqrt(2 / (9 * layer.channels_in))
        weights[layer.name] = {
            "kernel": jnp.asarray(random.normal(0, deviation, shape), jnp.float32),
            "scale": jnp.ones(layer.channels_out),
            "shift": jnp.zeros(layer.channels_out),
        }
        statistics[layer.name] = {
            "mean": jnp.zeros(layer.channels_out),
            "variance": jnp.ones(layer.channels_out),
        }
    features = LAYERS[-1].channels_out
    kernel = random.normal(0, np.sqrt(1 / features), (features, class_count))
    weights["head"] = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.zeros(class_count)}
    return weights, statistics


def logits_of(
    weights: Parameters, statistics: Parameters, images: jax.Array
) -> tuple[jax.Array, Parameters]:
    """Training mode: normalises by the batch; returns logits and the updated statistics.

    `images` is `[batch, y, x, rgb]`; the logits are `[batch, classes]`.
    """
    updated: Parameters = {}
    x = images
    for layer in LAYERS:
        own, running = weights[layer.name], statistics[layer.name]
        y = jax.lax.conv_general_dilated(
            x,
            own["kernel"],
            window_strides=(layer.stride, layer.stride),
            padding=((1, 1), (1, 1)),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        mean, variance = y.mean((0, 1, 2)), y.var((0, 1, 2))
        updated[layer.name] = {
            "mean": _blend(running["mean"], mean),
            "variance": _blend(running["variance"], variance),
        }
        y = (y - mean) * (own["scale"] * jax.lax.rsqrt(variance + BATCH_NORM_EPSILON))
        y = y + own["shift"] + (x if layer.residual else 0)
        x = jax.nn.relu(y)
    head = weights["head"]
    return x.mean((1, 2)) @ head["kernel"] + head["bias"], updated


def _blend(running: jax.Array, fresh: jax.Array) -> jax.Array:
    return BATCH_NORM_MOMENTUM * running + (1 - BATCH_NORM_MOMENTUM) * fresh
