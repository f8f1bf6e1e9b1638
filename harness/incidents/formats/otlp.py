"""OpenTelemetry's OTLP in JSON: a document, or one a line as the collector's file exporter writes; spans of GenAI and HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from math import nan
from typing import Any

import msgspec

from harness.incidents import stamps
from harness.incidents.calls import FAILED, OK, Broken, Call, Passed, hashed
from harness.incidents.formats.jaeger import as_otlp
from harness.incidents.outcomes import host_of, of_error, of_status
from harness.incidents.source import Source, decoded
from harness.incidents.stamps import number, of_number, wait_s

_Text = str | int | float | bool | None


class _Value(msgspec.Struct, frozen=True, gc=False):
    stringValue: str | None = None  # noqa: N815 - as OTLP has it, here and below
    intValue: int | str | None = None  # noqa: N815
    doubleValue: float | str | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815
    arrayValue: Any = None  # noqa: N815


class _Attribute(msgspec.Struct, frozen=True, gc=False):
    key: str
    value: _Value = _Value()


class _Event(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    attributes: list[_Attribute] = []


class _Status(msgspec.Struct, frozen=True, gc=False):
    code: int | str = 0
    message: str = ""


class _Span(msgspec.Struct, gc=False):
    startTimeUnixNano: int | str  # noqa: N815
    endTimeUnixNano: int | str = 0  # noqa: N815
    traceId: str = ""  # noqa: N815
    spanId: str = ""  # noqa: N815
    parentSpanId: str = ""  # noqa: N815
    kind: int | str = 0
    attributes: list[_Attribute] = []
    events: list[_Event] = []
    status: _Status = _Status()


class _Scope(msgspec.Struct, frozen=True, gc=False):
    spans: list[_Span] = []


class _Resource(msgspec.Struct, frozen=True, gc=False):
    scopeSpans: list[_Scope] = []  # noqa: N815
    instrumentationLibrarySpans: list[_Scope] = []  # noqa: N815 - before OTLP 0.15


class _Traces(msgspec.Struct, gc=False):
    resourceSpans: list[_Resource] = []  # noqa: N815


_DECODER = msgspec.json.Decoder(_Traces)
_BEGINS = (
    (b'"resourceSpans"',),
    (b'"resource_spans"',),
    (b'"batches"', b'"spans"'),
    (b'"traceID"', b'"operationName"'),
)
"""What stands in documents of OTLP; of a trace as Tempo has it; as Jaeger has it."""
_OTHERS = {"resourceMetrics": "documents of metrics", "resourceLogs": "documents of logs"}
"""What a collector may write into the same file."""
_SNAKES = re.compile(r"_([a-z])")
_CLIENT = (3, "SPAN_KIND_CLIENT", "3")
_SERVER = (2, "SPAN_KIND_SERVER", "2")
_ERROR = (2, "STATUS_CODE_ERROR", "2")
_OF_MODELS = {"chat", "completion", "text_completion", "generate_content", "embeddings", "llm", "embedding"}
_OF_TOOLS = {"execute_tool", "tool"}
"""What is asked in those is no try of the model's call that they may lie in."""
# Each by its name of today, and then by those that it had before, or has elsewhere (semantic-conventions 1.20 to 1.40, OpenLLMetry,
# OpenInference).
_NAMES = {
    "operation": ("gen_ai.operation.name", "openinference.span.kind"),
    "status": ("http.response.status_code", "http.status_code"),
    "method": ("http.request.method", "http.method"),
    "host": ("server.address", "net.peer.name", "http.host", "peer.service", "net.peer.ip"),
    "port": ("server.port", "net.peer.port"),
    "url": ("url.full", "http.url", "gen_ai.openai.api_base"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system"),
    "model": ("gen_ai.request.model", "gen_ai.response.model", "llm.request.model", "llm.model_name"),
    "ttft_s": ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token"),
    "tokens_in": (
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.usage.prompt_tokens",
        "llm.token_count.prompt",
    ),
    "tokens_out": (
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "conversation": ("gen_ai.conversation.id", "session.id"),
    "wait": ("http.response.header.retry-after", "http.response.header.retry_after"),
    "prompt": ("gen_ai.input.messages", "gen_ai.prompt", "gen_ai.prompt.0.content"),
    "error": ("error.type",),
}
_KNOWN = {name: (what, rank) for what, names in _NAMES.items() for rank, name in enumerate(names)}
_USUAL_PORTS = ("80", "443", "")
_made = Call._make


class Otlp:
    """OpenTelemetry traces in OTLP JSON, or as Tempo and Jaeger have them, with the GenAI and HTTP conventions of today and before."""

    def suits(self, head: bytes) -> bool:
        return head.lstrip()[:1] in (b"{", b"[") and any(all(name in head for name in names) for names in _BEGINS)

    def read(self, source: Source) -> Iterator[Call | Broken | Passed]:
        for found in source.documents():
            if isinstance(found, Broken):
                yield found
                continue
            line, text = found
            try:
                traces = _DECODER.decode(text)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                yield from _one_by_one(line, text)
                continue
            if not traces.resourceSpans:
                yield from _one_by_one(line, text)
            for resource in traces.resourceSpans:
                for scope in (*resource.scopeSpans, *resource.instrumentationLibrarySpans):
                    yield from map(_read, [line] * len(scope.spans), scope.spans)


def _one_by_one(line: int, text: bytes) -> Iterator[Call | Broken | Passed]:
    """The spans of a document in which not all is as it should be: those that are, and the others as broken."""
    try:
        document = _in_camels(decoded(text))
        if kind := next((kind for key, kind in _OTHERS.items() if key in document), None):
            yield Passed(kind)
            return
        spans = [*_spans(document)]
    except ValueError as error:
        yield Broken(line, str(error))
        return
    except (KeyError, TypeError, AttributeError):
        yield Broken(line, "has not the form of OTLP: resourceSpans, in each scopeSpans, in each spans")
        return
    for span in spans:
        try:
            yield _read(line, msgspec.convert(as_otlp(span) if _is_jaegers(span) else span, _Span))
        except (ValueError, OverflowError, RecursionError) as error:
            yield Broken(line, f"a span: {error}")
        except (KeyError, TypeError, AttributeError):
            yield Broken(line, "a span: has not the form of Jaeger's")


def _spans(document: dict[str, Any]) -> Iterator[Any]:
    """The spans of a document of OTLP, of a trace as Tempo has it, or of several as Jaeger has them."""
    if isinstance(traces := document.get("data"), list):
        yield from (span for trace in traces for span in trace["spans"])
        return
    document = document.get("trace", document)
    for resource in document.get("batches") or document["resourceSpans"]:
        for scope in (*resource.get("scopeSpans", ()), *resource.get("instrumentationLibrarySpans", ())):
            yield from scope["spans"]


def _is_jaegers(span: object) -> bool:
    return isinstance(span, dict) and "spanID" in span


def _in_camels(value: Any) -> Any:
    """*value* with the names of OTLP in JSON, where it has those of protobuf: `resource_spans` is `resourceSpans`."""
    if isinstance(value, dict):
        return {_SNAKES.sub(lambda found: found[1].upper(), key): _in_camels(one) for key, one in value.items()}
    return [_in_camels(one) for one in value] if isinstance(value, list) else value


def _read(line: int, span: _Span) -> Call | Broken | Passed:
    try:
        return _call(span)
    except (ValueError, OverflowError) as error:
        return Broken(line, f"a span: {error}")


def _wait_s(said: object, told_s: float) -> float:
    """The wait that a header of a span states; one that nobody can read is none."""
    try:
        found = wait_s(said, told_s)
    except ValueError:
        return nan
    return found if found >= 0 else nan


def _call(span: _Span) -> Call | Passed:
    said = _said(span.attributes)
    served = span.kind in _SERVER
    of_model = "provider" in said or "operation" in said
    if of_model and (operation := str(said.get("operation", "chat")).lower()) not in _OF_MODELS:
        lies_in = () if operation in _OF_TOOLS else (_id(span.spanId), _id(span.parentSpanId))
        return Passed("spans of tools and agents", *lies_in)
    if not (of_model or ("method" in said and (served or span.kind in _CLIENT))):
        return Passed("spans of neither a model nor HTTP", _id(span.spanId), _id(span.parentSpanId))
    start_ns, end_ns = _whole(span.startTimeUnixNano), _whole(span.endTimeUnixNano)
    get = said.get
    ttft_s, wait = get("ttft_s"), get("wait")
    return _made(
        (
            of_number(float(start_ns)),
            _came_to(span, said),
            (end_ns - start_ns) / 1e6 if end_ns else nan,
            1e3 * (number(ttft_s) or nan) if ttft_s is not None else nan,
            "" if served else _link(said),
            str(get("model", "")),
            _count(get("tokens_in")),
            _count(get("tokens_out")),
            _wait_s(wait, end_ns / 1e9) if wait is not None else nan,
            str(get("conversation", "")),
            span.traceId,
            served and not of_model,
            _id(span.spanId),
            _id(span.parentSpanId),
            of_model,
            str(get("prompt", "")),
        )
    )


def _said(attributes: list[_Attribute]) -> dict[str, _Text]:
    """What is known of *attributes*, by what it is; the name of today goes before those that it had."""
    said: dict[str, _Text] = {}
    for one in attributes:
        if (known := _KNOWN.get(one.key)) is not None:
            what, rank = known
            if rank == 0 or what not in said:
                text = one.value.stringValue
                said[what] = text if text is not None else _plain(one.value)
    return said


def _count(value: _Text) -> int:
    """How many tokens; -1 where that is not said."""
    if value is None:
        return -1
    found = _whole(value)
    return found if 0 <= found < 1 << 40 else -1


def _whole(value: str | float) -> int:
    try:
        return int(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{stamps.said(value)} is no whole number") from None


def _plain(value: _Value) -> _Text:
    if value.stringValue is not None:
        return value.stringValue
    if value.intValue is not None:
        return value.intValue
    if value.doubleValue is not None:
        return value.doubleValue
    if isinstance(value.arrayValue, dict) and isinstance(values := value.arrayValue.get("values"), list) and values:
        first = values[0]
        return next(iter(first.values()), None) if isinstance(first, dict) else None
    return value.boolValue


def _came_to(span: _Span, said: dict[str, _Text]) -> int:
    status = said.get("status")
    if status is not None and (found := of_status(int(number(status) or 200))) != OK:
        return found
    error = said.get("error")
    if span.status.code not in _ERROR and error is None:
        return OK
    found = of_error(str(error)) if error is not None else FAILED
    texts = [span.status.message, *(str(_plain(one.value)) for event in span.events for one in event.attributes)]
    return found if found != FAILED else next((known for text in texts if (known := of_error(text)) != FAILED), FAILED)


def _link(said: dict[str, _Text]) -> str:
    address = said.get("host") or said.get("url")
    if not address:
        return str(said.get("provider") or "")
    return _at(str(address), str(said.get("port", "")))


@lru_cache(maxsize=4096)
def _at(address: str, port: str) -> str:
    """What is at that *address* and *port*; spans name few of them, each again and again."""
    host = host_of(address)
    return host if port in _USUAL_PORTS or ":" in host else f"{host}:{port}"


def _id(text: str) -> int:
    """A span's id as a number; 0 where there is none."""
    if not text:
        return 0
    try:
        found = int(text[-16:], 16)
    except ValueError:
        return hashed(text)
    return found if found < 1 << 63 else found - (1 << 64)
