//! The keys that a plan of a commit usually reads, so that they are fetched at once. It need not name all of them: what is
//! missing is fetched when the plan asks for it.

use bytes::Bytes;

use crate::domain::quota::QuotaKind;
use crate::store::commit::{Commit, UserWrite};
use crate::store::kv::key;

/// The keys that plans of these commits usually read.
pub(super) fn usual_keys(commits: &[Commit]) -> Vec<Bytes> {
    let mut keys = Vec::new();
    for commit in commits {
        of_decision(commit, &mut keys);
        let housekeeping = &commit.housekeeping;
        keys.extend(housekeeping.sent.iter().map(|(id, _)| key::outbox(*id)));
        keys.extend(housekeeping.reports.iter().map(|report| key::message(report.id)));
        keys.extend(housekeeping.expire.iter().map(|(_, id)| key::sign_up(*id)));
        keys.extend(housekeeping.reindex.iter().map(|(_, _, id)| key::sign_up(*id)));
        keys.extend(housekeeping.collect_garbage.1.iter().map(|expired| expired.0.clone()));
        keys.extend(housekeeping.webhooks.iter().map(|made| key::webhook_endpoint(made.endpoint)));
    }
    keys
}

fn of_decision(commit: &Commit, keys: &mut Vec<Bytes>) {
    let decision = &commit.decision;
    if let Some(write) = &decision.sign_up {
        keys.push(key::sign_up(write.next.id));
        if write.expected_version.is_none() {
            keys.push(key::user(write.next.id.cast()));
        }
    }
    keys.extend(decision.client.iter().map(|write| key::client(write.id)));
    if decision.limits.is_some() {
        for charge in &decision.quota_uses {
            keys.push(key::address_counter(&charge.address));
            let counts_client = match charge.what {
                QuotaKind::Message | QuotaKind::OwnMessage => true,
                QuotaKind::Proof => decision.user.is_some(),
                QuotaKind::Guess => false,
            };
            keys.extend(counts_client.then(|| key::client_counter(charge.client)));
        }
    }
    keys.extend(decision.tried.iter().map(|tried| key::failures(&tried.account)));
    keys.extend(decision.entry.iter().map(|entry| key::user(entry.user_id)));
    let created = decision.users.iter().filter_map(|write| match write {
        UserWrite::Create(user) => Some(user),
        UserWrite::Change { .. } | UserWrite::Remove { .. } => None,
    });
    for user in decision.user.iter().chain(created) {
        keys.extend(user.identifiers().iter().map(key::identifier));
    }
    keys.extend(decision.users.iter().map(|write| match write {
        UserWrite::Create(user) | UserWrite::Change { next: user, .. } => key::user(user.id),
        UserWrite::Remove { id, .. } => key::user(*id),
    }));
    keys.extend(
        decision
            .address_verification
            .iter()
            .flat_map(|write| [key::address_verification(write.next.address_id), key::user(write.next.user_id)]),
    );
    keys.extend(decision.named_value.iter().map(|write| key::value(&write.name)));
}
