//! What is in the store after all: each user came from one sign-up, with one session, and holds each of its identifiers, and no
//! identifier is held by anybody else.

use std::collections::BTreeMap;

use vestibule::domain::event::{Event, Happened};
use vestibule::domain::id::{SignUpId, UserId};
use vestibule::domain::identifier::EmailAddress;
use vestibule::store::{Direction, Store, UserList, UserOrder};

/// The events of all times.
pub(super) struct Kept {
    pub(super) events: Vec<Event>,
    pub(super) users: Vec<UserId>,
}

impl Kept {
    /// Reads all, and checks it: `addresses` are those that anybody gave.
    pub(super) async fn checked(store: &dyn Store, addresses: &[String]) -> Self {
        let kept = Self::read(store).await;
        kept.each_user_was_made_once();
        kept.identifiers_and_users_belong_together(store, addresses).await;
        kept
    }

    /// Reads all.
    pub(super) async fn read(store: &dyn Store) -> Self {
        let (mut events, mut after) = (Vec::new(), None);
        loop {
            let page = store.events(after, PAGE).await.expect("events").events;
            let Some(last) = page.last() else { break };
            after = Some(last.position);
            events.extend(page);
        }
        let list = UserList { order: UserOrder::Created, direction: Direction::Ascending, after: None };
        let users = store.user_places(list, usize::MAX).await.expect("users");
        assert_eq!(store.count_users().await.expect("a count"), users.len() as u64);
        Self { events, users: users.into_iter().map(|(_, id)| id).collect() }
    }

    fn each_user_was_made_once(&self) {
        let mut found: BTreeMap<UserId, [usize; 3]> = self.users.iter().map(|id| (*id, [0; 3])).collect();
        for event in &self.events {
            let (user, index) = match event.what {
                Happened::UserCreated { id, .. } => (id, 0),
                Happened::SignUpCompleted { user_id, .. } => (user_id, 1),
                Happened::SessionCreated { user_id, .. } => (user_id, 2),
                _ => continue,
            };
            found.entry(user).or_default()[index] += 1;
        }
        let wrong: Vec<_> = found.iter().filter(|(_, counts)| **counts != [1; 3]).collect();
        assert!(wrong.is_empty(), "created, completed, sessions: {wrong:?}");
        assert!(self.events.is_sorted_by(|left, right| left.position < right.position));
    }

    /// Each identifier of a user is held by that user, and each of these addresses by nobody else.
    pub(super) async fn identifiers_and_users_belong_together(&self, store: &dyn Store, addresses: &[String]) {
        for address in addresses {
            let identifier = EmailAddress::parse(address).expect("an address").identifier();
            let Some(owner) = store.owner(&identifier).await.expect("a read") else { continue };
            let user = store.user(owner).await.expect("a read");
            let user = user.unwrap_or_else(|| panic!("{address} is held by a user that does not exist"));
            assert!(user.identifiers().contains(&identifier), "{address} is held by another user");
        }
        for id in &self.users {
            let user = store.user(*id).await.expect("a read").expect("a user of the list");
            for identifier in user.identifiers() {
                assert_eq!(store.owner(&identifier).await.expect("a read"), Some(*id), "not held");
            }
        }
    }

    /// How often a sign-up was abandoned by the events.
    pub(super) fn abandoned(&self, sign_up: SignUpId) -> usize {
        let is_it = |event: &&Event| matches!(event.what, Happened::SignUpAbandoned { id } if id == sign_up);
        self.events.iter().filter(is_it).count()
    }
}

const PAGE: usize = 500;
