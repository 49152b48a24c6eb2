"""What commands that load LiteRT or TensorFlow write on the terminal: real processes, every line.

Those that the README names are seen by its tests.
"""

import os
import shutil
import threading

import pytest
from PIL import Image

from training.catalogue.drawn import draw
from training.native_logs import SHOW, kept_off


@pytest.fixture(scope="module")
def shop(trained, run_command, tmp_path_factory):
    """A folder with an index and a trained encoder, and what the commands that made them wrote."""
    folder = tmp_path_factory.mktemp("shop")
    Image.fromarray(draw(3, seed=3)[2]).save(folder / "photograph.jpg")
    shutil.copytree(trained / "run", folder / "run")
    built = run_command(folder, "index build --catalogue drawn:60")
    assert built.returncode == 0, built.stderr
    killed, resumed = ((trained / f"{run}.txt").read_text() for run in ("killed", "run"))
    return folder, {"build": built.stderr, "fit": killed, "fit --resume": resumed}


@pytest.mark.parametrize("name", ["build", "fit", "fit --resume"])
def test_what_makes_an_index_or_an_encoder_writes_only_our_lines(shop, name, native_lines):
    assert shop[1][name] and not native_lines.search(shop[1][name]), shop[1][name]


def test_a_training_says_what_it_does_before_its_first_and_after_its_last_step(shop):
    lines = shop[1]["fit --resume"].splitlines()
    steps = [number for number, line in enumerate(lines) if line.startswith("training: ")]
    before, after = lines[: steps[0]], lines[steps[-1] + 1 :]
    assert "Reading and cutting out the photographs of drawn:60." in before
    assert before[-1].startswith("Training on 54 photographs with ")
    assert [line for line in after if not line.startswith("calibrating: ")] == [
        "Scoring the epoch that is kept, and writing the encoder and its figures to run.",
        "The encoder is in run; figures of it are in run/figures.",
    ]


@pytest.mark.parametrize(
    "words",
    [
        "training export run",
        "training figures --photo photograph.jpg",
    ],
)
def test_what_uses_them_writes_only_our_lines(shop, run_command, words, native_lines):
    answer = run_command(shop[0], words)
    assert answer.returncode == 0, answer.stderr
    assert not native_lines.search(answer.stderr), answer.stderr


@pytest.mark.parametrize("words", ["training segmenter --catalogue drawn:8", "training export nowhere"])
def test_our_errors_are_all_that_is_left(shop, run_command, words, native_lines):
    answer = run_command(shop[0], words)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("Error: ")
    assert not native_lines.search(answer.stderr), answer.stderr


def test_who_asks_for_their_lines_sees_them(shop, run_command):
    answer = run_command(shop[0], "index search photograph.jpg", **{SHOW: "0"})
    assert "XNNPACK" in answer.stderr


def test_python_s_own_errors_and_what_others_write_meanwhile_are_passed_on(capfd):
    def other():
        os.write(2, b"another thread\n")

    with pytest.raises(ZeroDivisionError), kept_off():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"I0000 00:00:1795619607.490015   27224 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"E0000 00:00:1795619607.490015   27224 gpu.cc:1] out of memory\n")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        os.write(2, b"Traceback (most recent call last):\n")
        _ = 1 / 0
    written = capfd.readouterr().err
    assert [line[:5] for line in written.splitlines()] == ["E0000", "anoth", "Trace"]


def test_blocks_of_two_threads_leave_standard_error_as_it_was(capfd):
    def block():
        for _ in range(50):
            with kept_off():
                os.write(2, b"kept\nINFO: theirs\n")

    threads = [threading.Thread(target=block) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err.splitlines() == ["kept"] * 200 + ["afterwards"]
