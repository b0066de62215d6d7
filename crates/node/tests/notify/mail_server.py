"""A mail server for tests: aiosmtpd on a free port of 127.0.0.1.

Writes the port as its first line, then every message that it took as one JSON object a line.
Recipients decide what happens: refused@ gets 550, later@ gets 451 at the first attempt, vanish@ makes the server
take the message and break the connection without an answer, stall@ makes it take the message and say nothing.
"""

import argparse
import asyncio
import email
import email.header
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(thing):
    sys.stdout.write(json.dumps(thing) + "\n")
    sys.stdout.flush()


def header(message, name):
    return str(email.header.make_header(email.header.decode_header(message[name] or "")))


class Handler:
    def __init__(self):
        self.put_off = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return f"550 5.1.1 <{address}> is unknown here"
        if address.startswith("later@") and address not in self.put_off:
            self.put_off.add(address)
            return f"451 4.7.1 <{address}> greylisted"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        raw = envelope.original_content
        message = email.message_from_bytes(raw)
        say(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": header(message, "Subject"),
                "raw_subject": message["Subject"],
                "message_id": message["Message-ID"],
                "auto_submitted": message["Auto-Submitted"],
                "header_from": header(message, "From"),
                "date": message["Date"],
                "content_type": message.get_content_type(),
                "text": message.get_payload(decode=True).decode("utf-8"),
                "ascii": raw.isascii(),
                "tls": server.transport.get_extra_info("sslcontext") is not None,
                "user": session.auth_data.decode() if session.auth_data else None,
            }
        )
        if any(address.startswith("vanish@") for address in envelope.rcpt_tos):
            server.transport.abort()
            await asyncio.sleep(3600)
        if any(address.startswith("stall@") for address in envelope.rcpt_tos):
            await asyncio.sleep(3600)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"beacon" and data.password == b"correct horse"
    return AuthResult(success=good, handled=False, auth_data=data.login if good else None)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["starttls", "implicit"])
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    context = None
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    handler = Handler()
    starttls = arguments.tls == "starttls"

    def serve():
        return SMTP(
            handler,
            hostname="test",
            require_starttls=starttls,
            tls_context=context if starttls else None,
            authenticator=authenticate if arguments.tls else None,
            auth_required=arguments.tls is not None,
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    implicit = context if arguments.tls == "implicit" else None
    server = await loop.create_server(serve, "127.0.0.1", arguments.port, ssl=implicit)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
