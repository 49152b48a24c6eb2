import io
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from index.embedding.embedder import cut_views
from index.views import GARMENTS, ITEM
from service.picture import cut_out, decoders
from service.picture.decoders import ItemGarments, decode_apart, embed_apart
from training.errors import (
    ImageTooComplex,
    ImageTooLarge,
    PartTooSmall,
    UnreadableImage,
    UnsupportedImageType,
)
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import WORKING_SIZE
from training.photo.images import decode


def picture(width=300, height=200):
    file = io.BytesIO()
    Image.radial_gradient("L").resize((width, height)).convert("RGB").save(file, "PNG")
    return file.getvalue()


def idle():
    """Return the process that decodes next."""
    decode_apart(picture(), seconds=60)
    return decoders._idle.queue[-1]._process


def test_the_pixels_are_those_of_the_decoder(tmp_path):
    path = tmp_path / "photo"
    path.write_bytes(picture())
    for photo in (picture(), path):
        assert np.array_equal(decode_apart(photo, size=64, seconds=60), decode(picture(), size=64))


def test_no_more_processes_wait_for_a_picture_than_there_are_cores():
    waiting = queue.LifoQueue(1)
    first, second = (decoders._Decoder.take(waiting) for _ in range(2))
    for each in (first, second):
        each.decode(decoders._Task(None, None, {}, seconds=60), picture())
    assert decoders._idle.maxsize == decoders.CORES
    assert waiting.get_nowait() is first and first._process.is_alive()
    second._process.join(60)
    assert second._process.exitcode == -signal.SIGKILL
    first.end()


