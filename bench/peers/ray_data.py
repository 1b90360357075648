"""The image job with Ray Data: the same files, model and preprocessing as `npm run bench:images`.

    pip install "ray[data]" onnxruntime pillow numpy
    python bench/peers/ray_data.py --images ../shared/data/imagenet-150 \
        --model ../shared/data/models/mobilenetv2-u8.onnx --count 900

Prints one JSON line: images per second from the first read to the last result. A dataset starts its
actors anew (several seconds), so compare with a large --count.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime
import ray
from PIL import Image

RESIZE = 256
CROP = 224

NORMALIZATIONS = {
    # model name prefix -> (scale, mean, std); element = (pixel / scale - mean) / std
    "mobilenetv2": (1.0, [127.5] * 3, [127.5] * 3),
    "bench-resnet": (255.0, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}


def preprocess(row: dict) -> dict:
    """Decodes one image: shorter side to 256, centre crop 224, RGB bytes in HWC order."""
    image = Image.open(io.BytesIO(row["bytes"]))
    image.draft("RGB", (RESIZE, RESIZE))  # shrink while decoding, as libvips does
    image = image.convert("RGB")
    width, height = image.size
    ratio = RESIZE / min(width, height)
    image = image.resize((round(width * ratio), round(height * ratio)), Image.Resampling.BILINEAR)
    left = (image.width - CROP) // 2
    top = (image.height - CROP) // 2
    pixels = np.asarray(image.crop((left, top, left + CROP, top + CROP)), dtype=np.uint8)
    return {"path": row["path"], "pixels": pixels}


class Classifier:
    """One ONNX Runtime session per actor, one thread each: several actors beat several threads."""

    def __init__(self, model: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model, options)
        self.input = self.session.get_inputs()[0].name
        name = Path(model).name
        scale, mean, std = next(
            values for prefix, values in NORMALIZATIONS.items() if name.startswith(prefix)
        )
        self.factor = (1.0 / (scale * np.array(std))).astype(np.float32)
        self.offset = (np.array(mean) / np.array(std)).astype(np.float32)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = batch["pixels"].astype(np.float32) * self.factor - self.offset
        scores = self.session.run(None, {self.input: tensors.transpose(0, 3, 1, 2).copy()})[0]
        return {"path": batch["path"], "index": scores.argmax(axis=1)}


def run(paths: list[str], arguments: argparse.Namespace) -> float:
    """Classifies the files once; gives the seconds that it took."""
    started = time.perf_counter()
    results = (
        # Fractions of a core: whole ones for the actors would leave none for reading and decoding.
        ray.data.read_binary_files(
            paths,
            include_paths=True,
            ray_remote_args={"num_cpus": 0.25},
        )
        .map(preprocess, num_cpus=0.5)
        .map_batches(
            Classifier,
            fn_constructor_args=(str(Path(arguments.model).resolve()),),
            batch_size=arguments.batch,
            concurrency=arguments.actors,
            num_cpus=0.25,
        )
    )
    count = sum(len(batch["index"]) for batch in results.iter_batches(batch_size=256))
    if count != len(paths):
        raise SystemExit(f"{count} results of {len(paths)} images")
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", required=True, help="folder of images")
    parser.add_argument("--model", required=True, help="ONNX file")
    parser.add_argument("--count", type=int, default=900, help="images (the folder repeated)")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--actors", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    files = sorted(str(path.resolve()) for path in Path(arguments.images).iterdir())
    paths = [files[index % len(files)] for index in range(arguments.count)]
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    run(paths[: 2 * arguments.batch], arguments)
    rates = sorted(arguments.count / run(paths, arguments) for _ in range(arguments.rounds))
    median = rates[len(rates) // 2]
    print(json.dumps({"peer": f"ray {ray.__version__}", "imagesPerSecond": median, "all": rates}))


if __name__ == "__main__":
    main()
