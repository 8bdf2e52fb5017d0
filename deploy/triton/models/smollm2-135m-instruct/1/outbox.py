"""
All that is said to Triton, by one thread. Its Python backend (24.10) mixes its own messages up when several threads send
responses, ask for cancellations or count at the same time: answers then hang, and the server ends.
"""

import queue
import threading
import time

import triton_python_backend_utils as pb_utils

FINAL = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL
# How long a caller may have left before it is noticed.
POLL_SECONDS = 0.02


class Outbox:
    def __init__(self, figures):
        self._figures = figures
        self._jobs = queue.SimpleQueue()
        self._live = set()
        self._thread = threading.Thread(target=self._run, name="outbox")
        self._thread.start()

    def open(self, sender):
        talk = Talk(sender, self)
        self.do(lambda: self._live.add(talk))
        return talk

    def do(self, job):
        self._jobs.put(job)

    def end(self, talk, response, outcome):
        """The one last response of a request; `response` makes it."""

        def job():
            self._live.discard(talk)
            talk.sender.send(response(), flags=FINAL)
            self._figures.ended(outcome)

        self.do(job)

    def counted(self, input_tokens, output_tokens):
        self.do(lambda: self._figures.counted(input_tokens, output_tokens))

    def close(self):
        """Returns when everything is said."""
        self.do(None)
        self._thread.join()

    def _run(self):
        poll_at = 0
        while True:
            try:
                job = self._jobs.get(timeout=POLL_SECONDS if self._live else None)
                if job is None:
                    return
                job()
            except queue.Empty:
                pass
            except Exception as fault:  # One response that cannot be sent must not end all others.
                pb_utils.Logger.log_error(f"a response could not be sent: {type(fault).__name__}")
            if time.monotonic() >= poll_at:
                for talk in self._live:
                    talk.cancelled = talk.cancelled or talk.sender.is_cancelled()
                poll_at = time.monotonic() + POLL_SECONDS


class Talk:
    """What is said to the caller of one request. `cancelled` becomes true when the caller has left."""

    def __init__(self, sender, outbox):
        self.sender = sender
        self.cancelled = False
        self._outbox = outbox

    def say(self, piece, wants):
        self._outbox.do(lambda: self.sender.send(piece.response(wants)))

    def finish(self, piece, wants):
        self._outbox.end(self, lambda: piece.response(wants), "answered")

    def counted(self, input_tokens, output_tokens):
        self._outbox.counted(input_tokens, output_tokens)

    def refuse(self, refused):
        """Triton carries nothing but a message, so the code and the parameter stand at its beginning."""
        self.fail("refused", f"{refused.code} {refused.param}: {refused}", pb_utils.TritonError.INVALID_ARG)

    def fail(self, outcome, message, code):
        self._outbox.end(self, lambda: pb_utils.InferenceResponse([], error=pb_utils.TritonError(message, code)), outcome)
