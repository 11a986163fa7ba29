"""The package against the local server, which LTLM_LOCAL names."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any, Callable, Optional

import ltlm
from ltlm import Client, Error, Event, Status

#: The longest that the loop may be blocked, in seconds: ten times the aim.
BLOCKED_MAX = 0.2


class Server:
    """A local server that can be stopped and started again where it was."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = str(free.getsockname()[1])
        self.process: Optional[subprocess.Popen[str]] = None
        self.start()
        self.demo: dict[str, Any] = json.loads((Path(folder) / "demo.json").read_text())

    def start(self) -> None:
        command = [os.environ["LTLM_LOCAL"], "--port", self.port, "--quiet", "--data", self.folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("LTLM is ready")

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def config(self, device: str, **more: Any) -> dict[str, Any]:
        demo = self.demo
        return {
            "baseUrl": demo["baseUrl"],
            "projectId": demo["projectId"],
            "projectSecret": demo["projectSecret"],
            "publicKeys": [demo["publicKeyPem"]],
            "dataDir": str(Path(self.folder) / device),
            "deviceId": device,
            **more,
        }

    @property
    def key(self) -> str:
        key: str = self.demo["licenses"]["SUB"]
        return key


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < until, "it does not come to it"
        time.sleep(0.02)


class WithServer(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="ltlm-python-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.server = Server(self.folder)
        self.addCleanup(self.server.stop)

    def test_storage_certificates_and_the_log_are_settings(self) -> None:
        config = self.server.config("settings", storage="memory", log="info")
        with self.assertRaises(Error) as both:
            Client(config)
        self.assertEqual(both.exception.name, "BAD_CONFIG")
        del config["dataDir"]
        with Client(config) as client:
            with self.assertRaises(Error):
                client.load_stored()
            lines = [event for event in client.events() if event["event"] == "log"]
            self.assertEqual({event["level"] for event in lines}, {"info"})
            self.assertTrue(any("code=NoLicense" in event["message"] for event in lines), lines)
            # What is kept nowhere leaves nothing behind.
            client.activate(self.server.key)
            client.sign_out()
        self.assertFalse((Path(self.folder) / "settings").exists())
        for bad in ({"storage": "cloud"}, {"log": "loud"}, {"keyStore": "cloud"}, {"caFile": "/no/such/file.pem"}):
            with self.assertRaises(Error) as refused:
                Client(self.server.config("settings", **bad))
            self.assertEqual(refused.exception.name, "BAD_CONFIG", bad)

    def test_a_license_from_end_to_end(self) -> None:
        with Client(self.server.config("desk")) as client:
            heard: list[Event] = []
            take_away = client.on_event(heard.append)
            with self.assertRaises(Error) as none:
                client.load_stored()
            self.assertEqual((none.exception.code, none.exception.name), (20, "NO_LICENSE"))
            with self.assertRaises(Error) as wrong:
                client.activate("LIC-0000000000000000")
            self.assertEqual(wrong.exception.server_code, "LICENSE_NOT_FOUND")
            self.assertFalse(wrong.exception.is_transient)
            snapshot = client.activate(self.server.key)
            self.assertEqual((snapshot.status, snapshot.balance), (Status.ACTIVE, 100))
            assert snapshot.license is not None and client.license() == snapshot.license
            self.assertEqual(client.status(), (Status.ACTIVE, "server"))
            self.assertTrue(client.entitled("pro", 100) and not client.entitled("pro", 101))
            self.assertTrue(client.has_capability("pro") and client.has_tokens(100))
            used = client.consume(3, "export", {"größe": 2})
            self.assertEqual((used.balance, used.operation), (97, None))
            wait_until(lambda: client.pending() == 0)
            self.assertEqual(client.operation(used.operation_id).outcome, "charged")
            confirmed = client.consume_confirmed(5, "render", operation_id="op-1")
            self.assertEqual((confirmed.operation_id, client.consume_confirmed(5, "render", operation_id="op-1").balance), ("op-1", 92))
            with self.assertRaises(Error) as short:
                client.consume(1000, "export")
            self.assertEqual(short.exception.name, "INSUFFICIENT_TOKENS")
            newest = client.history(10)["entries"]
            self.assertEqual([entry["action"] for entry in newest[:2]], ["render", "export"])
            self.assertEqual(newest[1]["meta"], {"größe": 2})
            self.assertEqual(client.seats()["activeSeats"], 1)
            self.assertEqual(client.save_settings({"theme": "dark"}), {"theme": "dark"})
            self.assertEqual((client.settings(), client.local_settings()), ({"theme": "dark"},) * 2)
            self.assertTrue(client.top_up("tokens_50")["checkoutUrl"].startswith("http"))
            self.assertTrue(client.buyable() and client.top_up_options())
            with self.assertRaises(Error) as nobody:
                client.release_seat("nobody")
            self.assertEqual(nobody.exception.server_code, "SEAT_NOT_HELD")
            with self.assertRaises(Error) as unknown:
                client.call("activate", kye="k")
            self.assertEqual(unknown.exception.name, "BAD_ARGUMENT")
            client.sign_out()
            self.assertEqual(client.status()[0], Status.VALID_NO_SEAT)
            self.assertEqual(client.reactivate().status, Status.ACTIVE)
            wait_until(lambda: any(event["event"] == "tokens_consumed" and event["balance"] == 97 for event in heard))
            take_away()
            client.clear()
            self.assertEqual(client.snapshot().status, Status.UNAUTHENTICATED)
            self.assertEqual(len(client.hwid()), 64)
        with self.assertRaises(Error) as closed:
            client.balance()
        self.assertEqual(closed.exception.name, "BAD_HANDLE")
        client.close()

    def test_an_application_lives_through_a_stop_of_the_server(self) -> None:
        with Client(self.server.config("desk")) as client:
            client.activate(self.server.key)
            self.server.stop()
            client.consume(2, "offline")
            self.assertEqual((client.balance(), client.pending()), (98, 1))
            with self.assertRaises(Error) as offline:
                client.refresh()
            self.assertTrue(offline.exception.is_transient)
        with Client(self.server.config("desk")) as client:
            self.assertEqual(client.load_stored().status, Status.ACTIVE)
            self.server.start()

            def is_charged() -> bool:
                try:
                    client.sync()
                except Error:
                    return False
                return client.pending() == 0

            wait_until(is_charged)
            self.assertEqual(client.refresh().balance, 98)

    def test_c12_the_loop_is_not_blocked(self) -> None:
        async def run() -> float:
            longest = 0.0
            is_done = False

            async def watch() -> None:
                nonlocal longest
                while not is_done:
                    before = time.monotonic()
                    await asyncio.sleep(0.001)
                    longest = max(longest, time.monotonic() - before - 0.001)

            async with ltlm.aio.Client(self.server.config("desk")) as client:
                watching = asyncio.ensure_future(watch())
                events = client.events()
                first = asyncio.ensure_future(events.__anext__())
                snapshot = await client.activate(self.server.key)
                self.assertEqual(snapshot.status, Status.ACTIVE)
                self.assertEqual((await asyncio.wait_for(first, 60))["event"], "validation_started")
                await asyncio.gather(*(client.consume(1, "export") for _ in range(20)))
                self.assertEqual(client.balance(), 80)
                confirmed = await client.consume_confirmed(1, "render")
                self.assertEqual(confirmed.operation and confirmed.operation["action"], "render")
                self.assertEqual((await client.seats())["activeSeats"], 1)
                seen = set()
                async for event in events:
                    seen.add(event["event"])
                    if event["event"] == "tokens_consumed":
                        break
                await events.aclose()
                self.assertIn("license_status_changed", seen)
                is_done = True
                await watching
            return longest

        self.assertLess(asyncio.run(run()), BLOCKED_MAX)

    def test_c13_a_program_that_does_not_close_ends(self) -> None:
        program = (
            "import json, sys, ltlm\n"
            "client = ltlm.Client(json.loads(sys.argv[1]))\n"
            "client.on_event(lambda event: None)\n"
            "client.activate(sys.argv[2])\n"
            "print('active', flush=True)\n"
        )
        command = [sys.executable, "-c", program, json.dumps(self.server.config("desk")), self.server.key]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            self.assertEqual(child.stdout.readline(), "active\n")
            _, told = child.communicate(timeout=30)
        self.assertEqual((child.returncode, told), (0, ""))
        with Client(self.server.config("desk")) as client:
            client.load_stored()
            client.sign_out()
            self.assertEqual(client.seats()["activeSeats"], 0)

    @unittest.skipUnless(hasattr(os, "fork"), "there is no fork here")
    def test_c14_a_forked_process_makes_a_client_of_its_own(self) -> None:
        client = Client(self.server.config("desk"))
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            told = []
            try:
                client.balance()
            except Error as error:
                told.append(error.name)
            own = Client(self.server.config("child"))
            told.append(own.status()[0].value)
            own.close()
            client.close()
            os.write(write, json.dumps(told).encode())
            os._exit(0)
        os.waitpid(child, 0)
        self.assertEqual(json.loads(os.read(read, 1000)), ["FORKED", "unauthenticated"])
        os.close(read)
        os.close(write)
        self.assertEqual(client.balance(), 0)
        client.close()

    def test_listeners_may_fail_and_call(self) -> None:
        failures: list[Any] = []
        before, threading.excepthook = threading.excepthook, failures.append
        self.addCleanup(setattr, threading, "excepthook", before)
        client = Client(self.server.config("desk"))
        within: list[int] = []

        def fails(event: Event) -> None:
            raise ValueError(event["event"])

        def calls(event: Event) -> None:
            if event["event"] == "tokens_consumed" and not within:
                within.append(client.consume(1, "within").balance)
                client.close()

        client.on_event(fails)
        client.on_event(calls)
        client.activate(self.server.key)
        client.consume(1, "first")
        wait_until(lambda: within == [98] and bool(failures))
        self.assertIs(failures[0].exc_type, ValueError)

    def test_a_client_that_nobody_holds_is_closed(self) -> None:
        client = Client(self.server.config("desk"))
        client.on_event(lambda event: None)
        thread = client._thread
        assert thread is not None
        del client
        gc.collect()
        thread.join(30)
        self.assertFalse(thread.is_alive())


class WithoutServer(unittest.TestCase):
    def test_a_configuration_that_cannot_be_used_is_told(self) -> None:
        for config in ({}, {"baseUrl": "http://example.com"}):
            with self.assertRaises(Error) as wrong:
                Client(config)
            self.assertEqual(wrong.exception.name, "BAD_CONFIG")

    def test_a_status_of_a_later_version_is_not_usable(self) -> None:
        self.assertIs(Status("dormant"), Status.OTHER)
        self.assertFalse(Status.OTHER.is_usable)

    def test_the_versions_agree_and_both_clients_have_the_same_methods(self) -> None:
        self.assertTrue(re.fullmatch(r"\d+\.\d+\.\d+", ltlm.version()))
        names = {name for name in vars(Client) if not name.startswith("_")} - {"call", "next_event"}
        others = {name for name in vars(ltlm.aio.Client) if not name.startswith("_")}
        self.assertEqual(names, others)


if __name__ == "__main__":
    unittest.main()
