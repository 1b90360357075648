"""Generated drawings as arrays, prepared as Sluice prepares them.

Shorter side to RESIZE, centre crop, RGB, (x - 127.5) / 127.5. Training keeps the whole RESIZE x
RESIZE square in memory and crops at random within it.
"""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

RESIZE = 110
CROP = 96
MEAN = 127.5
STD = 127.5

# Resizers differ a little; training on several keeps the model from leaning on one.
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)


@dataclass(frozen=True)
class Drawings:
    """Squares of RESIZE x RESIZE pixels, uint8 `[count, y, x, rgb]`, and their class indices."""

    squares: np.ndarray
    classes: np.ndarray


def generate(node: str, example: Path, folder: Path, count: int, seed: int) -> None:
    """Draws `count` scenes into `folder`, their true classes into `folder`.csv."""
    command = [node, str(example / "generate" / "main.ts"), "--out", str(folder)]
    command += ["--count", str(count), "--seed", str(seed), "--labels", f"{folder}.csv"]
    subprocess.run(command, check=True)


def load(folder: Path, truth: Path, labels: list[str]) -> Drawings:
    """Reads the drawings named in the CSV `truth` (columns `file` and `label`)."""
    with truth.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    squares = np.empty((len(rows), RESIZE, RESIZE, 3), np.uint8)
    for index, row in enumerate(rows):
        squares[index] = _square(folder / row["file"], FILTERS[index % len(FILTERS)])
    return Drawings(squares, np.array([labels.index(row["label"]) for row in rows], np.int32))


def _square(path: Path, resampling: Image.Resampling) -> np.ndarray:
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    scale = RESIZE / min(rgb.size)
    width, height = (max(RESIZE, round(side * scale)) for side in rgb.size)
    left, top = (width - RESIZE) // 2, (height - RESIZE) // 2
    resized = rgb.resize((width, height), resampling)
    return np.asarray(resized.crop((left, top, left + RESIZE, top + RESIZE)))


def centre_crops(squares: np.ndarray) -> np.ndarray:
    """What the model sees in use: float32 `[count, CROP, CROP, 3]`, normalised."""
    start = (RESIZE - CROP) // 2
    crops = squares[:, start : start + CROP, start : start + CROP]
    return (crops.astype(np.float32) - MEAN) / STD


def random_crops(squares: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Crops anywhere in the squares, with a little change of brightness; normalised."""
    starts = random.integers(0, RESIZE - CROP + 1, (len(squares), 2))
    crops = np.stack([s[y : y + CROP, x : x + CROP] for s, (y, x) in zip(squares, starts)])
    gains = random.uniform(0.88, 1.12, (len(squares), 1, 1, 1)).astype(np.float32)
    return (np.clip(crops * gains, 0, 255) - MEAN) / STD