def test_a_picture_waits_for_those_that_are_decoded_but_not_for_slow_ones(monkeypatch):
    monkeypatch.setattr(decoders, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(decoders, "_turns", turns := threading.Semaphore(0))
    assert decode_apart(picture(), seconds=60).shape == (200, 300, 3)
    assert not turns.acquire(blocking=False)
    turns.release()
    for photo in (picture(), b"text"):
        with suppress(UnreadableImage):
            decode_apart(photo, seconds=60)
        assert turns.acquire(blocking=False) and not turns.acquire(blocking=False)
        turns.release()


@pytest.mark.parametrize("photo", [b"", b"text", picture()[:200]])
def test_a_refusal_is_that_of_the_decoder(photo):
    with pytest.raises(UnreadableImage) as apart:
        decode_apart(photo, seconds=60)
    with pytest.raises(type(apart.value)) as here:
        decode(photo)
    assert str(here.value) == str(apart.value)


def test_its_limits_are_kept():
    with pytest.raises(ImageTooLarge):
        decode_apart(picture(), seconds=60, max_ms=1)
    with pytest.raises(ImageTooLarge):
        decode_apart(picture(), seconds=60, max_pixels=1000)


def test_the_process_is_kept_for_the_next_picture():
    first = idle()
    with pytest.raises(UnsupportedImageType):
        decode_apart(b"text", seconds=60)
    assert idle().pid == first.pid


def test_a_decode_that_does_not_end_is_killed_and_the_next_picture_decoded():
    stuck = idle()
    os.kill(stuck.pid, signal.SIGSTOP)  # as if native code looped
    with pytest.raises(ImageTooComplex, match="took more than 0.25 s"):
        decode_apart(picture(), seconds=0.25)
    stuck.join(60)
    assert stuck.exitcode == -signal.SIGKILL
    assert decode_apart(picture(), seconds=60).shape == (200, 300, 3)


def garment():
    """Return a photograph of a laid-out garment."""
    pixels = np.full((240, 200, 3), 235, np.uint8)
    pixels[60:200, 60:140] = (150, 40, 60)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("garments", GARMENTS)
def test_an_item_is_embedded_as_a_build_embeds_it(garments):
    encoder = Encoder.load(PRETRAINED)
    views, stages = embed_apart(
        garment(), ItemGarments(None, garments), encoder, seconds=60, size=WORKING_SIZE
    )
    expected = cut_views(decode(garment(), size=WORKING_SIZE), None, garments, encoder)
    np.testing.assert_array_equal(views.vectors, expected.vectors)
    np.testing.assert_array_equal(views.boxes, expected.boxes)
    assert set(stages.took_ms) == {"decode", "isolate", "embed"}


def test_a_process_that_embeds_is_kept_and_gets_each_encoder_once(monkeypatch):
    encoder, sent = Encoder.load(PRETRAINED), []
    reduce = Encoder.__reduce__
    monkeypatch.setattr(Encoder, "__reduce__", lambda self: (sent.append(self), reduce(self))[1])
    embed_apart(garment(), ItemGarments(None, ITEM), encoder, seconds=60)
    first, before = decoders._idle_embedders.queue[-1]._process, len(sent)
    for photo in (b"text", garment()):
        with suppress(UnreadableImage):
            embed_apart(photo, ItemGarments(None, ITEM), encoder, seconds=60)
    assert decoders._idle_embedders.queue[-1]._process is first and len(sent) == before
    assert os.getpriority(os.PRIO_PROCESS, first.pid) > os.getpriority(os.PRIO_PROCESS, 0)


def test_an_embedding_that_does_not_end_is_killed_and_the_next_photograph_embedded(monkeypatch):
    encoder = Encoder.load(PRETRAINED)
    embed_apart(garment(), ItemGarments(None, ITEM), encoder, seconds=60)
    process = decoders._idle_embedders.queue[-1]._process
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(decoders, "EMBEDDING_SECONDS", 0.0)
    with pytest.raises(ImageTooComplex):
        embed_apart(garment(), ItemGarments(None, ITEM), encoder, seconds=0.25)
    process.join(60)
    monkeypatch.undo()
    assert len(embed_apart(garment(), ItemGarments(None, ITEM), encoder, seconds=60)[0]) == 1


@pytest.mark.parametrize("decode_ms", [80, 3000])
def test_a_decode_has_five_times_what_its_estimate_may_be(config, monkeypatch, decode_ms):
    asked = []
    monkeypatch.setattr(cut_out, "decode_apart", lambda photo, **options: asked.append(options))
    cut_out._decode(picture(), None, replace(config, decode_ms=decode_ms))
    assert (asked[0]["max_ms"], asked[0]["seconds"]) == (decode_ms, 5 * decode_ms / 1000)


def test_the_kernel_ends_a_decode_whose_service_has_gone():
    endless = """
from multiprocessing import Pipe
from service.picture import cut_out, decoders
def spin(*_, **__):
    while True: pass
decoders.images.decode = spin
ours, theirs = Pipe()
ours.send(decoders._Task(None, None, {}, 0.1))
ours.send_bytes(b"")
decoders._work(theirs)
"""
    ended = subprocess.run([sys.executable, "-c", endless], timeout=120, check=False)
    assert ended.returncode == -signal.SIGXCPU


def test_a_decoder_that_crashed_is_replaced():
    crashed = idle()
    os.kill(crashed.pid, signal.SIGSEGV)
    crashed.join(60)
    assert decode_apart(picture(), seconds=60).shape == (200, 300, 3)


def test_a_picture_that_crashes_its_decoder_is_refused():
    crashing = idle()
    os.kill(crashing.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        refused = pool.submit(decode_apart, picture(), seconds=60)
        os.kill(crashing.pid, signal.SIGKILL)
        error = refused.exception(timeout=60)
    assert error is None or "breaks its decoder" in str(error)  # none where the signal came first


def test_large_pictures_are_decoded_one_after_the_other_and_small_ones_meanwhile():
    large, small = picture(4100, 4000), picture()
    with ThreadPoolExecutor(1) as pool:
        with decoders._large:
            second = pool.submit(decode_apart, large, size=64, seconds=60)
            assert decode_apart(small, size=64, seconds=60).shape == (43, 64, 3)
            assert not wait([second], timeout=0.5).done
        assert second.result(timeout=60).shape == (62, 64, 3)


def test_the_part_within_a_box_is_cut_from_the_decoded_picture():
    whole = decode(picture())
    part = decode_apart(picture(), part=(0.1, 0.5, 0.4, 1.0), seconds=60)
    assert np.array_equal(part, whole[100:200, 30:120])


@pytest.mark.parametrize("size", [50, 300])
def test_the_pixels_of_a_box_are_counted_as_they_were_sent(size):
    assert decode_apart(picture(), part=(0.9, 0.9, 1.0, 1.0), size=size, seconds=60).size > 0
    with pytest.raises(PartTooSmall, match="The box holds .* pixels; each side needs at least 16"):
        decode_apart(picture(), part=(0.96, 0.5, 1.0, 1.0), size=size, seconds=60)
