"""Sentence embeddings by all-MiniLM-L6-v2, on the CPU, with nothing but numpy."""

import json
import os

import numpy
import triton_python_backend_utils as pb_utils

from bert import Bert
from wordpiece import WordPiece


class TritonPythonModel:
    def initialize(self, args):
        folder = os.path.join(args["model_repository"], args["model_version"])
        self._limit = int(json.loads(args["model_config"])["parameters"]["max_tokens"]["string_value"])
        self._tokens = WordPiece(os.path.join(folder, "vocab.txt"))
        self._network = Bert(os.path.join(folder, "model.safetensors"))

    def execute(self, requests):
        """All texts of all requests in one pass; a request with a text at fault fails by itself."""
        read = [self._read(request) for request in requests]
        texts = [ids for rows in read if isinstance(rows, list) for ids in rows]
        embeddings = iter(self._network.embed(texts)) if texts else iter(())
        return [_answer(rows, embeddings) if isinstance(rows, list) else _refuse(rows) for rows in read]

    def _read(self, request):
        """The token ids of each text, or what is wrong."""
        rows = []
        for text in pb_utils.get_input_tensor_by_name(request, "text").as_numpy().reshape(-1):
            try:
                ids = self._tokens.encode(bytes(text).decode("utf-8"))
            except UnicodeDecodeError:
                return "The tensor 'text' is not valid UTF-8."
            if len(ids) > self._limit:
                return f"A text has {len(ids)} tokens; this model takes {self._limit}."
            rows.append(ids)
        return rows


def _answer(rows, embeddings):
    embedding = numpy.stack([next(embeddings) for _ in rows]).astype(numpy.float32)
    num_tokens = numpy.array([[len(ids)] for ids in rows], numpy.int32)
    return pb_utils.InferenceResponse([pb_utils.Tensor("embedding", embedding), pb_utils.Tensor("num_tokens", num_tokens)])


def _refuse(why):
    return pb_utils.InferenceResponse([], error=pb_utils.TritonError(why, pb_utils.TritonError.INVALID_ARG))
