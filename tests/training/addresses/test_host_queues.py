import threading
from collections import Counter

import pytest

from training.addresses.host_queues import FIRST_TURNS, HOPELESS, HostQueues, host_of


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def addresses(**hosts):
    return [f"https://{host}/{number}.jpg" for host, count in hosts.items() for number in range(count)]


def due(queues):
    """Take all tasks that may be asked now."""
    return [*iter(queues._due, None)]


def test_of_each_host_only_so_many_are_asked_at_a_time_and_hosts_take_turns(clock):
    queues = HostQueues(addresses(a=50, b=50, c=1), per_host=3, clock=clock)
    taken = due(queues)
    assert queues.turns == 7 and [task.host for task in taken] == ["a", "b", "c", "a", "b", "a", "b"]
    for task in taken:
        queues.done(task)
    assert Counter(task.host for task in due(queues)) == {"a": 3, "b": 3}


def test_all_tasks_are_handed_out_once_and_then_none(clock):
    given = addresses(a=17, b=4)
    queues = HostQueues(given, per_host=2, clock=clock)
    seen = []
    while (task := queues.next()) is not None:
        seen.append(task.address)
        queues.done(task)
    assert sorted(seen) == sorted(given)


def test_a_task_that_was_put_back_comes_again_when_it_is_due_and_not_before(clock):
    queues = HostQueues(addresses(a=2), per_host=2, clock=clock)
    first, second = due(queues)
    queues.again(first, seconds=5)
    queues.done(second)
    assert due(queues) == []
    clock.now += 5
    (again,) = due(queues)
    assert (again.address, again.attempt) == (first.address, 2)


def test_a_host_that_asks_to_be_left_alone_is_and_is_asked_half_as_much_afterwards(clock):
    queues = HostQueues(addresses(a=40, b=40), per_host=8, clock=clock)
    taken = due(queues)
    ours = [task for task in taken if task.host == "a"]
    for task in ours:
        queues.again(task, seconds=30, pause=True)
    assert due(queues) == []  # the turns of b are held by who took them
    for task in taken:
        if task.host == "b":
            queues.done(task)
    assert Counter(task.host for task in due(queues)) == {"b": 8}
    clock.now += 30
    assert Counter(task.host for task in due(queues)) == {"a": 4}


def test_a_host_is_asked_more_the_more_it_has_answered(clock):
    queues = HostQueues(addresses(a=500), per_host=50, clock=clock)
    rounds = []
    for _ in range(4):
        taken = due(queues)
        rounds.append(len(taken))
        for task in taken:
            queues.done(task)
    assert rounds == [FIRST_TURNS, 2 * FIRST_TURNS, 50, 50] and queues.turns == 50


def test_a_host_that_asked_to_be_left_alone_is_not_asked_more_again(clock):
    queues = HostQueues(addresses(a=500), per_host=50, clock=clock)
    queues.again(due(queues)[0], seconds=0, pause=True)
    clock.now += 1
    for task in due(queues):
        queues.done(task)
    assert queues.turns == FIRST_TURNS // 2


def test_the_last_task_of_a_host_that_pauses_again_and_again_is_not_lost(clock):
    queues = HostQueues(addresses(a=3), per_host=8, clock=clock)
    for _ in range(5):
        for task in due(queues):
            queues.again(task, seconds=1, pause=True)
        clock.now += 1
    seen = set()
    while taken := due(queues):
        for task in taken:
            seen.add(task.address)
            queues.done(task)
    assert seen == set(addresses(a=3)) and queues.next() is None


def test_who_waits_for_a_task_goes_on_when_all_are_done():
    queues = HostQueues(addresses(a=1), per_host=1)
    task = queues.next()
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(queues.next()))
    waiting.start()
    queues.done(task)
    waiting.join(timeout=10)
    assert ended == [None]


def test_who_waits_is_woken_when_a_task_is_due_or_when_one_is_settled(clock, monkeypatch):
    queues, waits = HostQueues(addresses(a=1), per_host=1, clock=clock), []

    def wait(seconds):
        assert len(waits) < 2
        waits.append(seconds)
        if seconds is None:
            queues.done(again)
        else:
            clock.now += seconds

    monkeypatch.setattr(queues._changed, "wait", wait)
    queues.again(queues.next(), seconds=0.5)
    again = queues.next()
    assert queues.next() is None and waits == [0.5, None]


def test_a_host_is_hopeless_once_it_has_not_answered_so_often_in_a_row(clock):
    queues = HostQueues(addresses(a=1, b=1), per_host=1, clock=clock)
    for _ in range(HOPELESS - 1):
        queues.answered("a", False)
    assert not queues.is_hopeless("a")
    queues.answered("a", True)
    for _ in range(HOPELESS):
        assert not queues.is_hopeless("a")
        queues.answered("a", False)
    assert queues.is_hopeless("a") and not queues.is_hopeless("b")


def test_a_host_is_told_by_name_and_port_and_a_bucket_by_its_name():
    assert host_of("https://Shop.example:8443/a.jpg?b") == "shop.example:8443"
    assert (host_of("s3://bucket/a/b.jpg"), host_of("http://[::1")) == ("bucket", "")
