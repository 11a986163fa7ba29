"""The C interface by ctypes. No native thread enters Python: events are fetched."""

from __future__ import annotations

import ctypes
import json
import sys
from pathlib import Path
from typing import Any, Callable, Optional

_NAMES = {"darwin": "libltlm.dylib", "win32": "ltlm.dll"}
_NAME = _NAMES.get(sys.platform, "libltlm.so")


class Error(Exception):
    """A call that failed."""

    def __init__(self, told: dict[str, Any]) -> None:
        #: A number that never changes; docs/clients/python.md lists them.
        self.code: int = told.get("code", 99)
        #: Its name, such as ``REFUSED``.
        self.name: str = told.get("name", "INTERNAL")
        #: The server's code, such as ``DEVICE_LIMIT_REACHED``, where it or the license's state refused.
        self.server_code: Optional[str] = told.get("serverCode")
        #: A sentence for people.
        self.message: str = told.get("message", "")
        #: Figures behind the server's refusal.
        self.details: Any = told.get("details")
        #: Seconds after which to try again, if the server said so.
        self.retry_after_seconds: Optional[int] = told.get("retryAfterSeconds")
        super().__init__(f"{self.server_code or self.name}: {self.message}")

    @property
    def is_transient(self) -> bool:
        """May the same call succeed later, unchanged?"""
        return 10 <= self.code < 20 or self.code == 26


def _load() -> ctypes.CDLL:
    beside = Path(__file__).parent / _NAME
    library = ctypes.CDLL(str(beside) if beside.exists() else _NAME)
    client, text, out, ms = ctypes.c_uint64, ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_int32
    functions: dict[str, list[Any]] = {
        "ltlm_client_new": [text, ctypes.POINTER(client)],
        "ltlm_client_free": [client],
        "ltlm_call_wait": [client, text, text, ms, out],
        "ltlm_next_event": [client, ms, out],
        "ltlm_balance": [client, ctypes.POINTER(ctypes.c_int64)],
    }
    for name, arguments in functions.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int32
    library.ltlm_last_error.argtypes, library.ltlm_last_error.restype = [], ctypes.c_void_p
    library.ltlm_string_free.argtypes, library.ltlm_string_free.restype = [ctypes.c_void_p], None
    library.ltlm_version.argtypes, library.ltlm_version.restype = [], ctypes.c_char_p
    return library


_library = _load()


def _taken(pointer: Optional[int]) -> Optional[str]:
    """A text that the library wrote, which is freed."""
    if not pointer:
        return None
    try:
        return ctypes.string_at(pointer).decode()
    finally:
        _library.ltlm_string_free(pointer)


def _check(code: int) -> None:
    if code == 0:
        return
    told = _taken(_library.ltlm_last_error())
    raise Error(json.loads(told) if told else {"code": code})


def _written(call: Callable[[Any], int]) -> Optional[str]:
    out = ctypes.c_void_p()
    code = call(ctypes.byref(out))
    text = _taken(out.value)
    _check(code)
    return text


def version() -> str:
    """The native library's version."""
    told: bytes = _library.ltlm_version()
    return told.decode()


def open_client(config: dict[str, Any]) -> int:
    """Makes a client."""
    handle = ctypes.c_uint64()
    _check(_library.ltlm_client_new(json.dumps(config).encode(), ctypes.byref(handle)))
    return handle.value


def free(handle: int) -> None:
    """Closes a client."""
    _check(_library.ltlm_client_free(handle))


def call(handle: int, method: str, arguments: dict[str, Any], timeout: Optional[float]) -> Any:
    """Makes a call of any method, and waits for at most so many seconds."""
    given = json.dumps({name: value for name, value in arguments.items() if value is not None}).encode()
    ms = 0 if timeout is None else max(1, round(timeout * 1000))
    text = _written(lambda out: _library.ltlm_call_wait(handle, method.encode(), given, ms, out))
    return json.loads(text) if text else None


def balance(handle: int) -> int:
    """Tokens left."""
    out = ctypes.c_int64()
    _check(_library.ltlm_balance(handle, ctypes.byref(out)))
    return out.value


def next_event(handle: int, timeout: float) -> Optional[dict[str, Any]]:
    """The next event, waiting for at most so many seconds."""
    ms = max(0, round(timeout * 1000))
    text = _written(lambda out: _library.ltlm_next_event(handle, ms, out))
    event: Optional[dict[str, Any]] = json.loads(text) if text else None
    return event
