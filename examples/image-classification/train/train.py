"""Trains the street-scenes classifier on generated drawings and measures it on unseen ones.

Draws the training and the held-out set with the generator, trains on the CPU (about five minutes
on one core), writes model/street-scenes.onnx with its model.yaml, and ACCURACY.md from the ONNX
file as written. Nothing is chosen by looking at the held-out set: it is only measured, at the end.

Example: python train.py --work /tmp/street-scenes
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from pathlib import Path

import jax
import numpy as np
import onnxruntime
import optax

from dataset import CROP, RESIZE, Drawings, centre_crops, generate, load, random_crops
from export import write_model_yaml, write_onnx
from network import Parameters, initial, logits_of

EXAMPLE = Path(__file__).resolve().parent.parent
LABEL_SMOOTHING = 0.05


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for the drawings")
    parser.add_argument("--node", default=str(EXAMPLE.parents[1] / "node_modules/.bin/node"))
    parser.add_argument("--train-count", type=int, default=6000)
    parser.add_argument("--train-seed", type=int, default=101)
    parser.add_argument("--test-count", type=int, default=2000)
    parser.add_argument("--test-seed", type=int, default=303)
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=4e-3)
    parser.add_argument("--seed", type=int, default=1, help="of the initial weights and the order")
    return parser.parse_args()


def drawings(options: argparse.Namespace, part: str, labels: list[str]) -> Drawings:
    """The drawings of one part (`train` or `test`), drawn first where they are missing."""
    count, seed = getattr(options, f"{part}_count"), getattr(options, f"{part}_seed")
    folder = options.work / f"{part}-seed{seed}-count{count}"
    truth = Path(f"{folder}.csv")
    if not truth.exists():
        generate(options.node, EXAMPLE, folder, count, seed)
    return load(folder, truth, labels)


def train(
    options: argparse.Namespace, data: Drawings, class_count: int
) -> tuple[Parameters, Parameters]:
    """Adam with decoupled weight decay, one cosine cycle; returns weights and statistics."""
    weights, statistics = initial(options.seed, class_count)
    steps_per_epoch = len(data.classes) // options.batch
    steps = steps_per_epoch * options.epochs
    schedule = optax.warmup_cosine_decay_schedule(0.0, options.learning_rate, steps // 10, steps)
    optimizer = optax.adamw(schedule, weight_decay=1e-2)
    optimizer_state = optimizer.init(weights)

    def loss_of(
        weights: Parameters, statistics: Parameters, images: jax.Array, classes: jax.Array
    ) -> tuple[jax.Array, tuple[Parameters, jax.Array]]:
        logits, updated = logits_of(weights, statistics, images)
        targets = optax.smooth_labels(jax.nn.one_hot(classes, class_count), LABEL_SMOOTHING)
        loss = optax.softmax_cross_entropy(logits, targets).mean()
        return loss, (updated, (logits.argmax(1) == classes).mean())

    @partial(jax.jit, donate_argnums=(0, 1, 2))
    def step(weights, statistics, optimizer_state, images, classes):
        differentiate = jax.value_and_grad(loss_of, has_aux=True)
        (loss, (updated, right)), gradients = differentiate(weights, statistics, images, classes)
        changes, optimizer_state = optimizer.update(gradients, optimizer_state, weights)
        return optax.apply_updates(weights, changes), updated, optimizer_state, loss, right

    random = np.random.default_rng(options.seed)
    for epoch in range(options.epochs):
        started = time.monotonic()
        order = random.permutation(len(data.classes))[: steps_per_epoch * options.batch]
        rights, losses = [], []
        for chosen in order.reshape(steps_per_epoch, options.batch):
            images = random_crops(data.squares[chosen], random)
            weights, statistics, optimizer_state, loss, right = step(
                weights, statistics, optimizer_state, images, data.classes[chosen]
            )
            losses.append(float(loss))
            rights.append(float(right))
        seconds = time.monotonic() - started
        print(
            f"epoch {epoch + 1}/{options.epochs}: loss {np.mean(losses):.3f}, "
            f"training accuracy {np.mean(rights):.3f}, {seconds:.0f} s",
            flush=True,
        )
    return weights, statistics


def confusion_of(path: Path, data: Drawings, class_count: int) -> np.ndarray:
    """Counts `[true class, predicted class]`, by ONNX Runtime on the file as written."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    confusion = np.zeros((class_count, class_count), np.int64)
    for start in range(0, len(data.classes), 64):
        crops = centre_crops(data.squares[start : start + 64]).transpose(0, 3, 1, 2)
        (logits,) = session.run(["logits"], {"input": np.ascontiguousarray(crops)})
        np.add.at(confusion, (data.classes[start : start + 64], logits.argmax(1)), 1)
    return confusion


def report_of(
    options: argparse.Namespace, labels: list[str], held_out: np.ndarray, shipped: np.ndarray
) -> str:
    """ACCURACY.md."""
    rows = [["class", "held-out drawings", "right", "taken for"]]
    for index, label in enumerate(labels):
        total, right = held_out[index].sum(), held_out[index, index]
        mistakes = [
            f"{labels[other]} {count}"
            for other, count in enumerate(held_out[index])
            if other != index and count > 0
        ]
        rows.append([label, str(total), f"{right / total:.1%}", ", ".join(mistakes)])
    return "\n".join(
        [
            "# Accuracy of street-scenes.onnx",
            "",
            "Written by `train.py`, from the ONNX file as shipped.",
            "",
            f"- **Held-out drawings: {_accuracy(held_out)}** (generator seed {options.test_seed}, "
            "never seen in training; nothing was chosen by it).",
            f"- The drawings in `images/`: {_accuracy(shipped)} (never seen in training).",
            f"- Training: {options.train_count} drawings (generator seed {options.train_seed}), "
            f"{options.epochs} epochs, batch {options.batch}, AdamW with a cosine cycle from "
            f"{options.learning_rate}, seed {options.seed}.",
            f"- Preprocessing: shorter side to {RESIZE}, centre crop {CROP}, RGB, "
            "(x - 127.5) / 127.5; resized with Pillow (bilinear, bicubic and Lanczos in turn).",
            "",
            *_table(rows),
            "",
        ]
    )


def _table(rows: list[list[str]]) -> list[str]:
    """Markdown lines with aligned columns, as the project's formatter wants them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = ["-" * width for width in widths]
    return [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"
        for row in [rows[0], rule, *rows[1:]]
    ]


def _accuracy(confusion: np.ndarray) -> str:
    right, total = int(np.trace(confusion)), int(confusion.sum())
    return f"{right / total:.2%} ({right} of {total})"


def main() -> None:
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    model = EXAMPLE / "model" / "street-scenes.onnx"
    labels = (model.parent / "labels.txt").read_text().splitlines()
    weights, statistics = train(options, drawings(options, "train", labels), len(labels))
    write_onnx(model, weights, statistics)
    write_model_yaml(model)
    held_out = confusion_of(model, drawings(options, "test", labels), len(labels))
    images = load(EXAMPLE / "images", EXAMPLE / "images.csv", labels)
    shipped = confusion_of(model, images, len(labels))
    report = report_of(options, labels, held_out, shipped)
    (EXAMPLE / "train" / "ACCURACY.md").write_text(report)
    print(report)


if __name__ == "__main__":
    main()
