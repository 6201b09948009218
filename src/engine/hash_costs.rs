//! The hash costs of the stored password digests, so that every comparison can take the same time.

use std::sync::{Mutex, PoisonError};

use crate::actors::announce;
use crate::domain::time::Timestamp;
use crate::password::{DigestCost, ForeignCost, HashParameters};
use crate::store::{Commit, CommitError, Store, StoreError};

use super::BuildError;

/// The known hash costs: those that the instance was configured with over time, and those it saw in digests.
#[derive(Debug)]
pub(super) struct Costs(Mutex<Known>);

#[derive(Debug)]
struct Known {
    own: Vec<HashParameters>,
    /// Of digests that other systems made.
    foreign: Vec<ForeignCost>,
}

impl Costs {
    /// Loads the stored costs and adds today's.
    ///
    /// # Errors
    /// When the store can't be read or written.
    pub(super) async fn load(store: &dyn Store, today: HashParameters) -> Result<Self, BuildError> {
        let mut known = Known::stored(store).await?;
        let surplus = (known.own.len() + 1).saturating_sub(COSTS_MAX);
        known.own.drain(..if known.own.contains(&today) { 0 } else { surplus });
        let costs = Self(Mutex::new(known));
        if let Some((name, bytes)) = costs.note(&today.into()) {
            let mut commit = Commit { concerns_others: true, ..Commit::of_value(Timestamp::default(), name, bytes) };
            if store.is_shared() {
                announce(&mut commit);
            }
            store.commit(vec![commit]).await.pop().unwrap_or(Err(CommitError::Unknown))?;
        }
        Ok(costs)
    }

    /// Adds those that other nodes have stored, where there is room.
    ///
    /// # Errors
    /// When the store can't be read.
    pub(super) async fn add_stored(&self, store: &dyn Store) -> Result<(), StoreError> {
        let Known { own, foreign } = Known::stored(store).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for cost in &own {
            add(&mut known.own, cost, COSTS_MAX);
        }
        for cost in &foreign {
            add(&mut known.foreign, cost, FOREIGN_COSTS_MAX);
        }
        Ok(())
    }

    /// The other costs at which a comparison at `cost` must hash too, so that all comparisons take the same time.
    pub(super) fn beside(&self, cost: &DigestCost) -> Vec<DigestCost> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = known.own.iter().copied().map(DigestCost::Own);
        let foreign = known.foreign.iter().cloned().map(DigestCost::Foreign);
        own.chain(foreign).filter(|other| other != cost).collect()
    }

    /// Adds a cost where there is room. Returns what to store, a name and its value, if the cost is new.
    pub(super) fn note(&self, cost: &DigestCost) -> Option<(&'static str, Vec<u8>)> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match cost {
            DigestCost::Own(cost) => {
                let own = add(&mut known.own, cost, COSTS_MAX)?;
                let words = own.iter().flat_map(|cost| [cost.m_kib, cost.t, cost.p]);
                Some((COSTS, words.flat_map(u32::to_be_bytes).collect()))
            }
            DigestCost::Foreign(cost) => {
                let foreign = add(&mut known.foreign, cost, FOREIGN_COSTS_MAX)?;
                let lines: Vec<&str> = foreign.iter().map(ForeignCost::as_str).collect();
                Some((FOREIGN_COSTS, lines.join("\n").into_bytes()))
            }
        }
    }
}

impl Known {
    async fn stored(store: &dyn Store) -> Result<Self, StoreError> {
        let own = decode(&store.value(COSTS).await?.unwrap_or_default());
        let stored = store.value(FOREIGN_COSTS).await?.unwrap_or_default();
        let lines = String::from_utf8_lossy(&stored);
        // A digest that this program can't verify costs nothing.
        let foreign = lines.lines().filter_map(ForeignCost::parse).take(FOREIGN_COSTS_MAX).collect();
        Ok(Self { own, foreign })
    }
}

/// Adds a cost that is new where there is room, and returns all.
fn add<'a, C: Clone + PartialEq>(known: &'a mut Vec<C>, cost: &C, most: usize) -> Option<&'a [C]> {
    if known.contains(cost) || known.len() >= most {
        return None;
    }
    known.push(cost.clone());
    Some(known)
}

fn decode(bytes: &[u8]) -> Vec<HashParameters> {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
    };
    let costs = bytes.chunks_exact(12);
    costs.map(|cost| HashParameters { m_kib: word(cost, 0), t: word(cost, 4), p: word(cost, 8) }).collect()
}

/// The name under which the costs of our own digests are stored: three words of 32 bits each.
const COSTS: &str = "password_costs";
/// The name under which the costs of other systems' digests are stored: a line each.
const FOREIGN_COSTS: &str = "password_foreign_costs";
/// The most known costs: each one makes every comparison slower.
const COSTS_MAX: usize = 3;
const FOREIGN_COSTS_MAX: usize = 3;

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
            let loaded: Vec<_> = costs.0.lock().expect("no panic").own.iter().map(|cost| cost.m_kib).collect();
            assert_eq!(loaded, known);
        }
        let costs = Costs::load(&store, cost(64)).await.expect("loaded");
        assert_eq!(costs.note(&cost(128).into()), None, "there is no room for what was only seen");
    }

    #[tokio::test]
    async fn costs_of_other_systems_are_kept_from_start_to_start_beside_our_own() {
        let today = HashParameters { m_kib: 8, t: 2, p: 1 };
        let foreign = |rounds: u32| {
            let digest = format!("pbkdf2_sha256$pbkdf2_sha256${rounds}$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA");
            DigestCost::Foreign(ForeignCost::parse(&digest).expect("a digest"))
        };
        let store = MemoryStore::new();
        let costs = Costs::load(&store, today).await.expect("loaded");
        for rounds in 1..=3 {
            let (name, bytes) = costs.note(&foreign(rounds)).expect("a new cost");
            assert_eq!(costs.note(&foreign(rounds)), None, "it is known");
            let commit = Commit::of_value(Timestamp::default(), name, bytes);
            store.commit(vec![commit]).await.remove(0).expect("stored");
        }
        assert_eq!(costs.note(&foreign(4)), None, "there is no room");
        let again = Costs::load(&store, today).await.expect("loaded");
        assert_eq!(again.beside(&today.into()), [foreign(1), foreign(2), foreign(3)]);
        assert_eq!(again.beside(&foreign(2)), [today.into(), foreign(1), foreign(3)]);
    }

    #[test]
    fn whichever_cost_is_compared_at_all_of_them_are() {
        let costs = [8, 16, 32].map(|m_kib| HashParameters { m_kib, t: 2, p: 1 });
        let known = Costs(Mutex::new(Known { own: costs.to_vec(), foreign: Vec::new() }));
        for cost in costs {
            let mut all = known.beside(&cost.into());
            all.push(cost.into());
            all.sort_by_key(|cost| match cost {
                DigestCost::Own(cost) => cost.m_kib,
                DigestCost::Foreign(_) => 0,
            });
            assert_eq!(all, costs.map(DigestCost::Own));
        }
    }
}
