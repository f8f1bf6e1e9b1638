"""The same target run after run: what its file allows to be kept stays, and is put back to where it began between two of them."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from harness.judging.result import ON_THE_SERVICE
from harness.prepare import Prepared
from harness.problems import HarnessError
from harness.reading.target import Target
from harness.reading.templates import fill
from harness.running.world.kept import Kept
from harness.running.world.load_hosts import Gathering
from harness.running.world.subject import posted
from harness.stored import Run


class Reuse:
    """Holds what is kept of one target at a time; as a context it ends that at its end. *say* is told what is not kept, and why.

    Workers of other machines stay likewise: to each of *several* runs they come by its `gathering`.
    """

    def __init__(
        self, say: Callable[[str], object] = lambda _: None, keep: Callable[[], Kept] = Kept, *, several: bool = True
    ) -> None:
        self._say, self._keep = say, keep
        self.gathering = Gathering(several)
        self._of = ""
        self._kept: Kept | None = None

    def __enter__(self) -> Reuse:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.end()
        finally:
            self.gathering.close()

    def run(self, prepared: Prepared, make: Callable[[Kept | None], Run]) -> Run:
        """What *make* gives, in the world that is left of the run before where the target's file allows it.

        A target whose processes have ended, that cannot be put back, or whose run could not be trusted or broke down is started anew.
        """
        target = prepared.target.value
        if target.reset is None or not target.processes or target.compose:
            self.end()
            return make(None)
        if self._of != prepared.target.sha256 or not self._put_back(target):
            self.end()
            self._of, self._kept = prepared.target.sha256, self._keep()
        try:
            made = make(self._kept)
        except BaseException:
            self.end()
            raise
        if made.verdict not in ON_THE_SERVICE or made.result.service_ended:
            self.end()
        return made

    def end(self) -> None:
        """Nothing is kept any more."""
        kept, self._kept, self._of = self._kept, None, ""
        if kept is not None:
            kept.close()

    def _put_back(self, target: Target) -> bool:
        """Whether what is kept is as it was when it began."""
        assert target.reset is not None
        if self._kept is None or not self._kept.whole:
            self._say("the target is started anew, since it is not there any more")
            return False
        try:
            posted(fill(target.reset.post, self._kept.outside))
        except HarnessError as error:
            self._say(f"the target is started anew, since it could not be put back: {error}")
            return False
        return True
