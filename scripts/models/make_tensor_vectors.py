#!/usr/bin/env python3
"""Writes the test files of inference/tensor.

    pip install safetensors numpy && python make_tensor_vectors.py inference/tensor/testdata
"""
import sys

import numpy as np
from safetensors.numpy import save_file

import shelf

folder = sys.argv[1]
w = shelf.Writer("test", {"a": 1})
w.add_text("vocab", "a\nß\n")
w.add_int8("m", [[1, -1], [4, 2], [0, 0]])
w.add("bias", np.array([1, 0, -2.5], np.float32))
w.save(folder + "/small.model")
save_file({"w": np.arange(6, dtype=np.float32).reshape(2, 3) / 2, "ids": np.arange(3)}, folder + "/small.safetensors",
          metadata={"made": "test"})
