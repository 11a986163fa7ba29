"""LTLM for applications: licenses, seats, tokens and offline use."""

from . import aio
from ._native import Error, version
from .client import Client
from .types import Event, Outcome, Reason, Snapshot, Status, Used

__all__ = ["Client", "Error", "Event", "Outcome", "Reason", "Snapshot", "Status", "Used", "aio", "version"]
