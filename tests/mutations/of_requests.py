"""Guarantee 11: no stranger's request costs more than its bytes."""

from tests.mutations.mutation import Mutation

OF_REQUESTS = {
    11: (
        Mutation(
            "a form is read before its link",
            "Form._take",
            'order = await self._links.find(request, "r")\n        except StoreUnavailable',
            'await request.body(); order = await self._links.find(request, "r")\n        except StoreUnavailable',
            "test_a_form_without_a_good_link_is_refused_before_its_body_is_read[sqlite]",
        ),
        Mutation(
            "large bodies have no budget",
            "Spool.take",
            "self.taken + size > self._budget",
            "False",
            "test_all_files_together_have_a_budget",
        ),
        Mutation(
            "a body may trickle for ever",
            "Arriving.takes",
            "self.size < LEAST_PACE",
            "self.size < 0",
            "test_a_sender_that_trickles_is_given_up",
        ),
        Mutation(
            "an answer is held for a client that takes nothing",
            "Outgoing._give",
            "asyncio.timeout(TIME_TO_TAKE)",
            "asyncio.timeout(None)",
            "test_a_client_that_takes_nothing_is_given_up",
        ),
        Mutation(
            "all that is no order is listed",
            "_parse",
            "elif length >= SCANT * (1 + len(parsed.errors)) or next(scant, None) is not None:",
            "elif True:",
            "test_elements_that_are_no_orders_keep_no_order_from_the_details",
        ),
        Mutation(
            "a review is changed without end",
            "unwritten",
            ">= MOST_CHANGES",
            ">= 99 * MOST_CHANGES",
            "test_after_twenty_changes_a_day_what_was_typed_is_kept_for_tomorrow",
        ),
        Mutation(
            "a flood of refused keys is a flood of lines",
            "PAUSE",
            "1.0",
            "0.0",
            "test_a_flood_of_wrong_keys_is_counted_and_logged_in_a_line_a_second",
        ),
    ),
}
