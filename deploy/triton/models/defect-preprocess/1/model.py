"""The step before the network: any image becomes 32 x 32 numbers with mean 0 and contrast 1."""

import numpy
import triton_python_backend_utils as pb_utils

from normalise import SIDE, normalise

# As the pixels of a 64-megapixel photograph: more is a mistake.
PIXELS_LIMIT = 64_000_000


class TritonPythonModel:
    def execute(self, requests):
        """Requests of one batch have images of one size; they still come one by one, and each is a batch."""
        return [_answer(pb_utils.get_input_tensor_by_name(request, "image").as_numpy()) for request in requests]


def _answer(images):
    height, width = images.shape[1:]
    if min(height, width) < SIDE or height * width > PIXELS_LIMIT:
        message = f"An image must have {SIDE} x {SIDE} pixels at least, and {PIXELS_LIMIT} in all at most."
        return pb_utils.InferenceResponse([], error=pb_utils.TritonError(message, pb_utils.TritonError.INVALID_ARG))
    return pb_utils.InferenceResponse([pb_utils.Tensor("normalised", numpy.ascontiguousarray(normalise(images)))])
