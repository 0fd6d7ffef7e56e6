"""A gRPC server whose messages are plain bytes: echo, a stream of numbers, a conversation, and errors of all kinds."""
import os
import signal
import time
from concurrent import futures

import grpc

RELEASE = os.environ.get("RELEASE", "one").encode()
SERVING = b"\x08\x01"


def echo(request, context):
    context.send_initial_metadata([("x-release", RELEASE.decode())])
    return request


def told(_request, context):
    """The caller's name, as the edge says it."""
    metadata = dict(context.invocation_metadata())
    return metadata.get("x-dray-key", "nobody").encode()


def fail(request, context):
    """Ends with the status that is asked for, before anything else was said."""
    context.abort(grpc.StatusCode[request.decode()], "as asked")


def count(request, context):
    number, gap = (int(part) for part in request.split())
    for each in range(number):
        time.sleep(gap / 1000)
        yield str(each).encode()
    if gap == 0:
        context.abort(grpc.StatusCode.DATA_LOSS, "after the last one")


def talk(requests, _context):
    for each in requests:
        yield each.upper()


METHODS = {
    "Echo": grpc.unary_unary_rpc_method_handler(echo),
    "Told": grpc.unary_unary_rpc_method_handler(told),
    "Fail": grpc.unary_unary_rpc_method_handler(fail),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Talk": grpc.stream_stream_rpc_method_handler(talk),
}
HEALTH = {"Check": grpc.unary_unary_rpc_method_handler(lambda _request, _context: SERVING)}

server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
handlers = [grpc.method_handlers_generic_handler("world.Api", METHODS)]
if os.environ.get("HEALTH") != "none":
    handlers.append(grpc.method_handlers_generic_handler("grpc.health.v1.Health", HEALTH))
server.add_generic_rpc_handlers(handlers)
server.add_insecure_port("0.0.0.0:8080")
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(30))
server.wait_for_termination()
