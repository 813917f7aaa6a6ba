"""How far a subscription has come: nothing lost, nothing twice, in whatever order pages and events come."""

import random

import pytest

from deals_client.options import Options
from deals_client.progress import Page, Progress
from deals_client.values import Event


def event(position, source="live"):
    return Event("dealUpdate", "a", f"e{position}", position, 1, {}, source)


def test_first_page_gives_the_position_and_no_events():
    progress = Progress(Options(), None, None)
    assert progress.take_live(event(6), has_room=True) is None
    taken = progress.take_page(Page(5), None)
    assert (taken.events, taken.gap, progress.position) == ([], None, 5)
    assert [one.position for one in progress.finish(Page(5))] == [6]
    assert progress.position == 6


def test_live_events_do_not_raise_the_position_while_it_catches_up():
    progress = Progress(Options(), 3, None)
    progress.take_live(event(20), has_room=True)
    progress.take_page(Page(5, [event(4), event(5)], more=True), 3)
    assert progress.finish(Page(5, more=True)) is None
    assert progress.position == 5


def test_gap_is_told_once():
    progress = Progress(Options(), 3, None)
    first = progress.take_page(Page(9, [event(8)], more=True, recovered=False), 3)
    second = progress.take_page(Page(12, [event(12)]), 9)
    assert (first.gap.since, first.gap.until, first.gap.reason, second.gap) == (3, 9, "history", None)
    assert progress.recovered is False


@pytest.mark.parametrize("seed", range(200))
def test_random_connections_lose_nothing_and_repeat_nothing(seed):
    """A server with a history, live events in any order, and a connection that breaks at any moment."""
    dice, history, got = random.Random(seed), [], []
    progress = Progress(Options(buffer=3), 0, None)
    is_subscribed = False
    for _ in range(300):
        if dice.random() < 0.5:
            history.append(event(len(history) + 1))
            if is_subscribed:
                pushed = [history[-1], *dice.sample(history[-3:], 1)]
                dice.shuffle(pushed)
                got += filter(None, (progress.take_live(one, has_room=dice.random() < 0.8) for one in pushed))
        elif dice.random() < 0.1:
            is_subscribed = False
            progress.lose()
        elif progress.is_catching_up:
            is_subscribed = True
            got += read_page(progress, history)
    is_subscribed = True
    for _ in range(200):
        if progress.is_catching_up:
            got += read_page(progress, history)
    assert sorted(one.position for one in got) == list(range(1, len(history) + 1))


def read_page(progress, history):
    later = [one for one in history if one.position > progress.position]
    # As the service does: the events that the highest position may have overtaken come again.
    overtaken = [one for one in history if progress.position - 3 <= one.position <= progress.position]
    page = Page(
        later[4].position if len(later) > 5 else len(history), overtaken + later[:5], more=len(later) > 5
    )
    taken = progress.take_page(page, progress.position)
    return [*taken.events, *(progress.finish(page) or ())]
