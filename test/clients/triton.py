"""Asks a server as people do with tritonclient.http: nothing but its own examples' calls, by the name of the model.

Usage: triton.py HOST:PORT MODEL  (Triton's "simple" model: INPUT0 + INPUT1, INPUT0 - INPUT1)
"""
import asyncio
import sys

import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException

URL, MODEL = sys.argv[1:]
ONE = np.arange(16, dtype=np.int32).reshape(1, 16)
TWO = np.full((1, 16), 2, dtype=np.int32)


def inputs(module, binary, rows=1):
    made = []
    for name, values in (("INPUT0", ONE), ("INPUT1", TWO)):
        made.append(module.InferInput(name, [rows, 16], "INT32"))
        made[-1].set_data_from_numpy(np.repeat(values, rows, axis=0), binary_data=binary)
    return made


def outputs(module, binary):
    return [module.InferRequestedOutput(name, binary_data=binary) for name in ("OUTPUT0", "OUTPUT1")]


def check(result, rows=1):
    assert (result.as_numpy("OUTPUT0") == np.repeat(ONE + TWO, rows, axis=0)).all()
    assert (result.as_numpy("OUTPUT1") == np.repeat(ONE - TWO, rows, axis=0)).all()


def simple(client):
    for binary in (True, False):
        check(client.infer(MODEL, inputs(http, binary)))
        check(client.infer(MODEL, inputs(http, binary), request_id="7", outputs=outputs(http, not binary)))
    assert client.infer(MODEL, inputs(http, True), request_id="7").get_response()["id"] == "7"
    mixed = [inputs(http, True)[0], inputs(http, False)[1]]
    check(client.infer(MODEL, mixed, outputs=[*outputs(http, True)[:1], *outputs(http, False)[1:]]))


def packed(client):
    for way in ("gzip", "deflate"):
        for binary in (True, False):
            result = client.infer(MODEL, inputs(http, binary, 40), request_compression_algorithm=way,
                                  response_compression_algorithm=way)
            check(result, 40)


def at_once(client):
    waiting = [client.async_infer(MODEL, inputs(http, index % 2 == 0)) for index in range(32)]
    for each in waiting:
        check(each.get_result())


async def asynchronous():
    async with aio.InferenceServerClient(URL) as client:
        assert await client.is_server_ready() and await client.is_model_ready(MODEL)
        check(await client.infer(MODEL, inputs(aio, True)))
        check(await client.infer(MODEL, inputs(aio, False, 40), outputs=outputs(aio, True),
                                 request_compression_algorithm="gzip", response_compression_algorithm="gzip"), 40)


def by_hand():
    """As a program does that has an HTTP client of its own."""
    body, length = http.InferenceServerClient.generate_request_body(inputs(http, True))
    import urllib.request
    request = urllib.request.Request(f"http://{URL}/v2/models/{MODEL}/infer", data=body)
    request.add_header("Inference-Header-Content-Length", str(length))
    with urllib.request.urlopen(request) as answer:
        header = answer.headers["Inference-Header-Content-Length"]
        check(http.InferenceServerClient.parse_response_body(answer.read(), header_length=int(header)))


def described(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL)
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata(MODEL)
    assert [each["name"] for each in metadata["inputs"]] == ["INPUT0", "INPUT1"], metadata
    version = metadata["versions"][0]
    assert client.is_model_ready(MODEL, version) and client.get_model_metadata(MODEL, version) == metadata
    config = client.get_model_config(MODEL)
    assert config["max_batch_size"] >= 0 and config["input"][0]["data_type"] == "TYPE_INT32", config
    [statistics] = client.get_inference_statistics(MODEL)["model_stats"]
    assert statistics["inference_stats"]["success"]["count"] > 0, statistics
    [stored] = client.get_model_repository_index()
    assert (stored["name"], stored["state"]) == (MODEL, "READY")


def refused(client):
    wrong = [http.InferInput("nobody", [1, 16], "INT32")]
    wrong[0].set_data_from_numpy(ONE)
    calls = {
        "the model has no input": lambda: client.infer(MODEL, wrong),
        "there is no model": lambda: client.infer("nobody", inputs(http, True)),
        "releases": lambda: client.load_model(MODEL),
        "there is no": lambda: client.get_system_shared_memory_status(),
    }
    for words, call in calls.items():
        try:
            call()
        except InferenceServerException as error:
            assert words in error.message(), error.message()
        else:
            raise AssertionError(f"expected a refusal: {words}")


with http.InferenceServerClient(URL, concurrency=8) as client:
    for story in (simple, packed, at_once, described, refused):
        story(client)
        print("ok", story.__name__)
by_hand()
print("ok by_hand")
asyncio.run(asynchronous())
print("ok asynchronous")
