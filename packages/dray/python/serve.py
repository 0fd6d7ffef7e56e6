"""The model as an API: routes, checks, queue, health and numbers are those of Drayage's own model server.

Written by `dray init`, and yours from then on. It asks one function, which MODEL names as module:function. A function
whose first parameter is a list (`rows: list`) gets all rows of a request; any other one gets them one by one. If its
module has a function load(), that is called once, before anything is asked. schema.yaml says what a row is.
"""

import asyncio
import importlib
import inspect
import json
import logging
import math
import os
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
import yaml
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

MODEL = os.environ.get("MODEL", "predict:predict")
SERVICE = os.environ.get("DRAY_SERVICE", "model")
RELEASE = os.environ.get("DRAY_RELEASE", "dev")
ROUTE = os.environ.get("ROUTE", "/decisions")
PORT = int(os.environ.get("PORT", "8080"))
# Requests that are in the function at once. More than one only where the model may be used by several threads.
THREADS = int(os.environ.get("THREADS", "1"))
# Requests that may wait for it; more are told to come back.
QUEUE = int(os.environ.get("QUEUE", "256"))
ROWS = int(os.environ.get("ROWS", "1024"))
BODY = int(os.environ.get("BODY", "10000000"))
TIMEOUT = float(os.environ.get("TIMEOUT", "60"))

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
REQUESTS = Counter("dray_requests_total", "Answers, by route and status code.", ["route", "code"])
DURATION = Histogram("dray_request_seconds", "From the request's head to its answer.", ["route"], buckets=SECONDS)
WAITED = Histogram("dray_queue_seconds", "A request's wait for the model.", buckets=SECONDS)
RAN = Histogram("dray_model_seconds", "One run of the model.", buckets=SECONDS)
BATCH = Histogram("dray_batch_rows", "Rows of one run.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256))
WAITING = Gauge("dray_requests_waiting", "Requests in the queue.")

log = logging.getLogger("serve")


class Refusal(Exception):
    """Why a request is not answered. `path` of an issue is a JSON Pointer into the body."""

    def __init__(self, status: int, message: str, issues: list | None = None):
        super().__init__(message)
        self.status, self.message, self.issues = status, message, issues or []


class Schema:
    """What schema.yaml says about a row. Without features every object is a row."""

    TYPES = {"number": "a number", "integer": "an integer", "boolean": "true or false", "string": "a text"}

    def __init__(self, file: Path):
        said = yaml.safe_load(file.read_text()) if file.exists() else {}
        self.said = said or {}
        self.features = {feature["name"]: feature for feature in self.said.get("features") or []}

    def check(self, rows: list, listed: bool) -> list[dict]:
        """The rows with their defaults, in the order of the features. Every field that is wrong is named."""
        issues = []
        for at, row in enumerate(rows):
            issues += self._issues(row, f"/{at}" if listed else "")
            if len(issues) >= 20:
                break
        if issues:
            first = issues[0]
            where = first["path"] or "the body"
            raise Refusal(422, f"{where}: expected {first['expected']}, got {first['got']}", issues[:20])
        defaults = {name: feature["default"] for name, feature in self.features.items() if "default" in feature}
        filled = [{**defaults, **row} for row in rows]
        if not self.features:
            return filled
        return [{name: row[name] for name in self.features if name in row} for row in filled]

    def _issues(self, row, prefix: str) -> list[dict]:
        if not isinstance(row, dict):
            return [{"path": prefix, "expected": "an object with named features", "got": kind_of(row)}]
        if not self.features:
            return []
        known = ", ".join(self.features)
        strange = [
            {"path": f"{prefix}/{pointer(name)}", "expected": f"only {known}", "got": "an unknown field"}
            for name in row
            if name not in self.features
        ]
        wrong = [
            {"path": f"{prefix}/{pointer(name)}", "expected": expected(feature), "got": shown(row, feature)}
            for name, feature in self.features.items()
            if not fits(row, feature)
        ]
        return strange + wrong

    def example(self) -> dict | None:
        """A row of the features' examples; None where one has none and must be there."""
        row = {name: feature["example"] for name, feature in self.features.items() if "example" in feature}
        needed = [name for name, feature in self.features.items() if not may_miss(feature)]
        return row if row and all(name in row for name in needed) else None

    def as_json_schema(self) -> dict:
        if not self.features:
            return {"type": "object"}
        return {
            "type": "object",
            "additionalProperties": False,
            "required": [name for name, feature in self.features.items() if not may_miss(feature)],
            "properties": {name: property_of(feature) for name, feature in self.features.items()},
        }


def may_miss(feature: dict) -> bool:
    return "default" in feature or feature.get("missing") is True


def property_of(feature: dict) -> dict:
    """A feature as JSON Schema."""
    kept = ("title", "description", "minimum", "maximum", "default")
    schema = {key: feature[key] for key in kept if key in feature}
    if "type" in feature:
        schema["type"] = [feature["type"], "null"] if feature.get("missing") else feature["type"]
    if "values" in feature:
        schema["enum"] = list(feature["values"]) + ([None] if feature.get("missing") else [])
    return schema


def expected(feature: dict) -> str:
    if "values" in feature:
        return "one of " + ", ".join(json.dumps(each) for each in feature["values"])
    low, high = feature.get("minimum"), feature.get("maximum")
    span = "" if low is None else f" from {low}"
    if high is not None:
        span += f" to {high}" if span else f" up to {high}"
    unit = f" ({feature['unit']})" if "unit" in feature else ""
    hole = ", or null where it is missing" if feature.get("missing") else ""
    return Schema.TYPES.get(feature.get("type"), "a value") + span + unit + hole


def fits(row: dict, feature: dict) -> bool:
    if feature["name"] not in row:
        return may_miss(feature)
    value = row[feature["name"]]
    if value is None:
        return feature.get("missing") is True
    if "values" in feature:
        return value in feature["values"]
    return fits_type(value, feature.get("type")) and fits_range(value, feature)


def fits_type(value, kind: str | None) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "number":
        return number
    if kind == "integer":
        return number and float(value).is_integer()
    return isinstance(value, {"boolean": bool, "string": str}.get(kind, object))


def fits_range(value, feature: dict) -> bool:
    if not isinstance(value, (int, float)):
        return True
    return feature.get("minimum", -math.inf) <= value <= feature.get("maximum", math.inf)


def shown(row: dict, feature: dict) -> str:
    """Values may be private: only numbers are repeated."""
    value = row.get(feature["name"])
    if feature["name"] not in row:
        return "nothing"
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else kind_of(value)


def kind_of(value) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return "null" if value is None else kinds.get(type(value), "something else")


def pointer(name: str) -> str:
    return name[:100].replace("~", "~0").replace("/", "~1")


class Model:
    """The function that is asked, and the queue before it."""

    def __init__(self, named: str):
        module, _, function = named.partition(":")
        self.module = importlib.import_module(module)
        self.function = getattr(self.module, function or "predict")
        self.takes_list = takes_list(self.function)
        self.threads = ThreadPoolExecutor(THREADS)
        self.free = asyncio.Semaphore(THREADS)
        self.waiting = 0

    def load(self) -> None:
        if hasattr(self.module, "load"):
            self.module.load()

    async def ask(self, rows: list[dict]) -> list:
        """Waits for its turn, but not for ever."""
        if self.waiting >= QUEUE:
            raise Refusal(429, f"{self.waiting} requests wait already; come back later")
        came = time.perf_counter()
        try:
            return await asyncio.wait_for(self._turn(rows, came), TIMEOUT)
        except asyncio.TimeoutError:
            raise Refusal(504, f"there was no answer within {TIMEOUT:g} s") from None

    async def _turn(self, rows: list[dict], came: float) -> list:
        self.waiting += 1
        try:
            await self.free.acquire()
        finally:
            self.waiting -= 1
        WAITED.observe(time.perf_counter() - came)
        running = asyncio.get_running_loop().run_in_executor(self.threads, self.run, rows)
        # A thread cannot be stopped: its place is free when it ends, whoever still waits for it.
        running.add_done_callback(lambda _: self.free.release())
        return await asyncio.shield(running)

    def run(self, rows: list[dict]) -> list:
        began = time.perf_counter()
        answers = self.function(rows) if self.takes_list else [self.function(row) for row in rows]
        RAN.observe(time.perf_counter() - began)
        BATCH.observe(len(rows))
        answers = plain(answers)
        if not isinstance(answers, list) or len(answers) != len(rows):
            raise TypeError(f"{MODEL} was asked for {len(rows)} rows and did not give a list of as many answers")
        return answers


def takes_list(function) -> bool:
    """Is the first parameter said to be a list?"""
    first = next(iter(inspect.signature(function).parameters.values()), None)
    said = "" if first is None or first.annotation is first.empty else str(first.annotation)
    return re.match(r"(<class ')?(typing\.)?(list|sequence)\b", said, re.IGNORECASE) is not None


def plain(value):
    """What JSON can say: numpy's and torch's values as Python's, NaN and infinite numbers as null."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain(value.tolist()) if hasattr(value, "tolist") else value


class Api:
    def __init__(self):
        self.schema = Schema(Path("schema.yaml"))
        self.ready = False
        self.model: Model | None = None

    @asynccontextmanager
    async def lifespan(self, _app):
        """Health is answered while the model is loaded and asked once."""
        loading = asyncio.create_task(self.start())
        yield
        loading.cancel()

    async def start(self) -> None:
        try:
            self.model = await asyncio.to_thread(Model, MODEL)
            await asyncio.to_thread(self.model.load)
            example = self.schema.example()
            if example is not None:
                await self.model.ask(self.schema.check([example], False))
            self.ready = True
        except Exception:
            log.exception("the model cannot be served")
            os._exit(1)

    async def decide(self, request: Request) -> Response:
        body = await body_of(request)
        return Response(json.dumps(await self.answers(body), ensure_ascii=False), media_type="application/json")

    async def instances(self, request: Request) -> Response:
        """Vertex AI, KServe and SageMaker wrap their rows."""
        body = await body_of(request)
        if not isinstance(body, dict) or not isinstance(body.get("instances"), list):
            return await self.decide(request)
        predictions = await self.answers(body["instances"])
        return Response(json.dumps({"predictions": predictions}, ensure_ascii=False), media_type="application/json")

    async def answers(self, body):
        listed = isinstance(body, list)
        rows = body if listed else [body]
        if not rows:
            raise Refusal(422, "the body: expected one row, or a list of at least one, got an empty list")
        if len(rows) > ROWS:
            raise Refusal(413, f"{len(rows)} rows at once; at most {ROWS}")
        self.must_be_ready()
        answers = await self.model.ask(self.schema.check(rows, listed))
        return answers if listed else answers[0]

    def must_be_ready(self) -> None:
        if not self.ready:
            raise Refusal(503, "the model is being loaded")

    async def is_ready(self, _request: Request) -> Response:
        self.must_be_ready()
        return JSONResponse({"ready": True})

    async def is_live(self, _request: Request) -> Response:
        return JSONResponse({"live": True})

    async def greeting(self, _request: Request) -> Response:
        links = {"docs": "/docs", "openapi": "/openapi.json", "decisions": ROUTE, "ready": "/health/ready"}
        message = self.schema.said.get("greeting", f"Send a row to POST {ROUTE}; /docs shows how.")
        inputs = [{"name": name, "expected": expected(feature)} for name, feature in self.schema.features.items()]
        example = {"method": "POST", "path": ROUTE, "body": self.schema.example()}
        said = {"service": SERVICE, "status": "alive", "release": RELEASE, "message": message, "model": MODEL}
        return JSONResponse({**said, "inputs": inputs, "links": links, "example": example})

    async def openapi(self, _request: Request) -> Response:
        row = {"$ref": "#/components/schemas/Row"}
        example = self.schema.example()
        content = {"schema": {"oneOf": [row, {"type": "array", "items": row, "minItems": 1}]}}
        if example is not None:
            content["example"] = example
        refusal = {"description": "What is wrong, in a sentence.", "content": {"application/json": {"schema": {}}}}
        responses = {"200": {"description": "The answer, or a list of them in the order of the request."}}
        responses |= {code: refusal for code in ("400", "413", "422", "429", "503", "504")}
        summary = "One object, or a list of objects; answers out."
        body = {"required": True, "content": {"application/json": content}}
        post = {"operationId": "decide", "summary": summary, "requestBody": body, "responses": responses}
        info = {"title": self.schema.said.get("title", SERVICE), "version": RELEASE}
        components = {"schemas": {"Row": self.schema.as_json_schema()}}
        return JSONResponse({"openapi": "3.1.0", "info": info, "paths": {ROUTE: {"post": post}}, "components": components})

    async def metrics(self, _request: Request) -> Response:
        WAITING.set(0 if self.model is None else self.model.waiting)
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def docs(self, _request: Request) -> Response:
        return HTMLResponse(DOCS)

    def app(self) -> Starlette:
        routes = [
            Route("/", self.greeting),
            Route("/docs", self.docs),
            Route("/openapi.json", self.openapi),
            Route("/metrics", self.metrics),
            Route("/health/live", self.is_live),
            Route("/health/ready", self.is_ready),
            Route("/ping", self.is_ready),
            Route(ROUTE, self.decide, methods=["POST"]),
            Route("/invocations", self.instances, methods=["POST"]),
            Route(f"/v1/models/{SERVICE}:predict", self.instances, methods=["POST"]),
        ]
        handlers = {Refusal: refused, HTTPException: refused_by_route, Exception: failed}
        return Starlette(routes=routes, lifespan=self.lifespan, exception_handlers=handlers)


async def body_of(request: Request):
    """The JSON of a request. The type that is said does not matter: curl says none, and others say their own."""
    if hasattr(request.state, "body"):
        return request.state.body
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY:
            raise Refusal(413, f"the body is larger than {BODY} bytes")
        parts.append(part)
    try:
        request.state.body = json.loads(b"".join(parts), parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not valid JSON: {error}") from None
    return request.state.body


def no_number(name: str):
    raise ValueError(f"{name} is no number of JSON")


def error_of(request: Request, status: int, message: str, issues: list | None = None, headers=None) -> Response:
    said = {"message": message, **({"issues": issues} if issues else {})}
    headers = {**(headers or {}), **({"retry-after": "1"} if status in (429, 503) else {})}
    return JSONResponse({"error": said, "requestId": request.scope.get("id")}, status, headers)


async def refused(request: Request, refusal: Refusal) -> Response:
    return error_of(request, refusal.status, refusal.message, refusal.issues)


async def refused_by_route(request: Request, error: HTTPException) -> Response:
    at = request.url.path[:200]
    said = {404: f"there is no {at} here; /docs lists what there is", 405: f"{request.method} is not for {at}"}
    return error_of(request, error.status_code, said.get(error.status_code, error.detail), headers=error.headers)


async def failed(request: Request, _error: Exception) -> Response:
    return error_of(request, 500, "the model failed; the log says why")


class Numbers:
    """Counts and times every answer, and gives each request an id that is in its answer."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        scope["id"] = given if re.fullmatch(r"[\w.:-]{1,128}", given, re.ASCII) else uuid.uuid4().hex

        async def note(message):
            if message["type"] == "http.response.start":
                route = path_of(scope)
                REQUESTS.labels(route, message["status"]).inc()
                DURATION.labels(route).observe(time.perf_counter() - began)
                message["headers"].append((b"x-request-id", scope["id"].encode()))
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        await self.app(scope, receive, note)


PATHS = {"/", "/docs", "/openapi.json", "/metrics", "/health/live", "/health/ready", "/ping", ROUTE, "/invocations"}


def path_of(scope) -> str:
    """A stranger's path is no label: there would be one for each."""
    return scope["path"] if scope["path"] in PATHS else "none"


DOCS = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>API</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem}
textarea,pre{width:100%;font:14px/1.5 ui-monospace,monospace;box-sizing:border-box}</style>
<h1 id="title"></h1><p><a href="openapi.json">OpenAPI</a></p><p>POST <code id="route"></code></p>
<textarea id="row" rows="12"></textarea><p><button id="send">Send</button></p><pre id="answer"></pre><script>
const at = (id) => document.getElementById(id);
fetch("openapi.json").then((each) => each.json()).then(({ info, paths }) => {
  const [[route, { post }]] = Object.entries(paths);
  at("title").textContent = info.title; at("route").textContent = route;
  at("row").value = JSON.stringify(post.requestBody.content["application/json"].example ?? {}, null, 2);
  at("send").onclick = async () => {
    const answer = await fetch(route.slice(1), { method: "POST", headers: { "content-type": "application/json" }, body: at("row").value });
    at("answer").textContent = answer.status + "\\n" + (await answer.text());
  };
});
</script></html>"""

app = Numbers(Api().app())


def main():
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    uvicorn.run(app, host="0.0.0.0", port=PORT, access_log=False, timeout_graceful_shutdown=30)


if __name__ == "__main__":
    main()
