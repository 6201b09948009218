//! The requirements for every store, as one test suite for all of them. Each requirement is a function that is given an
//! empty store and panics where the store does not meet it. `testing.rs` makes a test of each; a new requirement joins with
//! one line in the list below.

mod budgets;
mod clients;
mod entries;
mod events;
mod handshakes;
mod invitations;
mod listed;
mod maps;
mod messages;
mod others;
mod passkeys;
mod retention;
mod sessions;
mod sign_in_tokens;
mod sign_ups;
mod support;
mod users;
mod values;
mod webhooks;

use super::KvStore;
use super::kv::kv_store::Beneath;

/// Hands the list of the requirements to another macro, behind what it is given for that: `[macro] given` becomes
/// `macro! { given => list }`.
#[macro_export]
#[doc(hidden)]
macro_rules! __requirements_for_stores {
    ([$($then:tt)*] $($given:tt)*) => {
        $($then)*! { $($given)* =>
            maps::a_map_gives_back_what_was_appended_last
            maps::a_map_is_scanned_in_the_order_of_its_keys
            maps::a_map_is_scanned_backwards_in_the_opposite_order
            maps::what_a_map_knows_without_its_disk_is_true
            sign_ups::a_sign_up_is_read_as_it_was_written
            sign_ups::versions_are_compared
            sign_ups::versions_are_compared_within_a_batch
            sign_ups::a_finished_sign_up_is_read_by_its_id_and_never_written_again
            sign_ups::a_sign_up_can_finish_in_its_first_commit
            users::the_first_to_convert_wins_across_batches
            users::the_first_to_convert_wins_within_a_batch
            users::whoever_loses_writes_nothing
            users::an_import_claims_like_a_conversion
            users::a_changed_user_claims_what_is_new_and_frees_what_is_gone
            users::of_two_users_of_one_commit_only_one_can_hold_an_identifier
            users::of_two_changes_made_from_one_version_the_later_one_is_stale
            users::a_removed_user_is_gone_and_its_identifiers_are_free
            users::users_are_listed_by_creation_and_by_their_last_sign_in
            users::users_are_counted_exactly
            users::an_address_is_found_by_its_id_while_a_user_has_it
            users::the_addresses_that_a_user_began_with_are_found_while_the_user_has_them
            users::an_address_has_one_code_and_it_goes_with_the_address
            users::a_mailbox_is_one_address_where_dots_are_ignored
            users::users_of_an_older_version_are_listed_and_counted_after_the_upgrade
            users::kinds_of_identifiers_do_not_collide
            clients::a_client_that_refuses_rolls_everything_back
            clients::two_tabs_of_one_client_lose_nothing
            clients::a_client_holds_so_many_sessions_and_the_oldest_goes
            clients::a_client_that_is_not_answered_is_owed_its_token_and_given_it_once
            clients::a_token_that_the_flow_did_not_renew_is_owed_no_session
            clients::a_session_that_is_owed_to_nobody_ends_no_other_session
            clients::a_commit_that_opens_a_client_says_so
            sessions::the_sessions_of_a_user_are_found_on_all_clients_the_newest_first
            sessions::a_session_that_leaves_its_client_keeps_how_it_ended
            sessions::the_sessions_of_a_banned_user_are_over_at_once
            sessions::the_sessions_of_a_removed_user_are_nowhere
            sessions::the_activity_of_a_user_is_noted_once_a_day_and_is_no_change
            entries::the_first_proof_of_an_address_ends_what_others_had
            entries::what_was_proved_must_be_the_users_still
            entries::a_renewed_digest_takes_the_place_of_the_one_compared
            entries::failures_in_a_row_are_exact_until_a_success
            entries::the_order_of_commits_tells_which_sessions_are_over
            entries::a_lockout_is_exact_until_a_success_or_an_unlocking
            sign_in_tokens::a_sign_in_token_is_used_once_and_not_after_it_was_revoked
            sign_in_tokens::of_two_uses_of_a_sign_in_token_in_one_batch_one_is_refused
            sign_in_tokens::a_sign_in_token_is_for_a_user_that_exists
            handshakes::a_handshake_is_fetched_once_and_not_after_it_expired
            passkeys::a_challenge_is_taken_once_by_its_owner_and_not_after_it_expired
            passkeys::a_credential_is_one_users_until_the_passkey_or_the_user_is_removed
            clients::clients_are_listed_by_their_ids
            invitations::invitations_are_listed_in_the_order_of_their_making
            invitations::an_address_has_one_pending_invitation_unless_more_are_wanted
            invitations::a_pending_invitation_is_seen_behind_others_that_were_deleted
            invitations::an_address_has_so_many_pending_invitations_and_no_more
            invitations::all_addresses_that_are_invited_already_are_told
            invitations::an_invitation_signs_in_once_the_user_who_has_its_address
            invitations::an_invitation_is_used_once_and_not_after_it_was_revoked
            invitations::a_deleted_invitation_stands_in_nobodys_way
            invitations::who_waits_is_listed_once_and_done_when_the_invitation_is_used
            invitations::who_is_rejected_loses_the_invitation
            events::every_commit_tells_what_it_did_in_the_order_of_the_commits
            events::a_refused_commit_and_an_unrecorded_one_have_no_events
            events::a_page_of_events_continues_within_a_commit
            events::many_events_of_one_commit_are_all_there_in_order
            events::the_end_of_a_session_is_told_once
            events::the_sessions_that_end_with_their_user_are_told_with_it
            events::what_became_of_a_message_is_told_once
            events::old_events_go_and_readers_hear_that_they_have_missed_some
            listed::a_list_has_an_identifier_once_and_the_other_list_has_its_own
            listed::a_redirect_url_is_listed_once_until_it_is_removed
            listed::a_named_value_is_changed_only_from_what_was_read
            others::messages_wait_in_order_until_they_are_sent
            sign_ups::sign_ups_fall_due_earliest_first
            sign_ups::a_moved_deadline_is_listed_anew_by_the_sweeper_only
            sign_ups::what_is_forgotten_is_gone
            sign_ups::a_sign_up_written_while_the_sweeper_came_is_kept
            sign_ups::a_finished_sign_up_is_not_forgotten_with_the_open_ones
            sign_ups::who_waits_for_approval_is_listed_the_longest_waiting_first
            sign_ups::who_no_longer_waits_for_approval_is_not_listed
            sign_ups::a_deadline_that_comes_earlier_is_listed_at_once
            messages::what_became_of_messages_is_listed_with_those_that_wait_the_newest_first
            messages::nothing_is_kept_of_messages_where_that_is_not_wanted
            messages::a_message_of_a_sign_in_is_kept_while_it_is_good_and_then_as_long_as_its_user
            messages::what_a_provider_reports_is_noted_and_told_once
            messages::a_message_goes_with_what_it_was_made_for_and_its_secret_when_it_expires
            values::a_value_is_kept_replaced_and_removed
            values::values_are_listed_by_the_beginning_of_their_names
            values::a_value_is_written_with_its_decision_or_not_at_all
            budgets::budgets_of_an_address_are_exact
            budgets::budgets_hold_within_a_batch
            budgets::budgets_of_a_client_are_exact
            budgets::a_proof_begins_the_count_anew
            budgets::a_spent_budget_does_not_tell_that_the_identifier_is_taken
            budgets::without_limits_nothing_is_counted
            retention::everything_that_is_over_goes_and_users_stay
            retention::sessions_that_are_over_go_when_they_are_abandoned
            retention::what_a_removed_user_leaves_goes_with_the_next_round
            retention::a_sign_in_token_is_kept_for_a_while_after_it_expires
            retention::a_code_for_an_address_is_kept_for_a_day_after_it_expires
            retention::a_handshake_goes_when_it_expires
            retention::a_challenge_goes_when_it_expires
            retention::a_client_that_comes_back_while_the_walk_is_on_stays
            webhooks::endpoints_are_kept_changed_and_listed
            webhooks::of_two_changes_of_an_endpoint_made_from_one_version_the_later_one_is_stale
            webhooks::what_came_of_deliveries_is_noted_beside_other_changes
            webhooks::messages_wait_for_an_endpoint_in_the_order_of_their_time_and_are_counted
            webhooks::what_waits_for_an_endpoint_goes_with_it
            others::named_values_are_kept_and_replaced
            others::named_values_are_listed_by_their_beginnings_and_removed
            others::an_empty_batch_and_an_empty_commit_do_nothing
        }
    };
}

macro_rules! check {
    (=> $($about:ident :: $requirement:ident)*) => {
        async fn check<K: Beneath>(requirement: &str, store: &KvStore<K>) {
            match requirement {
                $(stringify!($requirement) => Box::pin($about::$requirement(store)).await,)*
                unknown => panic!("no requirement for stores is called {unknown}"),
            }
        }
    };
}

crate::__requirements_for_stores! { [check] }

/// Checks one requirement, which has the name of its test, on the store that `open` makes. It panics where the store does
/// not meet it.
pub fn check_store<K: Beneath, Kept>(requirement: &str, open: impl AsyncFnOnce() -> (KvStore<K>, Kept)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (store, _kept) = open().await;
        check(requirement, &store).await;
    });
}
