"""A real mail server for the tests: aiosmtpd with STARTTLS and a login, on a free port of 127.0.0.1.

Prints its port, then one JSON object for each mail that it took, as Python's own `email` package reads it. Ends with its
standard input.

    mail_server.py CERTIFICATE KEY      both DER
"""

import asyncio
import base64
import email
import email.policy
import json
import ssl
import sys
import tempfile

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        body = mail.get_body(("plain",))
        told = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "utf8": bool(envelope.smtp_utf8),
            "tls": session.ssl is not None,
            "login": session.auth_data.login.decode() if session.authenticated else None,
            "headers": {name: str(value) for name, value in mail.items()},
            "text": body.get_content() if body else None,
            "defects": [type(defect).__name__ for defect in mail.defects],
        }
        print(json.dumps(told), flush=True)
        return "250 2.0.0 Ok: queued as 4F2B"


def authenticate(server, session, envelope, mechanism, data):
    if (data.login, data.password) == (b"vestibule", b"correct horse"):
        return AuthResult(success=True, auth_data=data)
    return AuthResult(success=False, handled=False)


def context(certificate, key):
    def pem(kind, path):
        with open(path, "rb") as file:
            text = base64.encodebytes(file.read()).decode()
        file = tempfile.NamedTemporaryFile("w", suffix=".pem")
        file.write(f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n")
        file.flush()
        return file

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pem("CERTIFICATE", certificate) as chain, pem("PRIVATE KEY", key) as private:
        tls.load_cert_chain(chain.name, private.name)
    return tls


async def main():
    tls = context(*sys.argv[1:3])

    def serve():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=tls,
            require_starttls=True,
            auth_required=True,
            authenticator=authenticate,
            enable_SMTPUTF8=True,
        )

    server = await asyncio.get_running_loop().create_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
