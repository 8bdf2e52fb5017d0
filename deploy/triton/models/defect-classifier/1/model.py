"""Which defect a normalised image shows, for all requests that wait in one pass of the network."""

import os

import numpy
import triton_python_backend_utils as pb_utils

from network import CLASSES, load, probabilities

NAMES = numpy.array([name.encode() for name in CLASSES], numpy.object_)


class TritonPythonModel:
    def initialize(self, args):
        self._weights = load(os.path.join(args["model_repository"], args["model_version"], "weights.npz"))

    def execute(self, requests):
        images = [pb_utils.get_input_tensor_by_name(request, "normalised").as_numpy() for request in requests]
        found = probabilities(self._weights, numpy.concatenate(images))
        ends = numpy.cumsum([len(one) for one in images])[:-1]
        return [_answer(rows) for rows in numpy.split(found, ends)]


def _answer(rows):
    best = rows.argmax(axis=1)[:, None]
    return pb_utils.InferenceResponse([
        pb_utils.Tensor("defect", NAMES[best]),
        pb_utils.Tensor("confidence", numpy.take_along_axis(rows, best, axis=1).astype(numpy.float32)),
        pb_utils.Tensor("probabilities", rows.astype(numpy.float32)),
    ])
