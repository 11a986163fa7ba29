"""The client for asyncio: the same methods, awaited. The loop is never blocked: calls run in threads of the client's own."""

from __future__ import annotations

import asyncio
import functools
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, AsyncGenerator, Callable, Optional, TypeVar, Union

from . import client as blocking
from .types import Checkout, Event, History, Outcome, Reason, ReleasedSeat, SeatList, Snapshot, Status, Synced, Trial, Used

#: Calls of one client that run at once.
_CALLS = 8
_T = TypeVar("_T")


class Client:
    """A client. What only reads answers at once; every other method is awaited.

    A call that is canceled goes on in its thread, and its answer is forgotten: the operation id of a use tells what became of it.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._client = blocking.Client(config)
        self._pool = ThreadPoolExecutor(_CALLS, "ltlm-call")

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        await self.close()

    async def _run(self, call: Callable[..., _T], *arguments: Any, **named: Any) -> _T:
        work = functools.partial(call, *arguments, **named)
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def close(self) -> None:
        """Gives the seat back if no other process of this device uses it, and stops. Takes two seconds at most."""
        await asyncio.get_running_loop().run_in_executor(None, self._client.close)
        self._pool.shutdown(wait=False)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Events as they come, until the client is closed or the loop over them is left."""
        loop = asyncio.get_running_loop()
        queue: "asyncio.Queue[Event]" = asyncio.Queue()

        def put(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(queue.put_nowait, event)

        take_away = self._client.on_event(put)
        try:
            while True:
                yield await queue.get()
        finally:
            take_away()

    def on_event(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Calls this in the running loop at every event. Answers a function that takes it away."""
        loop = asyncio.get_running_loop()

        def put(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(listener, event)

        return self._client.on_event(put)

    def status(self) -> tuple[Status, Reason]:
        """The status, and why."""
        return self._client.status()

    def snapshot(self) -> Snapshot:
        """Everything at once."""
        return self._client.snapshot()

    def license(self) -> Optional[dict[str, Any]]:
        """The license as it was last told, with the wire's names."""
        return self._client.license()

    def hwid(self) -> str:
        """The device's id."""
        return self._client.hwid()

    def balance(self) -> int:
        """Tokens left, uses that wait already taken off."""
        return self._client.balance()

    def pending(self) -> int:
        """Uses that wait to be charged."""
        return self._client.pending()

    def entitled(self, capability: Optional[str] = None, tokens: int = 0) -> bool:
        """Is the license usable, the capability on (if one is named) and the balance sufficient?"""
        return self._client.entitled(capability, tokens)

    def has_capability(self, name: str) -> bool:
        """Is this capability on?"""
        return self._client.has_capability(name)

    def project_setting(self, name: str) -> Any:
        """A value of the vendor's own."""
        return self._client.project_setting(name)

    def operation(self, operation_id: str) -> Outcome:
        """What became of an operation, as far as this process remembers."""
        return self._client.operation(operation_id)

    def local_settings(self) -> dict[str, Any]:
        """The user settings as they were last told."""
        return self._client.local_settings()

    def top_up_options(self) -> list[dict[str, Any]]:
        """Packs that can be bought on top of the license."""
        return self._client.top_up_options()

    async def load_stored(self, timeout: Optional[float] = None) -> Snapshot:
        """Uses the license that is kept."""
        return await self._run(self._client.load_stored, timeout)

    async def activate(self, key: str, timeout: Optional[float] = None) -> Snapshot:
        """Registers this device on a license, takes a seat and keeps the license."""
        return await self._run(self._client.activate, key, timeout)

    async def validate(self, key: str, timeout: Optional[float] = None) -> Snapshot:
        """The same as :meth:`activate`."""
        return await self._run(self._client.validate, key, timeout)

    async def refresh(self, timeout: Optional[float] = None) -> Snapshot:
        """Asks the server for the license as it is."""
        return await self._run(self._client.refresh, timeout)

    async def heartbeat(self, timeout: Optional[float] = None) -> Snapshot:
        """Beats now."""
        return await self._run(self._client.heartbeat, timeout)

    async def sign_out(self, timeout: Optional[float] = None) -> None:
        """Gives the seat back, and beats no more until :meth:`reactivate`."""
        await self._run(self._client.sign_out, timeout)

    async def reactivate(self, timeout: Optional[float] = None) -> Snapshot:
        """Takes a seat again."""
        return await self._run(self._client.reactivate, timeout)

    async def clear(self) -> None:
        """Forgets the license. Uses that wait to be charged are kept."""
        await self._run(self._client.clear)

    async def import_file(self, text: str) -> Snapshot:
        """Takes the text of an offline file."""
        return await self._run(self._client.import_file, text)

    async def has_tokens(self, amount: int) -> bool:
        """Is the balance at least so large?"""
        return await self._run(self._client.has_tokens, amount)

    async def consume(self, amount: int, action: str, meta: Optional[dict[str, Any]] = None) -> Used:
        """Uses tokens, decided by what is known. Awaited, because it writes a file."""
        return await self._run(self._client.consume, amount, action, meta)

    async def consume_confirmed(
        self,
        amount: int,
        action: str,
        meta: Optional[dict[str, Any]] = None,
        operation_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Used:
        """Uses tokens if the server agrees."""
        return await self._run(self._client.consume_confirmed, amount, action, meta, operation_id, timeout)

    async def sync(self, timeout: Optional[float] = None) -> Synced:
        """Charges what waits, now."""
        return await self._run(self._client.sync, timeout)

    async def seats(self, timeout: Optional[float] = None) -> SeatList:
        """Who holds a seat."""
        return await self._run(self._client.seats, timeout)

    async def release_seat(self, hwid: str, claim: bool = False, timeout: Optional[float] = None) -> ReleasedSeat:
        """Takes a seat away from a device, and takes it if ``claim``."""
        return await self._run(self._client.release_seat, hwid, claim, timeout)

    async def settings(self, timeout: Optional[float] = None) -> dict[str, Any]:
        """The user settings as the server has them."""
        return await self._run(self._client.settings, timeout)

    async def save_settings(self, settings: dict[str, Any], timeout: Optional[float] = None) -> dict[str, Any]:
        """Replaces the user settings."""
        return await self._run(self._client.save_settings, settings, timeout)

    async def top_up(
        self, pack_id: str, redirect_url: Optional[str] = None, timeout: Optional[float] = None
    ) -> Checkout:
        """A payment page for a pack."""
        return await self._run(self._client.top_up, pack_id, redirect_url, timeout)

    async def buyable(self, timeout: Optional[float] = None) -> list[dict[str, Any]]:
        """What is for sale."""
        return await self._run(self._client.buyable, timeout)

    async def checkout(
        self,
        policy_id: Union[str, int],
        email: str,
        redirect_url: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Checkout:
        """A payment page for a policy."""
        return await self._run(self._client.checkout, policy_id, email, redirect_url, timeout)

    async def trial(self, email: str, timeout: Optional[float] = None) -> Trial:
        """May this e-mail address have a trial?"""
        return await self._run(self._client.trial, email, timeout)

    async def request_code(self, email: str, timeout: Optional[float] = None) -> None:
        """Mails a code to a customer."""
        await self._run(self._client.request_code, email, timeout)

    async def verify_code(self, email: str, code: str, timeout: Optional[float] = None) -> dict[str, Any]:
        """The licenses of a customer who got a code."""
        return await self._run(self._client.verify_code, email, code, timeout)

    async def history(self, limit: int = 100, cursor: Optional[str] = None, timeout: Optional[float] = None) -> History:
        """What was used, newest first."""
        return await self._run(self._client.history, limit, cursor, timeout)

    async def report(
        self, kind: str, payload: Optional[dict[str, Any]] = None, timeout: Optional[float] = None
    ) -> None:
        """Reports something to the vendor."""
        await self._run(self._client.report, kind, payload, timeout)

    async def pause(self) -> None:
        """The application goes to the background."""
        await self._run(self._client.pause)

    async def resume(self) -> None:
        """The application is in front again."""
        await self._run(self._client.resume)
