"""The tensors of the text contract: requests in, responses out."""

import json

import numpy
import triton_python_backend_utils as pb_utils

from refusal import Refused
from sampling import read_sampling

FLAGS = ("stream", "exclude_input_in_output", "return_finish_reason", "return_num_input_tokens", "return_num_output_tokens", "return_logprobs")


class TextRequest:
    """What a request asks for, copied out of Triton's memory."""

    def __init__(self, request):
        self.prompt = _text(request, "text_input")
        self.wants = {name: _flag(request, name) for name in FLAGS}
        self.streams = bool(self.wants["stream"])
        if self.wants["exclude_input_in_output"] is None:
            self.wants["exclude_input_in_output"] = self.streams
        if self.streams and not self.wants["exclude_input_in_output"]:
            raise Refused("invalid_value", "exclude_input_in_output", "A streamed answer does not repeat the prompt.")
        self.settings = read_sampling(_text(request, "sampling_parameters") or "{}")
        self.counts_only = self.settings["n_predict"] == 0
        self.logprobs = self.settings.pop("logprobs", None)
        if self.logprobs is None and self.wants["return_logprobs"]:
            self.logprobs = 0
            self.settings["n_probs"] = 1


class Piece:
    """A part of an answer. Tokens of the output are those since the part before, tokens of the input are all of them."""

    def __init__(self, text, input_tokens, output_tokens, steps=(), finish_reason=None):
        self.text = text
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.steps = list(steps)
        self.finish_reason = finish_reason

    def response(self, wants):
        """With the outputs that the request asked for."""
        outputs = [_strings("text_output", self.text)]
        if wants["return_finish_reason"]:
            outputs.append(_strings("finish_reason", str(self.finish_reason)))
        if wants["return_num_input_tokens"]:
            outputs.append(pb_utils.Tensor("num_input_tokens", numpy.array([self.input_tokens], numpy.uint32)))
        if wants["return_num_output_tokens"]:
            outputs.append(pb_utils.Tensor("num_output_tokens", numpy.array([self.output_tokens], numpy.uint32)))
        if wants["return_logprobs"]:
            outputs.append(_strings("logprobs", json.dumps(self.steps)))
        return pb_utils.InferenceResponse(outputs)


def read_steps(entries, top):
    """llama.cpp's log-probabilities as vLLM writes them: a step is an object from token id to log-probability, rank and text."""
    steps = []
    for entry in entries:
        likeliest = entry["top_logprobs"][:top]
        step = {str(one["id"]): _token(one, rank) for rank, one in enumerate(likeliest, 1)}
        step.setdefault(str(entry["id"]), _token(entry, top + 1))["sampled"] = True
        steps.append(step)
    return steps


def _token(entry, rank):
    return {"logprob": entry["logprob"], "rank": rank, "decoded_token": bytes(entry["bytes"]).decode("utf-8", "replace")}


def _strings(name, text):
    return pb_utils.Tensor(name, numpy.array([text.encode()], numpy.object_))


def _one(request, name):
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    if tensor is None:
        return None
    elements = tensor.as_numpy().reshape(-1)
    if elements.size != 1:
        raise Refused("invalid_value", name, f"The tensor '{name}' must have exactly one element.")
    return elements[0]


def _flag(request, name):
    element = _one(request, name)
    return None if element is None else bool(element)


def _text(request, name):
    element = _one(request, name)
    if element is None:
        return None
    try:
        return bytes(element).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("invalid_value", name, f"The tensor '{name}' is not valid UTF-8.") from None
