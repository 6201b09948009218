//! The hash costs of the stored password digests, so that every comparison can take the same time.

use std::sync::{Mutex, PoisonError};

use crate::domain::time::Timestamp;
use crate::password::HashParameters;
use crate::store::{Commit, CommitError, Store};

use super::BuildError;

/// The known hash costs: those that the instance was configured with over time, and those it saw in digests.
#[derive(Debug)]
pub(super) struct Costs(Mutex<Vec<HashParameters>>);

impl Costs {
    /// Loads the stored costs and adds today's.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub(super) async fn load(store: &dyn Store, today: HashParameters) -> Result<Self, BuildError> {
        let stored = store.value(COSTS).await?.unwrap_or_default();
        let mut known = decode(&stored);
        let surplus = (known.len() + 1).saturating_sub(COSTS_MAX);
        known.drain(..if known.contains(&today) { 0 } else { surplus });
        let costs = Self(Mutex::new(known));
        if let Some(bytes) = costs.note(today) {
            let commit = Commit::of_value(Timestamp::default(), COSTS, bytes);
            store.commit(vec![commit]).await.pop().unwrap_or(Err(CommitError::Unknown))?;
        }
        Ok(costs)
    }

    /// The other costs at which a comparison at `cost` must hash too, so that all comparisons take the same time.
    pub(super) fn beside(&self, cost: HashParameters) -> Vec<HashParameters> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().copied().filter(|other| *other != cost).collect()
    }

    /// Adds a cost where there is room. Returns what to store if the cost is new.
    pub(super) fn note(&self, cost: HashParameters) -> Option<Vec<u8>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.contains(&cost) || known.len() >= COSTS_MAX {
            return None;
        }
        known.push(cost);
        Some(known.iter().flat_map(|cost| [cost.m_kib, cost.t, cost.p]).flat_map(u32::to_be_bytes).collect())
    }
}

fn decode(bytes: &[u8]) -> Vec<HashParameters> {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    let costs = bytes.chunks_exact(12);
    costs.map(|cost| HashParameters { m_kib: word(cost, 0), t: word(cost, 4), p: word(cost, 8) }).collect()
}

/// The name under which the costs are stored.
pub(super) const COSTS: &str = "password_costs";
/// The most known costs: each one makes every comparison slower.
const COSTS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[tokio::test]
    async fn costs_are_kept_from_start_to_start_and_the_oldest_goes() {
        let cost = |m_kib| HashParameters { m_kib, t: 2, p: 1 };
        let store = MemoryStore::new();
        for (today, known) in [
            (8, vec![8]),
            (16, vec![8, 16]),
            (16, vec![8, 16]),
            (32, vec![8, 16, 32]),
            (64, vec![16, 32, 64]),
            (16, vec![16, 32, 64]),
        ] {
            let costs = Costs::load(&store, cost(today)).await.expect("loaded");
            let loaded: Vec<_> = costs.0.lock().expect("no panic").iter().map(|cost| cost.m_kib).collect();
            assert_eq!(loaded, known);
        }
        let costs = Costs::load(&store, cost(64)).await.expect("loaded");
        assert_eq!(costs.note(cost(128)), None, "there is no room for what was only seen");
    }

    #[test]
    fn whichever_cost_is_compared_at_all_of_them_are() {
        let costs = [8, 16, 32].map(|m_kib| HashParameters { m_kib, t: 2, p: 1 });
        let known = Costs(Mutex::new(costs.to_vec()));
        for cost in costs {
            let mut all = known.beside(cost);
            all.push(cost);
            all.sort_by_key(|cost| cost.m_kib);
            assert_eq!(all, costs);
        }
    }
}
