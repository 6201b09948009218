//! What must be true of the log of events, whatever has failed.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::event::{Event, Happened};
use crate::domain::id::{SignUpId, UserId};
use crate::store::{Direction, Store, StoreError, UserList, UserOrder};

/// Each user was created once, and no other was; what happens to one object is told in its order.
pub(super) async fn check_events(store: &dyn Store) -> Result<(), String> {
    let failed = |error: StoreError| error.to_string();
    // Commits go on meanwhile: the users from before are all told, and those that are told are there afterwards.
    let before = users(store).await.map_err(failed)?;
    let events = store.events(None, 1_000_000).await.map_err(failed)?.events;
    let after = users(store).await.map_err(failed)?;
    if !events.is_sorted_by(|left, right| left.position < right.position) {
        return Err("the events are not in the order of their positions".into());
    }
    let created = objects(&events)?;
    if !(before.is_subset(&created) && created.is_subset(&after)) {
        return Err(format!("the users {before:?}, then {after:?}, and the log has created {created:?}"));
    }
    Ok(())
}

/// The users that were created, where each object has an order that can be.
fn objects(events: &[Event]) -> Result<BTreeSet<UserId>, String> {
    let (mut created, mut versions, mut sessions) =
        (BTreeSet::new(), BTreeMap::<SignUpId, u64>::new(), BTreeMap::new());
    let mut completed = BTreeSet::new();
    for event in events {
        let fits = match &event.what {
            Happened::SignUpCreated { id, version } => versions.insert(*id, *version).is_none(),
            Happened::SignUpUpdated { id, version } => versions.insert(*id, *version) == Some(version - 1),
            Happened::SignUpCompleted { id, version, user_id } => {
                let is_next = versions.get(id).is_some_and(|known| known == version || known + 1 == *version);
                is_next && completed.insert(*user_id)
            }
            Happened::SignUpAbandoned { id } => versions.remove(id).is_some() && !completed.contains(&id.cast()),
            Happened::UserCreated { id, .. } => created.insert(*id) && completed.contains(id),
            Happened::UserUpdated { id, .. } => created.contains(id),
            Happened::SessionCreated { id, user_id } => {
                created.contains(user_id) && sessions.insert(*id, *user_id).is_none()
            }
            Happened::SessionEnded { id, user_id, .. } => sessions.remove(id) == Some(*user_id),
            _ => true,
        };
        if !fits {
            return Err(format!("{event:?} can't follow what is told before it"));
        }
    }
    Ok(created)
}

async fn users(store: &dyn Store) -> Result<BTreeSet<UserId>, StoreError> {
    let list = UserList { order: UserOrder::Created, direction: Direction::Ascending, after: None };
    Ok(store.user_places(list, 1_000_000).await?.into_iter().map(|(_, id)| id).collect())
}
