"""The places where a fault can bite, each one file; `base.py` says what a place promises."""

from __future__ import annotations

from harness.registry import load_third_parties
from harness.running.world.places.base import Place, Reach, places
from harness.running.world.places.container import ContainerPlace
from harness.running.world.places.edge import EdgePlace
from harness.running.world.places.process import ProcessPlace
from harness.running.world.places.provider import ProviderPlace
from harness.running.world.places.resolver import ResolverPlace
from harness.running.world.places.store import StorePlace
from harness.running.world.places.tap import TapPlace
from harness.running.world.places.toxiproxy import ToxiproxyPlace

places.add("tap", TapPlace)
places.add("resolver", ResolverPlace)
places.add("toxiproxy", ToxiproxyPlace)
places.add("edge", EdgePlace)
places.add("provider", ProviderPlace)
places.add("store", StorePlace)
places.add("process", ProcessPlace)
places.add("container", ContainerPlace)

load_third_parties("places")

__all__ = ["Place", "Reach", "places"]
