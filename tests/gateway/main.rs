//! Whole-gateway tests: a gateway, origins and callers in one process, over real sockets on ephemeral ports.
//!
//! One binary, because linking dominates; one module a promise; `harness` is the only code they share.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod answers_to_post_are_kept_for_get;
mod auth_types_decide_by_kind_of_token;
mod backends_learn_who_calls;
mod broken_endpoints_are_avoided;
mod callers_cannot_shape_what_is_kept;
mod callers_keep_their_own;
mod callers_must_show_who_they_are;
mod certificates_are_asked_for_when_needed;
mod certificates_are_chosen_and_swapped;
mod certificates_prove_callers;
mod certificates_prove_clients;
mod changes_go_live;
mod credentials_are_taken_where_stated;
mod endpoint_identities_are_checked;
mod endpoints_share_the_work;
mod guessing_and_floods_cost_little;
mod harness;
mod harness_tells_the_truth;
mod headers_are_kept_clean;
mod hostile_input_is_contained;
mod lifecycle_and_transport_decide;
mod no_protocol_goes_round;
mod no_request_fails_while_changes_go_live;
mod open_websockets_end_with_their_rights;
mod operators_manage_it_live;
mod other_issuers_are_believed_within_bounds;
mod own_paths_are_ours;
mod parts_are_never_the_whole;
mod protocols_pass_through;
mod quotas_are_seen;
mod quotas_hold;
mod refusals_are_explained;
mod refusals_are_readable;
mod requests_find_their_version;
mod responses_are_kept;
mod revocation_is_immediate;
mod scopes_are_checked;
mod slow_callers_are_cut;
mod subscriptions_and_keys_decide;
mod the_gateway_is_seen;
mod traffic_and_endpoints_are_told;
mod websockets_are_tunnelled;
mod what_is_imported_is_served;
mod what_is_kept_can_be_purged;
mod what_is_kept_is_bounded;
mod what_is_matched_is_sent;
mod words_of_other_issuers_are_exchanged;
