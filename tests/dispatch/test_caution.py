"""What ends a worker's caution after a message in doubt, and what does not."""

from afterword.dispatch.caution import Caution


def after_a_doubt() -> Caution:
    caution = Caution()
    caution.left_in_doubt(caution.sets_out())
    caution.came_back()
    return caution


def test_only_an_answer_after_the_mark_ends_it() -> None:
    caution = after_a_doubt()
    probe = caution.sets_out()
    caution.was_answered(probe, marked=False)
    assert caution.pause and caution.is_waiting
    caution.was_answered(probe, marked=True)
    assert not caution.pause and not caution.is_waiting


def test_an_answer_to_one_that_set_out_before_the_doubt_does_not_end_it() -> None:
    caution = Caution()
    earlier = caution.sets_out()
    caution.left_in_doubt(caution.sets_out())
    caution.was_answered(earlier, marked=True)
    assert caution.pause and caution.is_outdated(earlier)


def test_pauses_double_from_one_second_to_ten_and_end_with_an_answer() -> None:
    caution, pauses = Caution(), []
    for _ in range(6):
        caution.met_trouble(caution.sets_out())
        pauses.append(caution.pause)
    assert pauses == [1, 2, 4, 8, 10, 10]
    caution.was_answered(caution.sets_out(), marked=False)
    assert caution.pause == 0


def test_all_that_set_out_together_double_it_once() -> None:
    caution = Caution()
    together = [caution.sets_out() for _ in range(16)]
    for attempt in together:
        caution.met_trouble(attempt)
    assert caution.pause == 1
    for attempt in together:
        caution.left_in_doubt(attempt)
    assert caution.pause == 1


def test_a_probe_sets_out_when_all_others_have_come_back() -> None:
    caution = Caution()
    first, second = caution.sets_out(), caution.sets_out()
    caution.left_in_doubt(first)
    caution.came_back()
    assert caution.is_waiting and caution.is_outdated(second)
    caution.came_back()
    assert not caution.is_waiting


def test_one_that_set_out_before_the_others_makes_no_pause_shorter() -> None:
    caution = Caution()
    early = caution.sets_out()
    for _ in range(3):
        caution.met_trouble(caution.sets_out())
    caution.met_trouble(early)
    assert caution.pause == 4
