"""Attempts joined to the requests that they were made for, by nonce, and each request in the phase in which it was due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import inf
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.judging.answers import as_asked
from harness.planning.plan import Plan
from harness.protocols.asked_for import paths_in_words
from harness.reading.questions import Question

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from harness.judging.scoring.answers import Bools, Publication

CLIENT = "client"
"""The layer of an attempt that a service would not have made, had its client not asked again."""
LOOKS = ("GET", "HEAD", "OPTIONS")
"""Methods by which nothing is asked of a provider; a run of before they were written down has none."""
_FIRST = ("due_s", "start_s")
_LATER = ("sent_s", "last_sent_s", "forwarded_s", "first_byte_s", "first_token_s", "end_s")
"""Instants of a row that come after its first one. Their own order is open: an answer may begin before its request is whole."""
_HAIR_S = 0.005  # a sleep may end a hair before it is due to
_OVERDUE_S = 5.0  # a client that is hardly ever scheduled may take an answer that came behind its deadline


def derive_requests(
    plan: Plan,
    requests: pd.DataFrame,
    attempts: pd.DataFrame,
    publications: Sequence[Publication] = (),
    asked: Mapping[str, Question] = MappingProxyType({}),
) -> pd.DataFrame:
    """*requests* in order of index with ``phase``, ``good``, ``latency_ms``, ``ttft_ms`` and ``attempts``.

    *attempts* are those that `derive_attempts` made. What answers have to say is known from *publications* and from the questions
    *asked*. Latency counts from when a request was due, and is NaN unless its answer completed, and where the instants cannot be as
    they are written.
    """
    frame = requests.sort_values("index", kind="stable").reset_index(drop=True)
    frame["phase"] = phases_of(plan, frame["due_s"])
    complete = (frame["outcome"] == "complete") & ~_out_of_order(frame)
    frame["latency_ms"] = (1000 * (frame["end_s"] - frame["due_s"])).where(complete)
    frame["ttft_ms"] = (1000 * (frame["first_token_s"] - frame["due_s"])).where(complete)
    in_time = frame["latency_ms"] <= 1000 * plan.scenario.good.within
    frame["good"] = in_time & as_asked(plan, frame, publications, asked)
    joined = attempts.loc[attempts["request"] >= 0, "request"].value_counts()
    frame["attempts"] = frame["index"].map(joined).fillna(0).astype("int64")
    return frame


def impossible(rows: pd.DataFrame) -> int:
    """How many of the rows of one table have instants out of the order in which they come."""
    return int(_out_of_order(rows).sum())


def endless(plan: Plan, requests: pd.DataFrame) -> int:
    """How many answers are said to be whole and never ended, or ended long after their client had given them up."""
    # Users of a locustfile give up when they like.
    most_s = inf if plan.closed else plan.scenario.load.deadline + _OVERDUE_S
    lasted_s = (requests["end_s"] - requests["due_s"])[requests["outcome"] == "complete"]
    return int((lasted_s.isna() | (lasted_s > most_s)).sum())


def _out_of_order(rows: pd.DataFrame) -> Bools:
    """Which of *rows* have an instant before the one at which they began, or an answer that ended before it began."""
    pairs = [(first, later) for first in _FIRST for later in _LATER]
    pairs += [("first_byte_s", "end_s"), ("first_token_s", "end_s"), ("last_sent_s", "end_s")]
    at_s = {name: rows[name].to_numpy() for name in (*_FIRST, *_LATER) if name in rows}
    # A comparison with an instant that never came is false.
    return reduce(or_, [at_s[b] < at_s[a] - _HAIR_S for a, b in pairs if a in at_s and b in at_s])


def derive_attempts(plan: Plan, attempts: pd.DataFrame, requests: pd.DataFrame) -> pd.DataFrame:
    """*attempts* in order of start with ``request`` (-1: joined to none), ``layer`` and ``phase`` (in which the request was due)."""
    import numpy as np

    from harness.judging.scoring.amplification import layers

    frame = attempts.sort_values("start_s", kind="stable").reset_index(drop=True)
    known = requests[requests["nonce"] != ""].drop_duplicates(["nonce", "index"])
    # A nonce that two requests carry joins to neither: to guess would invent retries.
    known = known.drop_duplicates("nonce", keep=False).set_index("nonce")
    frame["request"] = frame["nonce"].map(known["index"]).fillna(-1).astype("int64")
    links = frame["link"].astype("category").cat.codes.to_numpy()
    counts = frame["retry_count"].fillna(-1).astype("int64").to_numpy()
    start_s, end_s = (frame[name].to_numpy() for name in ("start_s", "end_s"))
    layer = np.asarray(layers(_wants(plan, frame), start_s, links, counts, end_s), dtype=object)
    # The first of a later press was made since its client asked again.
    layer[(layer == "first") & (frame["press"].to_numpy() > 0)] = CLIENT
    frame["layer"] = np.where(frame["request"].to_numpy() >= 0, layer, "")
    frame["phase"] = phases_of(plan, frame["nonce"].map(known["due_s"]).astype("float64"))
    return frame


def _wants(plan: Plan, attempts: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Of each of *attempts* what its request wanted by it, as a number: those of one number are tries at the same thing.

    A chat after an embedding, or after what a tool said, is no failover, and what a client asks anew is asked from the start.
    """
    import numpy as np

    kinds = {name: link.kind for name, link in plan.target.links.items()}
    words = paths_in_words(attempts["path"].tolist())
    what: pd.Series[str] = attempts["link"].map(kinds).fillna("").astype(str) + np.where(
        attempts["path"].isin(words), " words", ""
    )
    number = np.unique(what.to_numpy(dtype=str), return_inverse=True)[1]
    press = attempts["press"].to_numpy()
    of_press = attempts["request"].to_numpy() * (press.max(initial=0) + 1) + press
    wants: npt.NDArray[np.int64] = of_press * (number.max(initial=0) + 1) + number
    return wants


