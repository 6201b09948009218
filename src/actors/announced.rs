//! What nodes keep in memory of a store that they share: settings, lists, switches, endpoints. A commit that changes some of it
//! also writes a value that all nodes look at, so that they read again what they keep.

use crate::entropy::unique_bytes;
use crate::store::{CHANGED, Commit, LEASE, Store, StoreError};

/// Adds to a commit that concerns other nodes that they are to look.
pub fn announce(commit: &mut Commit) {
    if concerns_others(commit) {
        commit.values.push((CHANGED.to_owned(), unique_bytes().to_vec()));
    }
}

/// The value of the last commit that nodes are to look for; another one after each.
///
/// # Errors
/// When it can't be read.
pub async fn read_announced(store: &dyn Store) -> Result<Option<Vec<u8>>, StoreError> {
    store.value(CHANGED).await
}

fn concerns_others(commit: &Commit) -> bool {
    let decision = &commit.decision;
    commit.concerns_others
        || !decision.listed.is_empty()
        || !decision.redirect_urls.is_empty()
        || !decision.webhooks.is_empty()
        || decision.named_value.as_ref().is_some_and(|value| !is_of_one_node(&value.name))
}

/// Whether a value is looked at by the node alone that writes it.
fn is_of_one_node(name: &str) -> bool {
    name.starts_with(LEASE) || name.starts_with(AFTER_COMMIT)
}

/// How the names begin of the values that hold the places of hooks.
pub(super) const AFTER_COMMIT: &str = "after_commit:";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::store::{Decision, NamedValueWrite};

    #[test]
    fn a_commit_tells_other_nodes_if_they_keep_what_it_changes() {
        let of_value = |name: &str| {
            let value = NamedValueWrite { name: name.into(), expected: None, next: vec![1] };
            Commit::of_decision(Timestamp::EPOCH, Decision { named_value: Some(value), ..Decision::default() })
        };
        let switch = Commit { concerns_others: true, ..Commit::of_value(Timestamp::EPOCH, "paused", vec![1]) };
        let others = [of_value("lease:sweep"), of_value("after_commit:crm"), Commit::default()];
        for (mut commit, is_told) in [of_value("instance_overrides"), switch]
            .map(|commit| (commit, true))
            .into_iter()
            .chain(others.map(|commit| (commit, false)))
        {
            announce(&mut commit);
            assert_eq!(commit.values.iter().any(|(name, _)| name == CHANGED), is_told, "{commit:?}");
        }
    }
}
