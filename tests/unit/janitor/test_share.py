import pytest

from janitor.share import WHOLE, Share, share_of


@pytest.mark.parametrize("event", [{}, None, {"source": "aws.events"}, {"share": 3}])
def test_event_without_a_share_means_all_of_the_work(event):
    assert share_of(event) == WHOLE


def test_event_names_its_share():
    assert share_of({"share": 1, "of": 4}) == Share(1, 4)
    assert share_of({"share": 63, "of": 64}) == Share(63, 64)
    assert share_of({"of": 4}) == Share(0, 4)


@pytest.mark.parametrize(
    "event",
    [
        {"share": 4, "of": 4},
        {"share": -1, "of": 2},
        {"of": 0},
        {"of": "2"},
        {"of": 65},
        {"share": 0, "of": True},
    ],
)
def test_share_that_does_not_exist_is_refused(event):
    with pytest.raises(ValueError, match="share must be"):
        share_of(event)


@pytest.mark.parametrize("of", [1, 3, 4, 5])
def test_shares_cover_every_partition_and_user_once(of):
    shares = [Share(number, of) for number in range(of)]
    assert sorted(number for share in shares for number in share.partitions(64)) == list(range(64))
    assert all(sum(share.has_user(f"user-{n}") for share in shares) == 1 for n in range(100))
