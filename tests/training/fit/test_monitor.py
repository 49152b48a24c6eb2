import numpy as np

from training.fit.monitor import Monitor
from training.fit.validation import Validation


def test_training_stops_after_the_last_patient_validation(tmp_path, tiny):
    class Model:
        stop_training = False
        _initial_epoch = None

        def save_weights(self, path):
            path.write_text("weights")

    scores = iter([0.3, 0.5, 0.4, 0.45, 0.2])

    class Falling:
        metric = "val_map"

        def scores(self, encode):
            return {"val_map": next(scores)}

    monitor = Monitor(tmp_path, Falling(), None, every=1, patience=2)
    model = Model()
    monitor.set_model(model)
    monitor.set_params({"epochs": 10})
    monitor.on_train_begin()
    stopped = []
    for epoch in range(4):
        monitor.on_epoch_end(epoch, {"loss": 1.0})
        stopped.append(model.stop_training)
    assert stopped == [False, False, False, True]
    assert monitor.best["epoch"] == 2


def test_training_stops_where_the_loss_is_no_number(tmp_path):
    class Model:
        stop_training = False
        _initial_epoch = None

    monitor = Monitor(tmp_path, Validation(*[np.empty(0)] * 2, [], []), None, every=9, patience=2)
    monitor.set_model(Model())
    monitor.set_params({"epochs": 10})
    monitor.on_train_begin()
    monitor.on_epoch_end(0, {"loss": 1.0})
    assert not monitor.model.stop_training
    monitor.on_epoch_end(1, {"loss": float("nan")})
    assert monitor.model.stop_training
