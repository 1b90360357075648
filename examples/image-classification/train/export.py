"""Writes the trained network as ONNX, with each batch norm folded into its convolution."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from dataset import CROP, MEAN, RESIZE, STD
from network import BATCH_NORM_EPSILON, LAYERS, Parameters

OPSET = 17
IR_VERSION = 8

MODEL_YAML = """\
name: street-scenes
version: "1"
file: {file}
sha256: {sha256}
input: {{ name: input, layout: NCHW, type: f32 }}
# x = (pixel / scale - mean) / std, where a pixel is 0..255
preprocessing:
  resize: {resize}
  crop: {crop}
  color: RGB
  scale: 1
  mean: [{mean}, {mean}, {mean}]
  std: [{std}, {std}, {std}]
output: {{ name: logits, kind: logits }}
labels: labels.txt
"""


def write_onnx(path: Path, weights: Parameters, statistics: Parameters) -> None:
    """`input` f32 `[batch, 3, CROP, CROP]` -> `logits` f32 `[batch, classes]`."""
    nodes: list[onnx.NodeProto] = []
    tensors: list[onnx.TensorProto] = []
    current = "input"
    for layer in LAYERS:
        kernel, bias = _folded(weights[layer.name], statistics[layer.name])
        tensors.append(numpy_helper.from_array(kernel, f"{layer.name}.weight"))
        tensors.append(numpy_helper.from_array(bias, f"{layer.name}.bias"))
        convolved = f"{layer.name}.out"
        nodes.append(
            helper.make_node(
                "Conv",
                [current, f"{layer.name}.weight", f"{layer.name}.bias"],
                [convolved],
                kernel_shape=[3, 3],
                strides=[layer.stride, layer.stride],
                pads=[1, 1, 1, 1],
            )
        )
        if layer.residual:
            nodes.append(helper.make_node("Add", [convolved, current], [f"{layer.name}.sum"]))
            convolved = f"{layer.name}.sum"
        nodes.append(helper.make_node("Relu", [convolved], [f"{layer.name}.relu"]))
        current = f"{layer.name}.relu"
    head = {name: np.asarray(value, np.float32) for name, value in weights["head"].items()}
    tensors.append(numpy_helper.from_array(head["kernel"], "head.weight"))
    tensors.append(numpy_helper.from_array(head["bias"], "head.bias"))
    nodes.append(helper.make_node("GlobalAveragePool", [current], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["features"], axis=1))
    nodes.append(helper.make_node("Gemm", ["features", "head.weight", "head.bias"], ["logits"]))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, CROP, CROP])
    scores = helper.make_tensor_value_info(
        "logits", TensorProto.FLOAT, ["batch", len(head["bias"])]
    )
    graph = helper.make_graph(nodes, "street-scenes", [image], [scores], tensors)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(
        graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="sluice-street-scenes"
    )
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString(deterministic=True))


def write_model_yaml(onnx_path: Path) -> None:
    """The description that Sluice reads, beside the model."""
    digest = hashlib.sha256(onnx_path.read_bytes()).hexdigest()
    text = MODEL_YAML.format(
        file=onnx_path.name, sha256=digest, resize=RESIZE, crop=CROP, mean=MEAN, std=STD
    )
    (onnx_path.parent / "model.yaml").write_text(text)


def _folded(own: dict, running: dict) -> tuple[np.ndarray, np.ndarray]:
    """Kernel as OIHW and bias of the convolution that does the batch norm's work as well."""
    variance = np.asarray(running["variance"], np.float64)
    factor = np.asarray(own["scale"], np.float64) / np.sqrt(variance + BATCH_NORM_EPSILON)
    kernel = np.asarray(own["kernel"], np.float64) * factor
    bias = np.asarray(own["shift"], np.float64) - np.asarray(running["mean"], np.float64) * factor
    oihw = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
    return oihw, bias.astype(np.float32)
