"""llama.cpp with continuous batching: what several callers ask at once is decoded together."""

import json
import secrets
import urllib.request

import xllamacpp

from refusal import Refused

COUNT_DEADLINE_SECONDS = 30


class Engine:
    """One loaded model. `complete` may be called by as many threads as there are sequences."""

    def __init__(self, weights, sequences, context_tokens, threads):
        params = xllamacpp.CommonParams()
        params.model.path = weights
        params.n_parallel = sequences
        # llama.cpp divides it among the sequences.
        params.n_ctx = sequences * context_tokens
        params.cont_batching = True
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.verbosity = 0
        # Nothing of one caller's prompt is kept for the next.
        params.cache_prompt = False
        params.cache_idle_slots = False
        params.cache_ram_mib = 0
        params.endpoint_slots = False
        # The library opens a port on this machine, whether it is wanted or not: nobody else has its key.
        self._key = secrets.token_hex(32)
        params.api_keys = [self._key]
        self._server = xllamacpp.Server(params)

    def complete(self, prompt, settings, on_chunk):
        """Calls `on_chunk` with each chunk until the answer ends; leaves off when that returns True."""
        request = {**settings, "prompt": prompt, "stream": True, "timings_per_token": True, "cache_prompt": False}
        faults = []

        def on_part(part):
            if "error" in part:
                faults.append(part["error"])
                return True
            return on_chunk(part)

        self._server.handle_completions(request, on_part)
        if faults:
            raise _fault_of(faults[0])

    def count(self, prompt):
        """The tokens of a prompt, by the tokeniser that reads it for an answer."""
        body = json.dumps({"content": prompt, "add_special": True, "parse_special": True}).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self._server.listening_address}/tokenize", body, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=COUNT_DEADLINE_SECONDS) as answer:
            return len(json.load(answer)["tokens"])


def _fault_of(error):
    """llama.cpp's own words may quote the request, so they go no further."""
    if error.get("type") == "exceed_context_size_error":
        return Refused("context_length_exceeded", "text_input", f"The prompt has {error['n_prompt_tokens']} tokens, and the context of this model {error['n_ctx']}.")
    if error.get("code") == 400:
        return Refused("unsupported_parameter", "sampling_parameters", "The model cannot do what 'sampling_parameters' asks for.")
    return RuntimeError("llama.cpp failed")
