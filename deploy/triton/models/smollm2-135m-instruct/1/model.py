"""A language model for Triton: the tensor contract of its vLLM backend, answered by llama.cpp on the CPU."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import triton_python_backend_utils as pb_utils

from answer import Answer, Cancelled
from contract import Piece, TextRequest
from engine import Engine
from figures import Figures
from refusal import Refused

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
# A count is quick and takes no sequence, so it waits for no answer.
COUNTERS = 2


class TritonPythonModel:
    """Takes each request at once and answers it from a thread of its own, so that answers are decoded together."""

    def initialize(self, args):
        config = json.loads(args["model_config"])["parameters"]
        setting = lambda name: config[name]["string_value"]
        sequences = int(setting("sequences"))
        weights = os.path.join(args["model_repository"], args["model_version"], setting("weights_file"))
        self._engine = Engine(weights, sequences, int(setting("context_length_tokens")), int(setting("threads")))
        self._room = threading.BoundedSemaphore(sequences + int(setting("waiting_limit")))
        self._workers = ThreadPoolExecutor(sequences, "answer")
        self._counters = ThreadPoolExecutor(COUNTERS, "count")
        self._figures = Figures(args["model_name"])

    def execute(self, requests):
        for request in requests:
            self._take(request.get_response_sender(), request)

    def finalize(self):
        self._workers.shutdown(wait=True)
        self._counters.shutdown(wait=True)

    def _take(self, sender, request):
        """Returns at once; whatever happens, the request gets exactly one final response."""
        try:
            asked = TextRequest(request)
        except Refused as refused:
            return self._refuse(sender, refused)
        if not self._room.acquire(blocking=False):
            return self._fail(sender, "overloaded", "Exceeds maximum queue size", pb_utils.TritonError.UNAVAILABLE)
        (self._counters if asked.counts_only else self._workers).submit(self._work, sender, asked)

    def _work(self, sender, asked):
        try:
            if sender.is_cancelled():
                raise Cancelled
            last = self._count(asked) if asked.counts_only else Answer(sender, asked, self._figures).run(self._engine)
            sender.send(last.response(asked.wants), flags=FINAL)
            self._figures.ended("answered")
        except Cancelled:
            self._fail(sender, "cancelled", "Request was cancelled", pb_utils.TritonError.CANCELLED)
        except Refused as refused:
            self._refuse(sender, refused)
        except Exception as fault:  # A request without a final response would never end.
            pb_utils.Logger.log_error(f"an answer failed: {type(fault).__name__}")
            self._fail(sender, "failed", "The model failed to answer.", pb_utils.TritonError.INTERNAL)
        finally:
            self._room.release()

    def _count(self, asked):
        return Piece("", self._engine.count(asked.prompt), 0, finish_reason="length")

    def _refuse(self, sender, refused):
        """Triton carries nothing but a message, so the code and the parameter stand at its beginning."""
        self._fail(sender, "refused", f"{refused.code} {refused.param}: {refused}", pb_utils.TritonError.INVALID_ARG)

    def _fail(self, sender, outcome, message, code):
        sender.send(pb_utils.InferenceResponse([], error=pb_utils.TritonError(message, code)), flags=FINAL)
        self._figures.ended(outcome)
