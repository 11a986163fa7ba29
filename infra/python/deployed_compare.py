"""The same calls on two engines: the local cloud's table, and the embedded one that `tools/local` runs on."""

import json
import re
import subprocess

from deployed_journeys import Api
from local_cloud import fail, say

# What is another each time, by the shape of its text. What stays is compared to the letter.
SHAPES = [
    (re.compile(r"-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----\n?"), "<public key>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<instant>"),
    (re.compile(r"[0-9a-f]{64}"), "<32 bytes>"),
    (re.compile(r"\b(prj|sec|wh|hold|tok)_[0-9a-f]{16}"), r"<\1>"),
    (re.compile(r"LIC-[0-9A-F]{16}"), "<license key>"),
]
# Numbers that count up in a deployment.
COUNTED = {"ProjectID", "PolicyID", "LicenseID", "number"}


def without_chance(value, name=None):
    if isinstance(value, dict):
        return {without_chance(key): without_chance(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [without_chance(member) for member in value]
    if isinstance(value, str):
        for shape, word in SHAPES:
            value = shape.sub(word, value)
        return value
    return "<number>" if name in COUNTED else value


def answers_are_the_embedded_engines(transcript, journey, binaries, work):
    """Goes the journey once more on the local server, and compares answer by answer."""
    folder = work / "embedded"
    program = subprocess.Popen(
        [str(binaries / "local"), "--port", "0", "--data", str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        line = program.stdout.readline()
        if not line.startswith("LTLM is ready"):
            fail(f"the local server says {line!r}")
        demo = json.loads((folder / "demo.json").read_text())
        embedded = Api(demo["baseUrl"], demo["adminKey"])
        journey(embedded)
    finally:
        program.kill()
        program.wait()
    calls = [without_chance(list(call)) for call in transcript if call[1] not in ("/health", "/api/health")]
    again = [without_chance(list(call)) for call in embedded.transcript]
    calls = calls[: len(again)]
    for ours, theirs in zip(again, calls, strict=True):
        if ours != theirs:
            fail(f"the embedded engine answers\n{json.dumps(ours)}\nand the local cloud\n{json.dumps(theirs)}")
    say(f"{len(again)} answers are the same on the local cloud's table and on the embedded engine.")
