"""Guarantee 11: no stranger's request costs more than its bytes."""

from tests.mutations.mutation import Mutation

OF_REQUESTS = {
    11: (
        Mutation(
            "orders wait for a node that is known to be away",
            "Nodes.refusal",
            "node in self.away",
            "False",
            "test_a_write_that_hangs_costs_its_own_shop_and_the_next_one_costs_nothing[postgres]",
        ),
        Mutation(
            "shops of two nodes share a transaction",
            "Committer._transactions",
            "self.connection.node_of(shop_id)",
            "None",
            "test_the_rows_of_one_node_share_a_transaction[postgres]",
        ),
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
            "a small body may have as many wrong orders as it holds",
            "_parse",
            "len(refused) + unlisted.amount > limits.refused",
            "False",
            "test_a_small_body_is_read_in_a_process_too_if_many_of_its_orders_are_wrong",
        ),
        Mutation(
            "the long forms of an order are read as they come",
            "FormTurns.wait",
            "len(sent.body) <= SHORT_FORM",
            "True",
            "test_the_long_forms_of_an_order_have_turns_and_nobody_else_waits_for_them",
        ),
        Mutation(
            "any number of long forms of an order wait",
            "FormTurns.wait",
            "turn > now + MOST_AHEAD * LONG_EVERY",
            "False",
            "test_who_comes_after_too_many_long_forms_of_the_order_keeps_what_was_typed",
        ),
        Mutation(
            "a slow request delays a stop for long",
            "_cut_off",
            "timeout=FINISH_WITHIN",
            "timeout=3 * FINISH_WITHIN",
            "test_what_comes_to_an_end_is_finished_and_a_slow_stranger_is_given_up",
        ),
        Mutation(
            "each commit that moves a chain is followed by one of its own",
            "Committer._commit",
            "self._notes_due = monotonic() + NOTE_AFTER",
            "self._notes_due = monotonic()",
            "test_commits_that_follow_each_other_are_noted_together",
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
