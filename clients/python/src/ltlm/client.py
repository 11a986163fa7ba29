"""The client with calls that block."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from types import TracebackType
from typing import Any, Callable, Optional, Union, cast

from . import _native
from .types import (
    Checkout,
    Event,
    History,
    Outcome,
    Reason,
    ReleasedSeat,
    SeatList,
    Snapshot,
    Status,
    Synced,
    Trial,
    Used,
)

#: How long a wait for events is, in seconds, before it is begun again.
_WAIT = 3600.0
_open: "weakref.WeakSet[Client]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    # A thread that is in the native library must not come back to an interpreter that has ended.
    for client in list(_open):
        client.close()


class Client:
    """A client. Calls may come from any thread and block for at most the configured time, or ``timeout`` seconds.

    ``config`` has the members of the native configuration (``baseUrl``, ``projectId``, ``projectSecret``, ``publicKeys`` and others).
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self._handle = _native.open_client(config)
        self._process = os.getpid()
        self._listeners: list[Callable[[Event], None]] = []
        self._thread: Optional[threading.Thread] = None
        self._lock = threading.Lock()
        _open.add(self)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the seat back if no other process of this device uses it, and stops. Takes two seconds at most."""
        with self._lock:
            handle, self._handle = self._handle, 0
            thread = self._thread
        _open.discard(self)
        if handle == 0 or os.getpid() != self._process:
            return
        _native.free(handle)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=2.0)

    def call(self, method: str, timeout: Optional[float] = None, **arguments: Any) -> Any:
        """Any method by its name in the native library, with its arguments in camel case. ``None`` stands for one that is not given."""
        return _native.call(self._handle, method, arguments, timeout)

    def _snapshot(self, method: str, timeout: Optional[float], **arguments: Any) -> Snapshot:
        return Snapshot.of(self.call(method, timeout, **arguments))

    def load_stored(self, timeout: Optional[float] = None) -> Snapshot:
        """Uses the license that is kept. Where it holds without an answer this returns at once, and it is checked in the background."""
        return self._snapshot("load_stored", timeout)

    def activate(self, key: str, timeout: Optional[float] = None) -> Snapshot:
        """Registers this device on a license, takes a seat and keeps the license."""
        return self._snapshot("activate", timeout, key=key)

    def validate(self, key: str, timeout: Optional[float] = None) -> Snapshot:
        """The same as :meth:`activate`."""
        return self._snapshot("validate", timeout, key=key)

    def refresh(self, timeout: Optional[float] = None) -> Snapshot:
        """Asks the server for the license as it is."""
        return self._snapshot("refresh", timeout)

    def heartbeat(self, timeout: Optional[float] = None) -> Snapshot:
        """Beats now. Beats go out by themselves; this is for impatience."""
        return self._snapshot("heartbeat", timeout)

    def sign_out(self, timeout: Optional[float] = None) -> None:
        """Gives the seat back, and beats no more until :meth:`reactivate`. Needs the server."""
        self.call("sign_out", timeout)

    def reactivate(self, timeout: Optional[float] = None) -> Snapshot:
        """Takes a seat again, after a sign-out or when it was taken away."""
        return self._snapshot("reactivate", timeout)

    def clear(self) -> None:
        """Forgets the license. Uses that wait to be charged are kept."""
        self.call("clear")

    def import_file(self, text: str) -> Snapshot:
        """Takes the text of an offline file (``.ltlm``). Nothing is sent, now or later."""
        return self._snapshot("import_file", None, text=text)

    def status(self) -> tuple[Status, Reason]:
        """The status, and why."""
        told = self.call("status")
        return Status(told["status"]), cast(Reason, told["reason"])

    def snapshot(self) -> Snapshot:
        """Everything at once."""
        return self._snapshot("snapshot", None)

    def license(self) -> Optional[dict[str, Any]]:
        """The license as it was last told, with the wire's names."""
        return cast("Optional[dict[str, Any]]", self.call("license"))

    def hwid(self) -> str:
        """The device's id, which a vendor needs for an offline file."""
        return cast(str, self.call("hwid"))

    def balance(self) -> int:
        """Tokens left, uses that wait already taken off."""
        return _native.balance(self._handle)

    def has_tokens(self, amount: int) -> bool:
        """Is the balance at least so large? Asks the server for five seconds at most, then answers by what is known."""
        return cast(bool, self.call("has_tokens", amount=amount))

    def consume(self, amount: int, action: str, meta: Optional[dict[str, Any]] = None) -> Used:
        """Uses tokens: decided at once by what is known, recorded before it returns, and charged once, when the server can be reached."""
        return _used(self.call("consume", amount=amount, action=action, meta=meta))

    def consume_confirmed(
        self,
        amount: int,
        action: str,
        meta: Optional[dict[str, Any]] = None,
        operation_id: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Used:
        """Uses tokens if the server agrees. The same operation id is charged once, however often it is sent."""
        told = self.call(
            "consume_confirmed", timeout, amount=amount, action=action, meta=meta, operationId=operation_id
        )
        return _used(told)

    def operation(self, operation_id: str) -> Outcome:
        """What became of an operation, as far as this process remembers."""
        return Outcome(**self.call("operation", operationId=operation_id))

    def sync(self, timeout: Optional[float] = None) -> Synced:
        """Charges what waits, now."""
        return cast(Synced, self.call("sync", timeout))

    def pending(self) -> int:
        """Uses that wait to be charged."""
        return cast(int, self.call("pending"))

    def entitled(self, capability: Optional[str] = None, tokens: int = 0) -> bool:
        """Is the license usable, the capability on (if one is named) and the balance sufficient?"""
        return cast(bool, self.call("entitled", capability=capability, tokens=tokens))

    def has_capability(self, name: str) -> bool:
        """Is this capability on?"""
        return cast(bool, self.call("has_capability", name=name))

    def project_setting(self, name: str) -> Any:
        """A value of the vendor's own."""
        return self.call("project_setting", name=name)

    def seats(self, timeout: Optional[float] = None) -> SeatList:
        """Who holds a seat."""
        return cast(SeatList, self.call("seats", timeout))

    def release_seat(self, hwid: str, claim: bool = False, timeout: Optional[float] = None) -> ReleasedSeat:
        """Takes a seat away from a device, and takes it if ``claim``."""
        return cast(ReleasedSeat, self.call("release_seat", timeout, hwid=hwid, claim=claim))

    def settings(self, timeout: Optional[float] = None) -> dict[str, Any]:
        """The user settings as the server has them."""
        return cast("dict[str, Any]", self.call("settings", timeout))

    def save_settings(self, settings: dict[str, Any], timeout: Optional[float] = None) -> dict[str, Any]:
        """Replaces the user settings. The last writer wins. Answers them as they are kept."""
        return cast("dict[str, Any]", self.call("save_settings", timeout, settings=settings))

    def local_settings(self) -> dict[str, Any]:
        """The user settings as they were last told."""
        return cast("dict[str, Any]", self.call("local_settings"))

    def top_up_options(self) -> list[dict[str, Any]]:
        """Packs that can be bought on top of the license."""
        return cast("list[dict[str, Any]]", self.call("top_up_options"))

    def top_up(self, pack_id: str, redirect_url: Optional[str] = None, timeout: Optional[float] = None) -> Checkout:
        """A payment page for a pack."""
        return cast(Checkout, self.call("top_up", timeout, packId=pack_id, redirectUrl=redirect_url))

    def buyable(self, timeout: Optional[float] = None) -> list[dict[str, Any]]:
        """What is for sale."""
        return cast("list[dict[str, Any]]", self.call("buyable", timeout))

    def checkout(
        self,
        policy_id: Union[str, int],
        email: str,
        redirect_url: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Checkout:
        """A payment page for a policy, named by its number or its short name."""
        told = self.call("checkout", timeout, policyId=str(policy_id), email=email, redirectUrl=redirect_url)
        return cast(Checkout, told)

    def trial(self, email: str, timeout: Optional[float] = None) -> Trial:
        """May this e-mail address have a trial? The answer is not signed: it is for showing."""
        return cast(Trial, self.call("trial", timeout, email=email))

    def request_code(self, email: str, timeout: Optional[float] = None) -> None:
        """Mails a code to a customer. The answer is the same whether the address is known or not."""
        self.call("request_code", timeout, email=email)

    def verify_code(self, email: str, code: str, timeout: Optional[float] = None) -> dict[str, Any]:
        """The licenses of a customer who got a code."""
        return cast("dict[str, Any]", self.call("verify_code", timeout, email=email, code=code))

    def history(self, limit: int = 100, cursor: Optional[str] = None, timeout: Optional[float] = None) -> History:
        """What was used, newest first; 1 to 100 rows. The answer is not signed: it is for showing."""
        return cast(History, self.call("history", timeout, limit=limit, cursor=cursor))

    def report(self, kind: str, payload: Optional[dict[str, Any]] = None, timeout: Optional[float] = None) -> None:
        """Reports something to the vendor."""
        self.call("report", timeout, kind=kind, payload=payload)

    def pause(self) -> None:
        """The application goes to the background: nothing is sent by itself."""
        self.call("pause")

    def resume(self) -> None:
        """The application is in front again: a beat goes out at once."""
        self.call("resume")

    def next_event(self, timeout: float = 0.0) -> Optional[Event]:
        """The next event, waiting for at most so many seconds. Not beside :meth:`on_event`: each event goes to one."""
        return _native.next_event(self._handle, timeout)

    def events(self) -> list[Event]:
        """The events that wait."""
        found = []
        while (event := self.next_event()) is not None:
            found.append(event)
        return found

    def on_event(self, listener: Callable[[Event], None]) -> Callable[[], None]:
        """Calls this at every event, in a thread of Python's that is begun with the first listener. It may call the client.

        Answers a function that takes the listener away.
        """
        with self._lock:
            self._listeners.append(listener)
            if self._thread is None:
                # It does not keep the client: one that nobody holds is closed, and the wait ends.
                work = (weakref.ref(self), self._handle)
                self._thread = threading.Thread(target=_pump, args=work, name="ltlm-events", daemon=True)
                self._thread.start()

        def take_away() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return take_away

    def __del__(self) -> None:
        if getattr(self, "_handle", 0):
            self.close()


def _used(told: dict[str, Any]) -> Used:
    return Used(operation_id=told["operationId"], balance=told["balance"], operation=told["operation"])


def _pump(client: "weakref.ref[Client]", handle: int) -> None:
    """Hands events to listeners until the client is closed."""
    while True:
        try:
            event = _native.next_event(handle, _WAIT)
        except _native.Error:
            return
        held = client()
        if held is None:
            return
        with held._lock:
            listeners = list(held._listeners)
        for listener in listeners:
            if event is not None:
                try:
                    listener(event)
                except Exception:  # A listener that fails has failed alone, and is told of as a thread's failure is.
                    threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        del held
