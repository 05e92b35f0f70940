"""A graph of ONNX operators under construction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

OPSET, ML_OPSET, IR_VERSION = 20, 3, 9
FLOAT, DOUBLE, INT64, STRING = 1, 11, 7, 8  # element types, by their numbers in onnx.TensorProto


class Graph:
    """Nodes in the order of computation. Names of values begin with "/", so that no column has one of them."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(
        self, operator: str, *inputs: str, output: str = "", outputs: int = 1, domain: str = "", **attributes: Any
    ) -> str:
        """A node; returns the name of its first value, to which others add _1, _2 ..."""
        value = output or f"/{operator}_{len(self.nodes)}"
        values = [value, *(f"{value}_{index}" for index in range(1, outputs))]
        self.nodes.append(
            self.onnx.helper.make_node(operator, list(inputs), values, domain=domain or None, **attributes)
        )
        return value

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        name = f"/constant_{len(self.constants)}"
        array = np.asarray(values, object if dtype is np.str_ else dtype)
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def serialized(
        self,
        name: str,
        inputs: Sequence[tuple[str, int]],
        outputs: Sequence[tuple[str, int, int | None]],
        metadata: dict[str, str],
    ) -> bytes:
        """outputs: name, element type, and the number of columns; None: (rows,)."""
        helper = self.onnx.helper
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info(column, kind, ["rows", 1]) for column, kind in inputs],
            [
                helper.make_tensor_value_info(output, kind, ["rows"] if width is None else ["rows", width])
                for output, kind, width in outputs
            ],
            self.constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="nn_scratch")
        helper.set_model_props(model, metadata)
        self.onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content
