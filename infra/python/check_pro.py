"""Opens, verifies and signs again what the service answered, without a line of the service's own code.

Reads one JSON file: the project's secret, public key and signing seed, and sealed texts. Prints one line per text, and ends
with 1 at the first that does not hold. The printer below follows what is known of the existing client (wire 2.5): .NET's
shortest of 15 and 17 digits, members by UTF-16 units.
"""

import base64
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key

ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def decrypt(key, text):
    """The plain text of a sealed one."""
    parts = [bytes.fromhex(part) for part in text.strip().split(":")]
    if len(parts) == 3:
        iv, tag, cipher = parts
        return AESGCM(key).decrypt(iv, cipher + tag, None)
    iv, cipher = parts
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(cipher) + decryptor.finalize()) + unpadder.finalize()


def fraction(x):
    """A double as .NET's format R prints it, with a point or an exponent in any case."""
    text = "%.14e" % x
    if float(text) != x:
        text = "%.16e" % x
    mantissa, exponent = text.split("e")
    exponent = int(exponent)
    sign, mantissa = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
    digits = mantissa.replace(".", "").rstrip("0") or "0"
    if digits == "0":
        return "0.0"
    if exponent >= 15 or exponent <= -5:
        tail = "." + digits[1:] if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}E{'-' if exponent < 0 else '+'}{abs(exponent):02}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    whole = digits[: exponent + 1].ljust(exponent + 1, "0")
    return f"{sign}{whole}.{digits[exponent + 1 :] or '0'}"


def quoted(text):
    """A string as Json.NET prints it."""
    out = []
    for c in text:
        if c in ESCAPES:
            out.append(ESCAPES[c])
        elif ord(c) < 0x20 or c in "\u0085\u2028\u2029":
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def canonical(value):
    """A value as the existing client prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return fraction(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[" + ",".join(canonical(inner) for inner in value) + "]"
    members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
    return "{" + ",".join(f"{quoted(name)}:{canonical(inner)}" for name, inner in members) + "}"


def check(text, key, public_key, seed):
    """One sealed text: opened, verified, signed again."""
    plain = decrypt(key, text).decode("utf-8")
    members = json.loads(plain)
    signature = members.pop("signature")
    printed = canonical(members)
    signed = printed.replace("\\/", "/").encode("utf-8")
    public_key.verify(base64.b64decode(signature), signed)
    again = base64.b64encode(seed.sign(signed)).decode("ascii")
    assert again == signature, "signing again gives another signature"
    assert printed[:-1] + ',"signature":"' + again + '"}' == plain, "the text on the wire is not the canonical one"
    return members


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    key = bytes.fromhex(given["secret"])
    public_key = load_pem_public_key(given["publicKeyPem"].encode("ascii"))
    seed = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given["seed"]))
    for text in given["answers"]:
        members = check(text, key, public_key, seed)
        assert isinstance(members["timestamp"], int) and isinstance(members["server_nonce"], str)
        print("answer", sorted(members), len(text))
    file_key = bytes.fromhex(given["fileSecret"])
    for text in given["files"]:
        members = check(text, file_key, public_key, seed)
        data = members["data"]
        assert data["status"] == "active" and data["policy"]["isAirGapped"] is True
        assert [machine["hwid"] for machine in data["machines"]] == given["hwids"] and data["hwid"] == given["hwids"][0]
        print("file", data["licenseKey"], data["validUntil"])


if __name__ == "__main__":
    main()
