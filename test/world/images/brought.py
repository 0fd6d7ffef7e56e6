"""Containers as people bring them, one of them for each value of KIND: what is strange about each is not its model."""
import hashlib, json, os, signal, socket, sys, threading, time, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KIND = os.environ.get("KIND", "plain")
PREDICTION = {"label": "approve", "score": 0.9}
STARTED = time.monotonic()


def digest(name):
    return hashlib.sha256(os.environb.get(name.encode(), b"absent")).hexdigest()


def content(name):
    return open(name).read() if os.path.exists(name) else ""


class Api(BaseHTTPRequestHandler):
    """A greeting, and POST /predict; a kind below says what is different."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def answer(self, status, body, kind="application/json", headers=()):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.answer(200, {"hello": "world"})

    def do_POST(self):
        self.sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.predict()

    def predict(self):
        if self.path == "/predict":
            return self.answer(200, PREDICTION)
        self.answer(404, {"error": "not found"})

    def log_message(self, *args):
        pass


class Files(Api):
    """Takes pictures and forms as they are."""

    def predict(self):
        kind = self.headers["content-type"].split(";")[0]
        if self.path == "/thumb":
            return self.answer(200, b"\x89PNG\0" + hashlib.sha256(self.sent).digest(), "image/png")
        if self.path == "/csv":
            rows = self.sent.decode().strip().split("\n")[1:]
            return self.answer(200, ("label\n" + "approve\n" * len(rows)).encode(), "text/csv")
        part = self.sent.count(b'filename="cat.jpg"') if kind == "multipart/form-data" else 0
        self.answer(200, {"type": kind, "pictures": part})


class Mentioned(Api):
    """Says what it was given to know."""

    def do_GET(self):
        names = self.path.strip("/").split(",")
        self.answer(200, {name: digest(name) for name in names if name})


class Headers(Api):
    """Counts the headers that came, and answers with as many."""

    def do_GET(self):
        came = sum(name.lower().startswith("x-many-") for name in self.headers)
        self.answer(200, {"came": came}, headers=[(f"x-back-{each}", "v" * 200) for each in range(80)])


class Keeping(Api):
    """Writes into the folder DATA, and says what is there."""

    def do_GET(self):
        self.answer(200, {name: content(f"{os.environ['DATA']}/{name}") for name in ("starts", "ended", "ran")})


class Streaming(Api):
    """Tokens with silence between them."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in (b"data: one\n\n", b"data: two\n\n", b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
            time.sleep(0.4 if piece else 0)


class Old(Api):
    """HTTP/1.0, and the end of the connection is the end of the answer."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello from 1997")


class Hasty(Api):
    """Closes idle connections after a second."""

    timeout = 1


class Guarded(Api):
    """Wants a login of its own."""

    def do_GET(self):
        known = self.headers.get("authorization") == "Bearer mine"
        self.answer(200 if known else 401, {"known": known})

    def predict(self):
        known = self.headers.get("authorization") == "Bearer mine"
        self.answer(200 if known else 401, PREDICTION if known else {"error": "unauthorized"})


class Loading(Api):
    """Listens at once, and is ready later, and says so at a path of its own."""

    def do_GET(self):
        if self.path != "/v1/health/ready":
            return self.answer(404, {"error": "not found"})
        self.answer(200 if time.monotonic() - STARTED > 3 else 503, {"ready": True})


class NeverReady(Api):
    def do_GET(self):
        self.answer(503, {"loading": True})


class Asking(Api):
    """Asks the container beside it."""

    def do_GET(self):
        with urllib.request.urlopen("http://store:8080/", timeout=5) as answer:
            self.answer(200, {"store": json.load(answer)})


def serve(api=Api, port=None, host="0.0.0.0"):
    ThreadingHTTPServer.request_queue_size = 256
    ThreadingHTTPServer((host, int(port or os.environ.get("PORT", "8080"))), api).serve_forever()


def beside(target):
    threading.Thread(target=target, daemon=True).start()


def http2(port):
    """Greets as HTTP/2 does (a SETTINGS frame) and understands nothing else."""
    with socket.create_server(("0.0.0.0", port)) as server:
        while True:
            connection, _address = server.accept()
            connection.sendall(b"\0\0\0\4\0\0\0\0\0")
            connection.recv(65536)
            connection.close()


def needs_arguments():
    import argparse

    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--model", required=True)
    parser.parse_args()
    serve()


def first_process():
    if os.getpid() != 1:
        sys.exit("s6-overlay-suexec: fatal: can only run as pid 1")
    # Whoever is process 1 gets no signal that it does not ask for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve()


def shared_memory():
    with open("/dev/shm/batch", "wb") as file:
        for _each in range(100):
            file.write(b"x" * 1_000_000)
    serve()


def two_ports():
    """The port for its own people opens first."""
    beside(lambda: serve(port=8081))
    time.sleep(2)
    serve(port=8080)


def grpc_beside():
    beside(lambda: http2(9000))
    serve(port=8080)


def keeping():
    folder = os.environ["DATA"]

    def end(number, _frame):
        open(f"{folder}/ended", "a").write(signal.Signals(number).name)
        sys.exit(0)

    for each in (signal.SIGTERM, signal.SIGQUIT):
        signal.signal(each, end)
    open(f"{folder}/starts", "a").write("x")
    serve(Keeping)


def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve()


def workers():
    """One socket and two processes that take from it, as gunicorn does."""
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Api)
    children = []
    for _each in range(2):
        child = os.fork()
        if child == 0:
            server.serve_forever()
        children.append(child)
    signal.signal(signal.SIGTERM, lambda *_: [os.kill(child, signal.SIGTERM) for child in children])
    for child in children:
        os.waitpid(child, 0)


def scratch():
    """Needs a place to write, wherever its root may be."""
    open("/tmp/model.bin", "wb").write(b"x" * 1_000_000)
    serve()


def hungry():
    eaten = bytearray(b"x" * 300_000_000)
    print(len(eaten))
    serve()


KINDS = {
    "plain": serve,
    "arguments": needs_arguments,
    "first-process": first_process,
    "shared-memory": shared_memory,
    "two-ports": two_ports,
    "grpc-beside": grpc_beside,
    "grpc-only": lambda: http2(8080),
    "files": lambda: serve(Files),
    "mentioned": lambda: serve(Mentioned),
    "headers": lambda: serve(Headers),
    "keeping": keeping,
    "streaming": lambda: serve(Streaming),
    "old": lambda: serve(Old),
    "hasty": lambda: serve(Hasty),
    "guarded": lambda: serve(Guarded),
    "loading": lambda: serve(Loading),
    "never-ready": lambda: serve(NeverReady),
    "asking": lambda: serve(Asking),
    "localhost": lambda: serve(host="127.0.0.1"),
    "stubborn": stubborn,
    "workers": workers,
    "scratch": scratch,
    "hungry": hungry,
}
if __name__ == "__main__":
    KINDS[KIND]()
