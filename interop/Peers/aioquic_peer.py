"""aioquic in both roles: HTTP/0.9 (hq-interop) and HTTP/3.

    python3 aioquic_peer.py client|server SETTINGS     SETTINGS is JSON, see interop/Matrix/Sides/AioquicSide.cs
"""
import asyncio
import json
import os
import ssl
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect, serve
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ConnectionTerminated, ProtocolNegotiated, StreamDataReceived
from aioquic.tls import CipherSuite

V1, V2 = 0x00000001, 0x6B3343CF
role, settings = sys.argv[1], json.loads(sys.argv[2])
is_h3 = settings.get("alpn", "hq-interop") == "h3"


def configure(is_client):
    made = QuicConfiguration(is_client=is_client, alpn_protocols=["h3", "hq-interop"] if not is_client else ["h3" if is_h3 else "hq-interop"])
    made.verify_mode = ssl.CERT_NONE
    if settings.get("chacha20"):
        made.cipher_suites = [CipherSuite.CHACHA20_POLY1305_SHA256]
    if settings.get("keylog"):
        made.secrets_log_file = open(settings["keylog"], "a")
    if settings.get("v2"):
        # A client begins with version 1 and offers both; a server prefers version 2.
        made.original_version = V1 if is_client else None
        made.supported_versions = [V2, V1]
    return made


class Protocol(QuicConnectionProtocol):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = None
        self.bodies = {}
        self.waiters = {}
        self.statuses = {}
        self.close_reason = None

    def quic_event_received(self, event):
        if isinstance(event, ProtocolNegotiated) and event.alpn_protocol == "h3":
            self.http = H3Connection(self._quic)
        if isinstance(event, ConnectionTerminated):
            self.close_reason = event
            for waiter in self.waiters.values():
                if not waiter.done():
                    waiter.set_exception(ConnectionError(f"the connection ended: {event.error_code} {event.reason_phrase}"))
        if self.http is not None:
            for part in self.http.handle_event(event):
                if isinstance(part, HeadersReceived):
                    self.on_headers(part)
                elif isinstance(part, DataReceived):
                    self.on_data(part.stream_id, part.data, part.stream_ended)
        elif isinstance(event, StreamDataReceived):
            self.on_data(event.stream_id, event.data, event.end_stream)


class Server(Protocol):
    def on_headers(self, part):
        path = dict(part.headers)[b":path"].decode()
        body = self.load(path)
        self.http.send_headers(part.stream_id, [(b":status", b"200" if body is not None else b"404")])
        self.http.send_data(part.stream_id, body or b"", True)
        self.transmit()

    def on_data(self, stream_id, data, ended):
        if self.http is not None:
            return
        self.bodies[stream_id] = self.bodies.get(stream_id, b"") + data
        if ended or self.bodies[stream_id].endswith(b"\n"):
            line = self.bodies.pop(stream_id)
            if line:
                self._quic.send_stream_data(stream_id, self.load(line[4:].decode().strip()) or b"", True)
                self.transmit()

    @staticmethod
    def load(path):
        try:
            with open(os.path.join(settings["www"], os.path.basename(path)), "rb") as file:
                return file.read()
        except OSError:
            return None


class Client(Protocol):
    def on_headers(self, part):
        self.statuses[part.stream_id] = dict(part.headers)[b":status"]
        if part.stream_ended:
            self.on_data(part.stream_id, b"", True)

    def on_data(self, stream_id, data, ended):
        self.bodies.setdefault(stream_id, bytearray()).extend(data)
        if ended and stream_id in self.waiters and not self.waiters[stream_id].done():
            self.waiters[stream_id].set_result(bytes(self.bodies.pop(stream_id)))

    async def fetch(self, name):
        if is_h3 and self.http is None:
            self.http = H3Connection(self._quic)
        stream_id = self._quic.get_next_available_stream_id()
        waiter = self.waiters[stream_id] = asyncio.get_running_loop().create_future()
        if is_h3:
            authority = f"{settings['name']}:{settings['port']}".encode()
            self.http.send_headers(stream_id, [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", authority), (b":path", b"/" + name.encode())], True)
        else:
            self._quic.send_stream_data(stream_id, b"GET /" + name.encode() + b"\r\n", True)
        self.transmit()
        body = await waiter
        if is_h3 and self.statuses.get(stream_id) != b"200":
            raise ConnectionError(f"{name}: status {self.statuses.get(stream_id)}")
        with open(os.path.join(settings["downloads"], os.path.basename(name)), "wb") as file:
            file.write(body)


async def fetch_all(files, ticket=None, early=False, on_ticket=None):
    configuration = configure(True)
    configuration.server_name = settings["name"]
    configuration.session_ticket = ticket
    async with connect(
        settings["host"], settings["port"], configuration=configuration, create_protocol=Client,
        session_ticket_handler=on_ticket, wait_connected=not early, local_port=0,
    ) as client:
        fetches = [asyncio.ensure_future(client.fetch(name)) for name in files]
        if settings.get("keyUpdate") or settings.get("migrate"):
            await asyncio.sleep(0.05)
            if settings.get("keyUpdate"):
                client.request_key_update()
            if settings.get("migrate"):
                client.change_connection_id()
            client.transmit()
        await asyncio.gather(*fetches)
        if ticket is not None and not client._quic.tls.session_resumed:
            raise ConnectionError("the session was not resumed")
        if early and not client._quic.tls.early_data_accepted:
            raise ConnectionError("0-RTT was not accepted")
        if settings.get("v2") and client._quic._version != V2:
            raise ConnectionError(f"the version is {client._quic._version:#x}")
        if on_ticket is not None:
            for _ in range(100):
                if on_ticket.__self__:
                    break
                await asyncio.sleep(0.02)


async def client():
    files, plan = settings["files"], settings.get("plan")
    if plan in ("resume", "early"):
        tickets = []
        await fetch_all(files[:1], on_ticket=tickets.append)
        if not tickets:
            raise ConnectionError("no session ticket came")
        await fetch_all(files[1:], ticket=tickets[-1], early=plan == "early")
    elif plan == "each":
        for name in files:
            await fetch_all([name])
    else:
        await fetch_all(files)
    print("done")


async def server():
    tickets = {}
    configuration = configure(False)
    configuration.load_cert_chain(settings["cert"], settings["key"])
    await serve(
        settings["host"], settings["port"], configuration=configuration, create_protocol=Server, retry=settings.get("retry", False),
        session_ticket_fetcher=lambda label: tickets.pop(label, None), session_ticket_handler=lambda ticket: tickets.__setitem__(ticket.ticket, ticket),
    )
    print(f"ready {settings['port']}", flush=True)
    await asyncio.Future()


asyncio.run(server() if role == "server" else client())