def made_for_requests(attempts: pd.DataFrame) -> pd.Series[bool]:
    """Which of *attempts* were made for requests: those that are joined to one, and those that ask for what joined ones ask for.

    A service may look by itself whether its provider is there, and such a call carries no nonce.
    """
    joined, asks_for = attempts["request"] >= 0, attempts["method"] + " " + attempts["path"]
    return joined | (asks_for.isin(asks_for[joined].unique()) & ~cut_off(attempts))


def cut_off(attempts: pd.DataFrame) -> pd.Series[bool]:
    """Which of *attempts* were still being said when the run ended, and had not come to their nonce: nobody can know what they were for."""
    return (attempts["outcome"] == "unfinished") & attempts["sent_s"].isna() & (attempts["nonce"] == "")


def since_the_load_began(rows: pd.DataFrame, requests: pd.DataFrame) -> pd.DataFrame:
    """*rows*, attempts or arrivals, without those of before: of the question that is asked then, and of a service that starts."""
    kept = (rows["start_s"] >= 0) | (rows["nonce"].isin(requests["nonce"]) & (rows["nonce"] != ""))
    return rows[kept].reset_index(drop=True)


def phases_of(plan: Plan, due_s: pd.Series) -> pd.Series:
    """The phase that each instant belongs to; an empty text where it belongs to none."""
    import numpy as np
    import pandas as pd

    edges = [phase.start_s for phase in plan.phases]
    names = np.array([*(phase.name for phase in plan.phases), ""], dtype=object)
    places = np.searchsorted(edges, due_s.to_numpy(), side="right") - 1
    # A jittered arrival may be due a hair before 0 or after the end; it still belongs to the run. NaN sorts last and belongs nowhere.
    places = np.where(np.isnan(due_s.to_numpy()), len(names) - 1, np.clip(places, 0, len(names) - 2))
    return pd.Series(names[places], index=due_s.index, dtype="str")
