"""A language model for Triton: the tensor contract of its vLLM backend, answered by llama.cpp on the CPU."""

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import triton_python_backend_utils as pb_utils

from answer import Answer, Cancelled
from contract import Piece, TextRequest
from engine import Engine
from figures import Figures
from outbox import Outbox
from refusal import Refused

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
        self._outbox = Outbox(self._figures)

    def execute(self, requests):
        for request in requests:
            self._take(self._outbox.open(request.get_response_sender()), request)

    def finalize(self):
        self._workers.shutdown(wait=True)
        self._counters.shutdown(wait=True)
        self._outbox.close()
        self._figures.close()

    def _take(self, talk, request):
        """Returns at once; whatever happens, the request gets exactly one final response."""
        try:
            asked = TextRequest(request)
        except Refused as refused:
            return talk.refuse(refused)
        if not self._room.acquire(blocking=False):
            return talk.fail("overloaded", "Exceeds maximum queue size", pb_utils.TritonError.UNAVAILABLE)
        (self._counters if asked.counts_only else self._workers).submit(self._work, talk, asked)

    def _work(self, talk, asked):
        try:
            if talk.cancelled:
                raise Cancelled
            talk.finish(self._count(asked) if asked.counts_only else Answer(talk, asked).run(self._engine), asked.wants)
        except Cancelled:
            talk.fail("cancelled", "Request was cancelled", pb_utils.TritonError.CANCELLED)
        except Refused as refused:
            talk.refuse(refused)
        except Exception as fault:  # A request without a final response would never end.
            print(f"an answer failed: {type(fault).__name__}", file=sys.stderr)
            talk.fail("failed", "The model failed to answer.", pb_utils.TritonError.INTERNAL)
        finally:
            self._room.release()

    def _count(self, asked):
        return Piece("", self._engine.count(asked.prompt), 0, finish_reason="length")
