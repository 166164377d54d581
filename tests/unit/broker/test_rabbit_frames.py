"""Whatever a stranger wrote into a message's properties, the library below can read what we hand it."""

import asyncio
import struct
from datetime import UTC, datetime

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from libs.broker.rabbit.frames import UNREADABLE_HEADER, FrameReader, readable

HEADER, BODY = 2, 3


def frame(kind: int, payload: bytes, *, channel: int = 7) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def content_header(flags: int, properties: bytes, *, body_size: int = 42) -> bytes:
    return frame(HEADER, struct.pack(">HHQH", 60, 0, body_size, flags) + properties)


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def read(data: bytes) -> tuple[int, ContentHeader]:
    used, channel, header = pamqp.frame.unmarshal(data)
    assert used == len(data)
    assert isinstance(header, ContentHeader)
    return channel, header


def test_readable_frames_pass_untouched() -> None:
    properties = Basic.Properties(message_id="m-1", timestamp=datetime(2026, 1, 1, tzinfo=UTC), headers={"a": [1]})
    header = pamqp.frame.marshal(ContentHeader(body_size=3, properties=properties), 7)

    assert readable(header) == header
    assert readable(frame(BODY, b"\xff")) == frame(BODY, b"\xff")


MESSAGE_ID, TIMESTAMP, CORRELATION_ID = 1 << 7, 1 << 6, 1 << 10


@pytest.mark.parametrize(
    ("data", "message_id", "correlation_id"),
    [
        (content_header(MESSAGE_ID | TIMESTAMP, short(b"m-1") + struct.pack(">Q", 17 * 10**14)), "m-1", None),
        (content_header(MESSAGE_ID | TIMESTAMP, short(b"m-1") + b"\xff" * 8), "m-1", None),
        (content_header(CORRELATION_ID | MESSAGE_ID, short(b"c-1") + short(b"\xff")), None, "c-1"),
        (content_header(MESSAGE_ID, b"\xff"), None, None),
        (content_header(1 << 13, struct.pack(">I", 6) + b"\x01aZ\x00\x00\x00"), None, None),
    ],
    ids=["microseconds", "end of time", "not UTF-8", "cut short", "unknown type of header"],
)
def test_properties_before_the_unreadable_one_survive(
    data: bytes, message_id: str | None, correlation_id: str | None
) -> None:
    channel, header = read(readable(data))

    assert (channel, header.body_size) == (7, 42)
    assert (header.properties.message_id or None) == message_id
    assert (header.properties.correlation_id or None) == correlation_id


def test_unreadable_properties_are_marked() -> None:
    _, header = read(readable(content_header(MESSAGE_ID, short(b"\xff"))))

    assert header.properties.headers == {UNREADABLE_HEADER: True}


def test_headers_nested_beyond_recursion_are_dropped() -> None:
    table = b""
    for _ in range(2_000):
        table = b"\x01aF" + struct.pack(">I", len(table)) + table
    _, header = read(readable(content_header(1 << 13, struct.pack(">I", len(table)) + table)))

    assert header.body_size == 42


@given(st.binary(max_size=200), st.integers(0, 2**16 - 1), st.integers(0, 2**63))
def test_any_properties_become_readable_and_keep_channel_and_body_size(
    properties: bytes, flags: int, body_size: int
) -> None:
    channel, header = read(readable(content_header(flags, properties, body_size=body_size)))

    assert (channel, header.body_size) == (7, body_size)


@given(st.binary(max_size=20))
def test_any_header_frame_becomes_readable(payload: bytes) -> None:
    read(readable(frame(HEADER, payload)))


async def test_reader_serves_mended_bytes_in_pieces_of_any_size() -> None:
    odd = content_header(MESSAGE_ID, short(b"\xff"))
    wanted = readable(odd) + frame(BODY, b"body")
    reader = FrameReader(loop=asyncio.get_running_loop())
    reader.feed_data(odd + frame(BODY, b"body"))
    reader.feed_eof()

    got = b""
    while not reader.at_eof():
        got += await reader.readexactly(min(3, len(wanted) - len(got)))

    assert got == wanted


async def test_reader_passes_on_what_a_server_of_another_protocol_says() -> None:
    reader = FrameReader(loop=asyncio.get_running_loop())
    reader.feed_data(b"AMQP\x00\x01\x00\x00")

    assert await reader.readexactly(7) == b"AMQP\x00\x01\x00"


async def test_connection_lost_within_a_frame_is_an_incomplete_read() -> None:
    reader = FrameReader(loop=asyncio.get_running_loop())
    reader.feed_data(frame(BODY, b"body")[:-2])
    reader.feed_eof()

    with pytest.raises(asyncio.IncompleteReadError):
        await reader.readexactly(1)
