"""Asks models of tensors through a platform, with Triton's own client as it was published, and prints what came as JSON."""
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import tritonclient.grpc as over_grpc
import tritonclient.http as over_http

given = json.loads(sys.argv[1])
HEADERS = {"http": {"Authorization": "Bearer " + given["key"]}, "grpc": {"authorization": "Bearer " + given["key"]}}
LIBRARIES = {"http": over_http, "grpc": over_grpc}


def client_of(transport, concurrency=1):
    if transport == "http":
        return over_http.InferenceServerClient(given["http"], concurrency=concurrency)
    return over_grpc.InferenceServerClient(given["grpc"])


def tensor(library, name, values, **how):
    made = library.InferInput(name, list(values.shape), "BYTES" if values.dtype == np.object_ else "FP32")
    made.set_data_from_numpy(values, **how)
    return made


def failure(ask):
    try:
        ask()
    except Exception as error:
        return [str(error.status()), error.message()]
    return None


def shown(answer, name):
    values = answer.as_numpy(name)
    return [value.decode() for value in values] if values.dtype == np.object_ else values.tolist()


def tour(transport):
    library, client, headers = LIBRARIES[transport], client_of(transport), HEADERS[transport]
    x = tensor(library, "x", np.array([1.5, -2, 3], np.float32))
    words = tensor(library, "text", np.array([text.encode() for text in given["words"]], np.object_))
    infer = lambda model, inputs, **more: client.infer(model, inputs, headers=dict(headers), **more)
    facts = {"as_json": True} if transport == "grpc" else {}
    said = infer("doubled", [x], request_id="r-1", outputs=[library.InferRequestedOutput("y")])
    response = said.get_response(**facts)
    return {
        "live": client.is_server_live(), "ready": client.is_server_ready(),
        "modelReady": client.is_model_ready("doubled", headers=dict(headers)), "strangerReady": client.is_model_ready("none", headers=dict(headers)),
        "metadata": client.get_model_metadata("doubled", headers=dict(headers), **facts),
        "config": client.get_model_config("doubled", headers=dict(headers), **facts),
        "doubled": shown(said, "y"), "named": [response["model_name"], response["model_version"], response["id"]],
        "ofVersion": shown(infer("doubled", [x], model_version="1"), "y"),
        "words": shown(infer("shouted", [words]), "text"),
        "refusals": {
            "unknown": failure(lambda: infer("none", [x])), "version": failure(lambda: infer("doubled", [x], model_version="9")),
            "input": failure(lambda: infer("doubled", [tensor(library, "z", np.zeros(3, np.float32))])),
            "raised": failure(lambda: infer("doubled", [tensor(library, "x", np.array([666], np.float32))])),
            "sequence": failure(lambda: infer("doubled", [x], sequence_id=7, sequence_start=True)),
            "stranger": failure(lambda: client.infer("doubled", [x])), "statistics": failure(lambda: client.get_inference_statistics("doubled", headers=dict(headers))),
            "repository": failure(lambda: client.get_model_repository_index(headers=dict(headers))),
        },
    }


def json_alone():
    x = tensor(over_http, "x", np.array([1, 2, 3, 4], np.float32), binary_data=False)
    answer = client_of("http").infer("doubled", [x], headers=dict(HEADERS["http"]), outputs=[over_http.InferRequestedOutput("y", binary_data=False)])
    return answer.get_response()["outputs"]


def large(transport):
    values = np.arange(500_000, dtype=np.float32)
    answer = client_of(transport).infer("doubled", [tensor(LIBRARIES[transport], "x", values)], headers=dict(HEADERS[transport]))
    return bool((answer.as_numpy("y") == values * 2).all())


def crowd(transport):
    """How many of so many calls at once were answered, and how the others failed."""
    client, library = client_of(transport, concurrency=10), LIBRARIES[transport]
    ask = lambda _: failure(lambda: client.infer("doubled", [tensor(library, "x", np.ones(1, np.float32))], headers=dict(HEADERS[transport])))
    if transport == "http":  # Its client belongs to one thread.
        pending = [client.async_infer("doubled", [tensor(library, "x", np.ones(1, np.float32))], headers=dict(HEADERS[transport])) for _ in range(given["calls"])]
        failures = [failure(each.get_result) for each in pending]
    else:
        with ThreadPoolExecutor(10) as pool:
            failures = list(pool.map(ask, range(given["calls"])))
    return {"answered": failures.count(None), "failed": sorted({each[0] for each in failures if each})}


def slow(transport):
    return failure(lambda: client_of(transport).infer("doubled", [tensor(LIBRARIES[transport], "x", np.array([60_000], np.float32))], headers=dict(HEADERS[transport])))


def told(transport):
    """What trailing metadata say of an answer and of a refusal."""
    infer = over_grpc.service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(given[transport])).ModelInfer
    request = over_grpc.service_pb2.ModelInferRequest(model_name="doubled", inputs=[{"name": "x", "datatype": "FP32", "shape": [1]}], raw_input_contents=[np.ones(1, np.float32).tobytes()])
    answered = infer.with_call(request, metadata=[("authorization", HEADERS[transport]["authorization"])])[1].trailing_metadata()
    try:
        infer(request)
    except grpc.RpcError as error:
        refused = error.trailing_metadata()
    return [{key: value for key, value in metadata if isinstance(value, str)} for metadata in (answered, refused)]


DOES = {"told": told, "tour": tour, "large": large, "crowd": crowd, "slow": slow}
if given["does"] == "json":
    print(json.dumps(json_alone()))
else:
    print(json.dumps(DOES[given["does"]](given["transport"])))
