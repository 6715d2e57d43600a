"""Where long-haul fibre runs, and round trips measured between places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class LinkKind(StrEnum):
    """What a link is, which decides how much longer its fibre is than the line between its ends."""

    LAND = "land"  # along roads and railways
    OCEAN = "ocean"  # a crossing laid as straight as it can be
    COASTAL = "coastal"  # a cable that follows a coast from landing to landing
    REGIONAL = "regional"  # there, but little transit between the places beyond its ends goes this way


@dataclass(frozen=True, kw_only=True)
class Hub:
    """A point of the fibre graph. Traffic enters at exchanges only; a bend is where a cable turns."""

    name: str
    latitude: float  # degrees north
    longitude: float  # degrees east
    exchange: bool


@dataclass(frozen=True, kw_only=True)
class Link:
    """Fibre between two hubs."""

    start: str
    end: str
    kind: LinkKind


@dataclass(frozen=True, kw_only=True)
class FibreMap:
    """All hubs and links; every exchange can be reached from every other."""

    hubs: tuple[Hub, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class MeasuredTrip:
    """A round trip measured between two regions of a provider."""

    start: str
    end: str
    start_latitude: float  # degrees north
    start_longitude: float  # degrees east
    end_latitude: float
    end_longitude: float
    rtt_ms: float
    as_of: date | None = None  # day of the measurement; None: not recorded
