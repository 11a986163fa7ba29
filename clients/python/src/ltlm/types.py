"""What the client answers with. Later versions may have more members."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Optional, TypedDict, Union


class Status(str, Enum):
    """The state of the license, as far as this device knows."""

    UNAUTHENTICATED = "unauthenticated"
    ACTIVE = "active"
    VALID_NO_SEAT = "valid_no_seat"
    EXPIRED = "expired"
    GRACE_PERIOD = "grace_period"
    CONNECTION_REQUIRED = "connection_required"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    TERMINATED = "terminated"
    KICKED = "kicked"
    OTHER = "other"

    @classmethod
    def _missing_(cls, value: object) -> "Status":
        # A word of a later version: not usable.
        return cls.OTHER

    @property
    def is_usable(self) -> bool:
        """May the application be used?"""
        return self in (Status.ACTIVE, Status.GRACE_PERIOD)


#: Why the status is what it is: ``server``, ``clock``, ``offline``, ``moved``, ``no_answer_yet``, or ``{"refused": code}``.
Reason = Union[str, dict[str, str]]


@dataclass(frozen=True)
class Snapshot:
    """Everything that an application may want to show, of one moment."""

    status: Status
    reason: Reason
    #: The license as it was last told, with the wire's names.
    license: Optional[dict[str, Any]]
    balance: int
    pending: int
    is_waiting_for_seat: bool
    offline_hours_left: Optional[int]
    days_left: Optional[int]
    hwid: str

    @classmethod
    def of(cls, told: dict[str, Any]) -> "Snapshot":
        """As the native library tells it."""
        return cls(
            status=Status(told["status"]),
            reason=told["reason"],
            license=told["license"],
            balance=told["balance"],
            pending=told["pending"],
            is_waiting_for_seat=told["isWaitingForSeat"],
            offline_hours_left=told["offlineHoursLeft"],
            days_left=told["daysLeft"],
            hwid=told["hwid"],
        )


@dataclass(frozen=True)
class Used:
    """A use that was recorded or charged."""

    operation_id: str
    balance: int
    #: The ledger's entry, of confirmed uses.
    operation: Optional[dict[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What became of an operation: ``unknown``, ``queued``, ``unresolved``, ``charged``, ``refused`` or ``skipped``."""

    outcome: str
    reason: Optional[str]


class Synced(TypedDict):
    """Uses that were charged, and left out."""

    charged: int
    skipped: int


class Seat(TypedDict):
    """One held seat."""

    hwid: str
    nickname: Optional[str]
    lastSeen: str
    leaseUntil: str
    isCurrentDevice: bool


class SeatList(TypedDict):
    """Who holds a seat."""

    seats: list[Seat]
    activeSeats: int
    maxSeats: int
    canReleaseSeat: bool


class ReleasedSeat(TypedDict):
    """A seat that was taken away."""

    success: bool
    message: str
    releasedHwid: str
    seatClaimed: bool
    activeSeats: int


class Checkout(TypedDict):
    """A payment page."""

    checkoutUrl: str
    sessionId: Optional[str]
    message: Optional[str]


class Trial(TypedDict):
    """May an address have a trial?"""

    eligible: bool
    reason: Optional[str]
    message: str


class History(TypedDict):
    """What was used, newest first."""

    entries: list[dict[str, Any]]
    nextCursor: Optional[str]


#: An event, named by its member ``event``.
Event = dict[str, Any]
