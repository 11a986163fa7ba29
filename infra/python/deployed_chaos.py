"""Processes of functions are killed while callers spend tokens."""

import os
import random
import signal
import threading
import time
import urllib.error

from deployed_journeys import issue
from local_cloud import fail, say

CALLERS = 4
USES = 12
TOKENS = 1_000
FUNCTION = "ltlm-dev-consume"


def functions_are_killed(cloud, api):
    """Every use is charged once, whatever becomes of the process that charges it."""
    project, license = issue(api, "Killed", {"tokens": {"enabled": True, "maxTokens": TOKENS}})
    secret = project["secretKey"]
    api.expect(200, "POST", f"{license}/activate", {"hwid": "desk"}, secret=secret)
    charged, failures, kills = [], [], 0
    done = threading.Event()

    def spend(caller):
        for number in range(USES):
            use = {"hwid": "desk", "amount": 1, "action": "x", "operationId": f"{caller}-{number}"}
            until = time.monotonic() + 60
            while True:
                try:
                    status, told = api.call("POST", f"{license}/consume", use, secret=secret)
                except (urllib.error.URLError, OSError) as error:
                    status, told = 0, str(error)
                if status == 200:
                    charged.append(use["operationId"])
                    break
                failures.append(status)
                # A caller's library comes again after what no answer of ours is, and after "busy".
                if status not in (0, 500, 502, 503, 504) or time.monotonic() > until:
                    failures.append(f"{status}: {told}")
                    return
                time.sleep(0.1)

    callers = [threading.Thread(target=spend, args=(caller,)) for caller in range(CALLERS)]
    for caller in callers:
        caller.start()

    def kill():
        nonlocal kills
        chance = random.Random(20261128)
        while not done.wait(0.05 + 0.2 * chance.random()):
            for process in cloud.processes(FUNCTION)[:1]:
                try:
                    os.kill(process, signal.SIGKILL)
                    kills += 1
                except ProcessLookupError:
                    pass

    killer = threading.Thread(target=kill)
    killer.start()
    for caller in callers:
        caller.join()
    done.set()
    killer.join()
    odd = [failure for failure in failures if isinstance(failure, str)]
    if odd or len(charged) != CALLERS * USES:
        fail(f"{len(charged)} of {CALLERS * USES} uses went through: {odd[:3]}")
    told = api.expect(200, "GET", license, secret=secret)
    if told["tokensRemaining"] != TOKENS - CALLERS * USES:
        fail(f"{CALLERS * USES} uses left {told['tokensRemaining']} of {TOKENS} tokens")
    if kills < 3:
        fail(f"only {kills} processes were killed: this shows nothing")
    say(f"{kills} processes were killed while {CALLERS * USES} uses were made ({len(failures)} answers were lost): each was charged once.")
