"""The API that is besieged: it reads leniently, as frameworks do, and says who got here without a right to."""
import os, posixpath, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

KEYED = os.environ["KEYED"]
OPEN = {"/", "/docs", "/openapi.json", "/health"}
DEEP = "[" * 3000 + "]" * 3000


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def where(self):
        path = unquote(self.path.split("?")[0].split("#")[0]).replace("\\", "/")
        return posixpath.normpath("/" + path.lstrip("/"))

    def invited(self):
        return {v for k, v in self.headers.items() if k.lower().replace("_", "-") == "x-dray-key"} == {KEYED}

    def is_open(self, path):
        reads = self.command in ("GET", "HEAD") and self.headers.get("upgrade") is None
        return reads and (path in OPEN or path.startswith(("/docs/", "/health/")))

    def body(self):
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        self.close_connection = True
        parts = []
        while size := int(self.rfile.readline(100).split(b";")[0] or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(10)
        return b"".join(parts)

    def handle_any(self):
        asked, path = self.body(), self.where()
        if path.startswith("/metrics"):
            return self.answer("the_release_s_own_numbers 1\n")
        if self.is_open(path) and not self.invited():
            return self.answer('{"open": true}')
        if not self.invited():
            print("UNAUTHENTICATED", self.command, repr(self.path), flush=True)
        # As a careless model logs what it was asked.
        if b"planted" in asked:
            sys.stdout.buffer.write(b"asked: " + asked[:200] + b"\n")
            sys.stdout.flush()
        self.answer(DEEP if path == "/nested" else '{"decision": "approve", "score": 0.9}')

    def answer(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *args):
        pass


for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"):
    setattr(Api, "do_" + method, Api.handle_any)
ThreadingHTTPServer.request_queue_size = 256
ThreadingHTTPServer(("0.0.0.0", 8080), Api).serve_forever()
