import numpy as np

from training.fit.monitor import BEST_FILE, Monitor
from training.fit.validation import Validation


class _Model:
    stop_training = False
    _initial_epoch = None

    def save_weights(self, path):
        path.write_text("weights")


def _validated(folder, values, **options):
    """Return the monitor of a training with these scores, and after which epochs it was to stop."""
    scores = iter(values)

    class Scored:
        metric = "val_map"

        def scores(self, encode):
            return {"val_map": next(scores)}

    monitor, model, stopped = Monitor(folder, Scored(), None, every=1, patience=2, **options), _Model(), []
    monitor.set_model(model)
    monitor.set_params({"epochs": 10})
    monitor.on_train_begin()
    for epoch in range(len(values)):
        (folder / BEST_FILE).unlink(missing_ok=True)
        monitor.on_epoch_end(epoch, {"loss": 1.0})
        stopped.append(model.stop_training)
    return monitor, stopped


def test_training_stops_after_the_last_patient_validation(tmp_path):
    monitor, stopped = _validated(tmp_path, [0.3, 0.5, 0.4, 0.45])
    assert stopped == [False, False, False, True]
    assert monitor.kept["epoch"] == 2 and not (tmp_path / BEST_FILE).exists()


def test_where_the_last_weights_are_kept_no_score_ends_the_training(tmp_path):
    monitor, stopped = _validated(tmp_path, [0.3, 0.5, 0.4, 0.45], last=True)
    assert stopped == [False] * 4
    assert monitor.kept["epoch"] == 4 and (tmp_path / BEST_FILE).exists()


def test_training_stops_where_the_loss_is_no_number(tmp_path):
    monitor = Monitor(tmp_path, Validation(*[np.empty(0)] * 2, [], []), None, every=9, patience=2)
    monitor.set_model(_Model())
    monitor.set_params({"epochs": 10})
    monitor.on_train_begin()
    monitor.on_epoch_end(0, {"loss": 1.0})
    assert not monitor.model.stop_training
    monitor.on_epoch_end(1, {"loss": float("nan")})
    assert monitor.model.stop_training
