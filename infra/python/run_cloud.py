"""Starts the local cloud with one behavior of KMS that it lacks: a cipher text is decrypted by the key that made it, and by no other.

MiniStack 1.5.33 decrypts with whatever key the request names, to bytes that mean nothing. AWS refuses (IncorrectKeyException of the
API reference of Decrypt).
"""

import base64

from ministack.app import main
from ministack.services import kms

# A cipher text of a symmetric key begins with the id of the key.
KEY_ID_BYTES = 36

decrypt_with_any_key = kms._decrypt


def decrypt(data):
    named = kms._resolve_key(data["KeyId"]) if data.get("KeyId") else None
    made_by = base64.b64decode(data.get("CiphertextBlob", ""))[:KEY_ID_BYTES].decode(errors="replace")
    if named and "_symmetric_key" in named and named["KeyId"] != made_by:
        return kms.error_response_json("IncorrectKeyException", "The key ID in the request does not identify the key that encrypted.", 400)
    return decrypt_with_any_key(data)


if __name__ == "__main__":
    kms._decrypt = decrypt
    main()
