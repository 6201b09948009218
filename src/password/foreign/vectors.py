#!/usr/bin/env python3
"""Makes vectors.txt: digests by the programs that made them first, to be verified by the tests of this folder.

    pip install 'bcrypt==4.0.1' 'passlib==1.7.4' 'django==5.2.*' 'werkzeug==3.1.*' argon2-cffi cryptography
    python3 vectors.py > vectors.txt

A line holds the hasher, the digest and the password, with tabs between them. scrypt_firebase begins with the vector of
Firebase's own README (github.com/firebase/scrypt).
"""

import base64
import hashlib

import bcrypt
import django
from argon2.low_level import Type, hash_secret
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from django.conf import settings
from passlib.hash import ldap_salted_sha1, pbkdf2_sha256, phpass
from werkzeug.security import _hash_internal

PASSWORDS = ["wanders under elms", "Grüße, 世界 ½", "x" * 72, "x" * 72 + "y", "a"]
SIGNER_KEY = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA=="
SALT, SEPARATOR = "42xEC+ixf3L2lw==", "Bw=="


def base64_of(data):
    return base64.b64encode(data).decode()


def firebase(password, rounds, memory_cost):
    salt = base64.b64decode(SALT) + base64.b64decode(SEPARATOR)
    key = hashlib.scrypt(password, salt=salt, n=1 << memory_cost, r=rounds, p=1, dklen=64, maxmem=1 << 28)[:32]
    cipher = Cipher(algorithms.AES(key), modes.CTR(bytes(16))).encryptor()
    digest = base64_of(cipher.update(base64.b64decode(SIGNER_KEY)))
    return f"{digest}${SALT}${SIGNER_KEY}${SEPARATOR}${rounds}${memory_cost}"


settings.configure()
django.setup()
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, PBKDF2PasswordHasher  # noqa: E402

published = firebase(b"user1password", 8, 14)
assert published.startswith("lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==$")
print("scrypt_firebase", published, "user1password", sep="\t")

for password in PASSWORDS:
    data = password.encode()

    def line(hasher, digest):
        print(hasher, digest, password, sep="\t")

    for version in ["2a", "2b"]:
        line("bcrypt", bcrypt.hashpw(data, f"${version}$04$abcdefghijklmnopqrstuu".encode()).decode())
    line("bcrypt", bcrypt.hashpw(data, b"$2b$05$abcdefghijklmnopqrstuu").decode().replace("$2b$", "$2y$"))
    line("bcrypt_sha256_django", BCryptSHA256PasswordHasher().encode(password, b"$2b$04$abcdefghijklmnopqrstuu"))
    line("argon2i", hash_secret(data, b"saltsaltsaltsalt", 3, 64, 1, 32, Type.I).decode())
    line("argon2id", hash_secret(data, b"saltsaltsaltsalt", 2, 128, 2, 24, Type.ID).decode())
    derived = hashlib.pbkdf2_hmac("sha256", data, b"seasalt\x00\xff", 1000)
    line("pbkdf2_sha256", f"pbkdf2_sha256$1000${base64_of(b'seasalt' + bytes([0, 255]))}${base64_of(derived)}")
    line("pbkdf2_sha256", pbkdf2_sha256.using(rounds=1000, salt=b"seasaltseasalt\xff\xfe").hash(password))
    line("pbkdf2_sha256_django", PBKDF2PasswordHasher().encode(password, "seasalt", 1000))
    line("pbkdf2_sha1", f"pbkdf2_sha1$1000$seasalt${hashlib.pbkdf2_hmac('sha1', data, b'seasalt', 1000, 20).hex()}")
    derived = hashlib.pbkdf2_hmac("sha1", data, bytes.fromhex("c0ffee00"), 1000, 32)
    line("pbkdf2_sha1", f"pbkdf2_sha1$1000$c0ffee00${derived.hex()}$32")
    line("scrypt_firebase", firebase(data, 8, 10))
    line("scrypt_werkzeug", f"scrypt:1024:8:1$seasalt${_hash_internal('scrypt:1024:8:1', 'seasalt', password)[0]}")
    line("phpass", phpass.using(rounds=8, salt="seasalt.").hash(password))
    line("phpass", phpass.using(rounds=7, salt="seasalt.").hash(password).replace("$P$", "$H$"))
    line("ldap_ssha", ldap_salted_sha1.using(salt=b"salt").hash(password))
    line("md5", hashlib.md5(data).hexdigest())
    line("sha256", hashlib.sha256(data).hexdigest().upper())
