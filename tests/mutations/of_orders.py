"""Guarantees 1 to 4: orders are stored once, each with one invitation that is due at its time."""

from tests.mutations.mutation import Mutation

OF_ORDERS = {
    1: (
        Mutation(
            "answered before the commit",
            "WriterThread._write_all",
            "results = self._commit(",
            "group[0].done.get_loop().call_soon_threadsafe(settle, group, [None] * len(group));"
            " results = self._commit(",
            "test_nothing_is_answered_before_its_commit_has_returned[sqlite]",
        ),
        Mutation(
            "fsynced now and then",
            "_configured",
            "synchronous = FULL",
            "synchronous = NORMAL",
            "test_no_power_cut_loses_an_acknowledged_order_or_stores_it_twice",
        ),
        Mutation(
            "a server that answers before its fsync is left alone",
            "_DURABLE",
            "= 'off'",
            "= 'never'",
            "test_an_answer_comes_after_the_fsync_whatever_the_default_is_and_becomes",
        ),
        Mutation(
            "a commit that lets go of its locks early is not waited for",
            "COMMIT_EARLY",
            "SELECT pg_logical_emit_message(true, 'afterword', ''); COMMIT",
            "COMMIT",
            "test_a_commit_that_lets_go_of_its_locks_early_is_durable_when_it_returns",
        ),
        Mutation(
            "a signal to the whole group ends the writer before the rest is stored",
            "_commit_for_parent",
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "signal.signal(signal.SIGTERM, signal.SIG_DFL)",
            "test_it_leaves_a_signal_to_the_whole_group_to_the_server",
        ),
        Mutation(
            "a node that acknowledges too soon is accepted",
            "_check_cluster",
            '== "off"',
            '== "never"',
            "test_a_node_that_acknowledges_before_the_disk_is_refused",
        ),
    ),
    2: (
        Mutation(
            "the index on id_order is not unique",
            "index:orders_by_id_order",
            "UNIQUE",
            "",
            "test_an_order_sent_before_is_not_imported_again_and_changes_nothing[sqlite]",
        ),
        Mutation(
            "the index on reference is not unique",
            "index:orders_by_reference",
            "UNIQUE",
            "",
            "test_a_repeated_reference_is_not_imported[sqlite]",
        ),
        Mutation(
            "live left out of a unique key",
            "index:orders_by_id_order",
            "live,",
            "",
            "test_live_and_test_orders_never_mix[sqlite]",
        ),
        Mutation(
            "the last one wins",
            "query:insert_orders",
            "DO NOTHING",
            "(shop_id, live, id_order) DO UPDATE SET firstname = excluded.firstname",
            "test_an_order_sent_before_is_not_imported_again_and_changes_nothing[sqlite]",
        ),
        Mutation(
            "an id_order keeps its blanks",
            "_read",
            "value = value.strip() or None",
            "pass",
            "test_an_integer_and_its_digits_are_one_key",
        ),
        Mutation(
            "numbers are used again after a rollback",
            "Transaction.forget",
            "self._next_id = self._last_id = 0",
            "pass",
            "test_an_order_number_is_never_used_twice_even_after_a_rollback[sqlite]",
        ),
        Mutation(
            "two processes take the same shops in different orders",
            "import_orders",
            "sorted(shops.items())",
            "shops.items()",
            "test_orders_are_taken_in_one_order_whoever_sends_them_first[postgres-3]",
        ),
    ),
    3: (
        Mutation(
            "due from the date of the order",
            "_add_rows",
            "live, due, due) for number in numbers",
            "live, int(o.order_date[:4]) * 31_556_952, due) for number, (_, o) in zip(numbers, arrival.orders)",
            "test_the_date_of_the_order_has_no_part_in_when_it_is_due",
        ),
        Mutation(
            "the shop's delay ignored",
            "delay_for",
            "return shop.delay",
            "return DEFAULT_DELAY",
            "test_the_delay_is_the_shops_own_and_ten_seconds_for_a_test_key[sqlite]",
        ),
        Mutation(
            "receipt rounded down",
            "due_at",
            "(whole < received_at)",
            "0",
            "test_an_order_earns_one_invitation_due_ten_days_after_its_receipt[sqlite]",
        ),
        Mutation(
            "an order without its invitation",
            "_insert",
            'tx.insert("insert_invitations", invitations)',
            "pass",
            "test_an_order_that_cannot_be_stored_fails_alone[sqlite]",
        ),
    ),
    4: (
        Mutation(
            "what is due soon is not announced on a cluster",
            "Transaction.announce",
            "self.announces = True",
            "pass",
            "test_what_is_due_soon_is_announced_on_a_cluster[postgres-a test order]",
        ),
        Mutation(
            "claimed a little early",
            "query:claim_due",
            "m.next_try_at <= :now",
            "m.next_try_at <= :now + 1",
            "test_a_deferred_message_is_scheduled_later_and_a_failed_one_is_at_its_end[sqlite-invitation]",
        ),
        Mutation(
            "looked for every eight seconds",
            "TICK",
            "0.25",
            "8.0",
            "test_a_message_goes_when_it_is_due_and_not_a_moment_earlier[sqlite]",
        ),
        Mutation(
            "the turn of the shops hardly moves",
            "Turns.had",
            "sources[-1]",
            "sources[0]",
            "test_a_shop_that_comes_later_has_its_turn_before_another_has_two_more",
        ),
        Mutation(
            "what was put back is tried before it is due",
            "query:release_claim",
            "CASE WHEN :next_try_at < due_at THEN due_at ELSE :next_try_at END",
            ":next_try_at",
            "test_what_was_in_hand_when_the_clock_was_set_back_waits_until_it_is_due_again",
        ),
    ),
}
