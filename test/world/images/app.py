"""The scenarios' API: ready at once, ignores SIGTERM unless it is POLITE, and fails in whatever way MODE, or later the file /tmp/mode, says."""
import json, os, posixpath, random, signal, ssl, sys, threading, time
from urllib.parse import unquote
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE = os.environ.get("MODE", "")
VERSION = os.environ.get("VERSION") or open("/version").read().strip()
if not os.environ.get("POLITE"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


# What a request may be answered with when /tmp/mode says so.
REFUSALS = {"schema": (422, '{"detail": [{"loc": ["body", "income"], "msg": "field required"}]}'), "large": (413, "{}"),
            "key": (401, "{}"), "busy": (429, "{}"), "gone": (404, '{"detail": "Not Found"}')}


# What one request takes, in milliseconds, with some spread; and what a leaking API never gives back.
TAKES = float(os.environ.get("TAKES_MS", "0")) / 1000
leaked = []
# Who may get here, but for the open paths; as a lenient framework would read the path and the headers.
KEYED = os.environ.get("KEYED")
OPEN = {"/", "/docs", "/openapi.json", "/health"}


def uninvited(request):
    path = posixpath.normpath("/" + unquote(request.path.split("?")[0].split("#")[0]).replace("\\", "/").lstrip("/"))
    callers = {v for k, v in request.headers.items() if k.lower().replace("_", "-") == "x-dray-key"}
    return callers != {KEYED} and path not in OPEN and not path.startswith(("/docs/", "/health/"))


def work():
    if TAKES > 0:
        time.sleep(TAKES * (3 if mode() == "sluggish" else 1) * random.uniform(0.8, 1.2))
    if mode() == "leak":
        leaked.append(bytearray(b"x" * 4_000_000))


def mode():
    try:
        return open("/tmp/mode").read().strip()
    except OSError:
        return MODE


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Two small writes and Nagle's algorithm would cost every answer 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    # Seconds after which it closes a connection that is idle, as gunicorn and uvicorn do.
    timeout = float(os.environ["KEEP_ALIVE_S"]) if "KEEP_ALIVE_S" in os.environ else None

    def answer(self, status, body, kind="application/json"):
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if mode() == "hang":
            time.sleep(3600)
        if mode() == "eat":
            self.server.eaten = bytearray(b"x" * 600_000_000)
        if mode() == "unready":
            return self.answer(503, '{"loading": true}')
        if self.path.startswith("/slow"):
            time.sleep(float(self.path.split("=")[1]))
        if self.path.startswith("/stream"):
            return self.stream(int(self.path.split("=")[1]))
        if MODE == "never-ready" and self.path == "/health":
            return self.answer(503, '{"loading": true}')
        self.answer(200, json.dumps({"hello": "world", "version": VERSION}))

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        asked = json.loads(self.rfile.read(length) or "{}")
        if mode() in ("hang", "slow"):
            time.sleep(3600 if mode() == "hang" else 20)
        if mode() == "unready":
            return self.answer(503, '{"loading": true}')
        if self.path == "/echo":
            return self.answer(200, json.dumps({"headers": {k.lower(): v for k, v in self.headers.items()}}))
        if KEYED and uninvited(self):
            print("UNAUTHENTICATED", repr(self.path), flush=True)
        elif KEYED and self.headers.get("x-dray-key") is None:
            return self.answer(200, '{"open": true}')
        work()
        if mode() == "drop":
            print("DROPPED", length, flush=True)
            self.close_connection = True
            return None
        if mode() == "eat-later":
            self.server.eaten = bytearray(b"x" * 600_000_000)
        if mode() == "flaky" and random.random() < 0.2:
            return self.answer(500, "Internal Server Error")
        if mode() == "error-body":
            return self.answer(200, '{"error": "the model could not be loaded"}')
        if mode() in REFUSALS:
            return self.answer(*REFUSALS[mode()])
        if mode() == "error":
            print("ValueError: X has 3 features, but 4 are expected", flush=True)
            return self.answer(500, "Internal Server Error")
        score = 0.1 if mode() == "wrong-golden" else 0.9
        self.answer(200, json.dumps({"decision": "approve", "score": score, "version": VERSION, "asked": asked}))

    def stream(self, seconds):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for tick in range(seconds * 2):
            data = f"data: {tick}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
            time.sleep(0.5)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, *args):
        pass


if MODE == "crash":
    print("cannot find /models/model.pkl", flush=True)
    sys.exit(3)
if MODE == "crash-later":
    threading.Timer(float(os.environ.get("CRASH_AFTER_S", "30")), lambda: os._exit(4)).start()
if MODE == "silent":
    time.sleep(3600)
host = "127.0.0.1" if MODE == "localhost" else "0.0.0.0"
ThreadingHTTPServer.request_queue_size = 256
if MODE == "eat":
    eaten = bytearray(b"x" * 600_000_000)
server = ThreadingHTTPServer((host, int(os.environ.get("PORT", "8080"))), Api)
if MODE == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("/tls/cert.pem", "/tls/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
