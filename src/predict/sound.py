"""The sound of a video for an mp4."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import av
from av.container import OutputContainer

from src.predict.media import Clock, decoded, opened

# MP3 and AAC are copied: mp4 holds them and every player plays them. Slower ones, and AAC of broadcasts, which has its
# header in each packet and not once, are not for mp4; they and other sound are encoded as AAC.
COPIED_FROM_HZ = 16_000


def sound_packets(path: Path, start_s: float, mp4: OutputContainer) -> Iterator[tuple[float, av.Packet]]:
    """Each packet of a file's sound after its time, s since `start_s`; the first comes with its stream in `mp4`.

    ValueError, in words, where there is sound of which nothing can be read, and where it cannot be read on. Damaged
    packets are passed over.
    """
    clock, stream, out, time_s = Clock(), None, None, 0.0
    with suppress(Exception), opened(path) as file:  # a damaged file raises nearly anything
        stream = file.streams.best("audio")
        if stream is None:
            return
        name, header = stream.codec_context.codec.canonical_name, stream.codec_context.extradata
        copied = stream.rate >= COPIED_FROM_HZ and (name == "mp3" or (name == "aac" and header is not None))
        for packet in file.demux(stream):
            for piece in [packet] * bool(packet.size) if copied else decoded(packet):
                time_s = clock(piece.pts, piece.time_base, float(piece.duration * piece.time_base)) - start_s
                if time_s < 0:
                    continue
                if out is None:
                    out = mp4.add_stream_from_template(stream) if copied else _aac(mp4, stream)
                piece.pts = piece.dts = round(time_s / piece.time_base)
                if copied:
                    piece.stream = out
                for made in [piece] if copied else out.encode(piece):
                    yield time_s, made
        if out is None:
            raise ValueError  # said below
        for made in [] if copied else out.encode():
            yield time_s, made
        return
    if out is not None:
        raise ValueError(f"its sound breaks off after {time_s:.1f} s")
    if stream is not None:
        raise ValueError("its sound cannot be read and is left out")


def _aac(mp4: OutputContainer, source: av.AudioStream) -> av.AudioStream:
    rate = source.rate if source.rate in av.Codec("aac", "w").audio_rates else 48_000
    return mp4.add_stream("aac", rate, layout="mono" if source.channels == 1 else "stereo")
