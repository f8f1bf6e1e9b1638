"""State at a URL: GET, PUT and DELETE of documents below it, each change on condition of the ETag that one has read (RFC 9110, 13.1)."""

from __future__ import annotations

from collections.abc import Mapping

from harness.http1.asked_url import Answered, NoAnswerError, ask
from harness.reading.proxies import proxy_for
from harness.running.state.store import StateError, Stored

_CHANGED = 412  # Precondition Failed: somebody else wrote it meanwhile
_CONFLICT = 409  # as some stores say where two write at once

_WITHIN_S = 3.0


class UrlStore:
    """Documents below *url*; see `store.Store`. *environment* says through which proxy it is reached."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self._url, self._environment = url.rstrip("/"), environment

    @property
    def where(self) -> str:
        return self._url

    def read(self, name: str) -> Stored | None:
        answer = self._asked("GET", name)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise StateError(f"{self._url}/{name} answers GET with {answer.status}; 200 or 404 would be right")
        if not (tag := answer.headers.get("etag", "")):
            raise StateError(
                f"{self._url}/{name} has no ETag, so nobody could change it safely; let the server send one"
            )
        return Stored(answer.text, tag)

    def write(self, name: str, text: str, replacing: Stored | None) -> bool:
        condition = {"If-Match": replacing.tag} if replacing else {"If-None-Match": "*"}
        return self._changed("PUT", name, condition | {"Content-Type": "application/json"}, text)

    def remove(self, name: str, replacing: Stored) -> bool:
        return self._changed("DELETE", name, {"If-Match": replacing.tag})

    def targets(self) -> list[str]:
        raise StateError(f"{self._url} cannot be asked for all its targets; name one with --target")

    def _changed(self, method: str, name: str, headers: Mapping[str, str], text: str | None = None) -> bool:
        answer = self._asked(method, name, headers, text)
        if answer.status in (_CHANGED, _CONFLICT) or (method == "DELETE" and answer.status == 404):
            return False
        if not 200 <= answer.status < 300:
            what = f"answers {method} with {answer.status}; 2xx, or {_CHANGED} where it was changed meanwhile, would be right"
            raise StateError(f"{self._url}/{name} {what}")
        return True

    def _asked(
        self, method: str, name: str, headers: Mapping[str, str] | None = None, text: str | None = None
    ) -> Answered:
        try:
            proxy = proxy_for(self._url, self._environment)
            return ask(
                f"{self._url}/{name}", proxy=proxy, method=method, body=text, headers=headers, within_s=_WITHIN_S
            )
        except ValueError as error:
            raise StateError(f"the state at {self._url} cannot be reached: {error}") from error
        except NoAnswerError as error:
            raise StateError(
                f"the state at {error}; who may run is kept there, as HARNESS_STATE or state: in the target file says"
            ) from error
