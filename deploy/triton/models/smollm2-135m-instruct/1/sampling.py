"""`sampling_parameters` of the text contract: vLLM's names, checked, in llama.cpp's words."""

import json

from refusal import Refused
from schema import read_schema

# Name: least value, greatest value, whole numbers only, llama.cpp's name.
NUMBERS = {
    "temperature": (0, 2, False, "temperature"),
    "top_p": (0, 1, False, "top_p"),
    "top_k": (-1, 2**31 - 1, True, "top_k"),
    "min_p": (0, 1, False, "min_p"),
    "seed": (-(2**53) + 1, 2**53 - 1, True, "seed"),
    "max_tokens": (0, 2**31 - 1, True, "n_predict"),
    "frequency_penalty": (-2, 2, False, "frequency_penalty"),
    "presence_penalty": (-2, 2, False, "presence_penalty"),
    "repetition_penalty": (0.01, 10, False, "repeat_penalty"),
    "logprobs": (0, 20, True, "n_probs"),
}

STOP_STRINGS_LIMIT = 16
STOP_STRING_LENGTH_LIMIT = 1024
LOGIT_BIAS_ENTRIES_LIMIT = 1024
LOGIT_BIAS_LIMIT = 100

# Small quantised models write nonsense at temperature 1. Without `max_tokens` an answer ends where its context ends.
DEFAULTS = {"temperature": 0.3, "top_k": 40, "top_p": 0.95, "min_p": 0.05, "n_predict": -1}


def read_sampling(text):
    """The JSON text of the tensor as settings of one llama.cpp completion."""
    given = _parse(text, "sampling_parameters")
    if not isinstance(given, dict):
        raise Refused("invalid_type", "sampling_parameters", "'sampling_parameters' must be a JSON object.")
    settings = dict(DEFAULTS)
    for name, value in given.items():
        if value is not None:
            settings.update(_read_one(name, value))
    return settings


def _parse(text, name):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("invalid_json", name, f"'{name}' is not valid JSON.") from None


def _read_one(name, value):
    if name in NUMBERS:
        return _number(name, value)
    if name == "stop":
        return {"stop": _stop(value)}
    if name == "logit_bias":
        return {"logit_bias": _logit_bias(value)}
    if name == "guided_decoding":
        return {"json_schema": _schema(value)}
    raise Refused("unsupported_parameter", name[:64], f"The sampling parameter '{name[:64]}' is not supported.")


def _number(name, value):
    least, greatest, whole, native = NUMBERS[name]
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise Refused("invalid_type", name, f"'{name}' must be {'an integer' if whole else 'a number'}.")
    if not least <= value <= greatest:
        raise Refused("invalid_value", name, f"'{name}' must be between {least} and {greatest}.")
    if name == "top_k":
        return {native: max(value, 0)}
    if name == "seed":
        return {native: value % 2**32}
    if name == "logprobs":
        # The chosen token comes with the likeliest ones only: none of them is asked for as one, and left out again.
        return {native: max(value, 1), "logprobs": value}
    return {native: value}


def _stop(value):
    strings = value if isinstance(value, list) else [value]
    if len(strings) > STOP_STRINGS_LIMIT:
        raise Refused("invalid_value", "stop", f"'stop' takes at most {STOP_STRINGS_LIMIT} strings.")
    for string in strings:
        if not isinstance(string, str):
            raise Refused("invalid_type", "stop", "'stop' must be a string or a list of strings.")
        if not 1 <= len(string) <= STOP_STRING_LENGTH_LIMIT:
            raise Refused("invalid_value", "stop", f"A string of 'stop' must have 1 to {STOP_STRING_LENGTH_LIMIT} characters.")
    return strings


def _logit_bias(value):
    if not isinstance(value, dict):
        raise Refused("invalid_type", "logit_bias", "'logit_bias' must map token ids to numbers.")
    if len(value) > LOGIT_BIAS_ENTRIES_LIMIT:
        raise Refused("invalid_value", "logit_bias", f"'logit_bias' takes at most {LOGIT_BIAS_ENTRIES_LIMIT} tokens.")
    for token, bias in value.items():
        if not (token.isascii() and token.isdigit() and len(token) <= 9):
            raise Refused("invalid_value", "logit_bias", "'logit_bias' must have token ids as keys.")
        if isinstance(bias, bool) or not isinstance(bias, (int, float)) or not abs(bias) <= LOGIT_BIAS_LIMIT:
            raise Refused("invalid_value", "logit_bias", f"'logit_bias' must have numbers between -{LOGIT_BIAS_LIMIT} and {LOGIT_BIAS_LIMIT} as values.")
    return [[int(token), bias] for token, bias in value.items()]


def _schema(value):
    """vLLM takes the text of an object here, and some clients send the object."""
    guided = _parse(value, "guided_decoding") if isinstance(value, str) else value
    if isinstance(guided, dict) and len(guided) == 1:
        if guided.get("json_object") is True:
            return {"type": "object"}
        if isinstance(guided.get("json"), dict):
            return read_schema(guided["json"])
    raise Refused("unsupported_parameter", "guided_decoding", "'guided_decoding' supports 'json' (a schema) and 'json_object'.")
