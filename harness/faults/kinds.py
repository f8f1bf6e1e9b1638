"""The table of the faults that a scenario can ask for: a new kind is one file beside this one, and one line here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Union

from pydantic import Field

from harness.faults.bad_answer import BadAnswer
from harness.faults.bad_certificate import BadCertificate
from harness.faults.bad_lookup import BadLookup
from harness.faults.bad_stream import BadStream
from harness.faults.bandwidth import Bandwidth
from harness.faults.base import Fault, faults
from harness.faults.blackhole import Blackhole
from harness.faults.cache_divergence import CacheDivergence
from harness.faults.capacity import Capacity
from harness.faults.cut import Cut
from harness.faults.cut_stream import CutStream
from harness.faults.damaged_store import DamagedStore
from harness.faults.disconnect import Disconnect
from harness.faults.hang_up import HangUp
from harness.faults.http_error import HttpError
from harness.faults.kill import Kill
from harness.faults.latency import Latency
from harness.faults.lost_messages import LostMessages
from harness.faults.pause import Pause
from harness.faults.rate_limit import RateLimit
from harness.faults.regional_loss import RegionalLoss
from harness.faults.resource_limit import ResourceLimit
from harness.faults.slices import Slices
from harness.faults.slow_close import SlowClose
from harness.faults.slow_lookup import SlowLookup
from harness.faults.slow_stream import SlowStream
from harness.faults.stalled_stream import StalledStream
from harness.faults.store_error import StoreError
from harness.faults.switch import Switch
from harness.faults.unplug import Unplug
from harness.registry import load_third_parties

faults.add("latency", Latency)
faults.add("bandwidth", Bandwidth)
faults.add("slices", Slices)
faults.add("cut", Cut)
faults.add("slow_close", SlowClose)
faults.add("blackhole", Blackhole)
faults.add("disconnect", Disconnect)
faults.add("bad_certificate", BadCertificate)
faults.add("bad_lookup", BadLookup)
faults.add("slow_lookup", SlowLookup)
faults.add("regional_loss", RegionalLoss)
faults.add("rate_limit", RateLimit)
faults.add("http_error", HttpError)
faults.add("hang_up", HangUp)
faults.add("capacity", Capacity)
faults.add("cache_divergence", CacheDivergence)
faults.add("store_error", StoreError)
faults.add("lost_messages", LostMessages)
faults.add("damaged_store", DamagedStore)
faults.add("slow_stream", SlowStream)
faults.add("stalled_stream", StalledStream)
faults.add("cut_stream", CutStream)
faults.add("bad_stream", BadStream)
faults.add("bad_answer", BadAnswer)
faults.add("kill", Kill)
faults.add("pause", Pause)
faults.add("resource_limit", ResourceLimit)
faults.add("unplug", Unplug)
faults.add("switch", Switch)

load_third_parties("faults")

if TYPE_CHECKING:
    AnyFault = Fault
else:
    # Made from the table, so that a new kind is one line above.
    AnyFault = Annotated[Union[tuple(kind for _, kind in faults.items())], Field(discriminator="kind")]  # noqa: UP007

__all__ = ["AnyFault", "Fault", "faults"]
