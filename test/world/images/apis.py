"""Small APIs as people write them, one of them for each value of API."""
import argparse, json, os, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ALLOWED = "api.example.test"
PREDICTION = {"label": "approve", "score": 0.9}


def answering(status, body):
    """The standard library's server that answers every GET so, and POST /predict."""

    class Api(BaseHTTPRequestHandler):
        def answer(self, status, body):
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer(status, body)

        def do_POST(self):
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path == "/predict" and status == 404:
                return self.answer(200, PREDICTION)
            self.answer(404, {"error": "not found"})

        def log_message(self, *args):
            pass

    return Api


def post_only():
    """One route and no greeting."""
    ThreadingHTTPServer(("0.0.0.0", 8080), answering(404, {"error": "not found"})).serve_forever()


def two_ports():
    """What is for its operators opens first, as in many model servers."""
    management = ThreadingHTTPServer(("0.0.0.0", 8081), answering(200, {"management": True}))
    threading.Thread(target=management.serve_forever, daemon=True).start()
    time.sleep(3)
    post_only()


def flask():
    """Flask, without a description of itself."""
    from flask import Flask, request

    app = Flask(__name__)

    @app.post("/predict")
    def predict():
        request.get_json()
        return PREDICTION

    app.run(host="0.0.0.0", port=8080)


def fast(examples=False, fails=False, strict=False):
    """FastAPI, which describes itself at /openapi.json."""
    import uvicorn
    from fastapi import FastAPI, HTTPException
    from fastapi.middleware.trustedhost import TrustedHostMiddleware
    from pydantic import BaseModel, Field

    class Loan(BaseModel):
        income: float = Field(gt=0)
        years: int = Field(ge=0, le=60)

        class Config:
            schema_extra = {"example": {"income": 52.5, "years": 4}} if examples else {}

    app = FastAPI()
    if strict:
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=[ALLOWED])

    @app.get("/health")
    def health():
        return {"status": "ok"}

    @app.post("/predict")
    def predict(loan: Loan):
        if fails:
            raise HTTPException(503, "the model is not loaded")
        return PREDICTION

    uvicorn.run(app, host="0.0.0.0", port=8080, log_level="warning")


def argument():
    """A server that does not know its model by itself."""
    parser = argparse.ArgumentParser(prog="serve")
    parser.add_argument("--model", required=True)
    parser.parse_args()


{
    "post-only": post_only,
    "health-lies": lambda: fast(examples=True, fails=True),
    "strict-host": lambda: fast(examples=True, strict=True),
    "fastapi-examples": lambda: fast(examples=True),
    "fastapi": fast,
    "flask": flask,
    "two-ports": two_ports,
    "argument": argument,
}[os.environ["API"]]()
