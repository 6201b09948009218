//! Users: an identifier belongs to one user, and a second claim writes nothing.

use crate::domain::client::ClientChange;
use crate::domain::id::{IdentificationId, UserId};
use crate::domain::identifier::{EmailAddress, PhoneNumber, Username};
use crate::domain::quota::QuotaKind;
use crate::domain::user::{AddressVerification, Identification, User, first_email_id, first_phone_id};
use crate::domain::verification::Verification;
use crate::store::kv::key;
use crate::store::kv::key::Kind;
use crate::store::kv::kv_store::Beneath;
use crate::store::{ClientWrite, Commit, Decision, Direction, KvStore, Store, UserList, UserOrder, UserWrite, Write};

use super::support::*;

pub(super) async fn the_first_to_convert_wins_across_batches(store: &impl Store) {
    let (winner, loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    commit(store, create(&winner)).await.expect("a new sign-up");
    commit(store, create(&loser)).await.expect("a new sign-up");
    commit(store, convert(&winner)).await.expect("a conversion");
    assert_eq!(commit(store, convert(&loser)).await, TAKEN);
    assert_eq!(store.sign_up(loser.id).await, Ok(Some(loser.clone())));
    assert_eq!(store.user(loser.id.cast()).await, Ok(None));
}

pub(super) async fn the_first_to_convert_wins_within_a_batch(store: &impl Store) {
    let (winner, loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    store.commit(vec![create(&winner), create(&loser)]).await;
    let mut answers = store.commit(vec![convert(&winner), convert(&loser)]).await;
    assert_eq!(answers.pop().map(bare), Some(TAKEN));
    assert_eq!(answers.pop().map(bare), Some(Ok(())));
    let owner = store.owner(&email("ada@example.com").identifier()).await;
    assert_eq!(owner, Ok(Some(winner.id.cast())));
}

pub(super) async fn whoever_loses_writes_nothing(store: &impl Store) {
    let (winner, mut loser) = (open(1, "ada@example.com"), open(2, "ada@example.com"));
    loser.username = Some(Username::restore("free".into()));
    commit(store, create(&winner)).await.expect("a new sign-up");
    commit(store, convert(&winner)).await.expect("a conversion");
    commit(store, create(&loser)).await.expect("a new sign-up");
    commit(store, open_client(loser.client_id)).await.expect("a client");
    let before = store.client(loser.client_id).await;
    let due = store.due(at(u64::MAX), 10).await;

    let mut losing = convert(&loser);
    let user = losing.decision.user.as_mut().expect("a user");
    user.username = Some(Username::restore("free".into()));
    losing.decision.client = Some(ClientWrite { id: loser.client_id, changes: vec![ClientChange::Rotate] });
    losing.decision.outbox = vec![message(1, 1)];
    losing.decision.quota_uses = vec![charge("ada@example.com", loser.client_id, QuotaKind::Guess)];
    losing.decision.limits = Some(one_guess());
    losing.values = vec![("name".into(), vec![1])];
    assert_eq!(commit(store, losing.clone()).await, TAKEN);

    assert_eq!(store.client(loser.client_id).await, before);
    assert_eq!(store.outbox(None, 10).await, Ok(vec![]));
    assert_eq!(store.value("name").await, Ok(None));
    assert_eq!(store.due(at(u64::MAX), 10).await, due);
    let free = Username::restore("free".into()).identifier();
    assert_eq!(store.owner(&free).await, Ok(None));
    assert_eq!(commit(store, losing).await, TAKEN, "its guess was not counted");
}

pub(super) async fn an_import_claims_like_a_conversion(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    let import = |user: &User| Commit {
        decision: Decision { user: Some(Box::new(user.clone())), ..Decision::default() },
        ..Commit::default()
    };
    commit(store, import(&user)).await.expect("a user");
    assert_eq!(commit(store, import(&user)).await, STALE);
    let (_, other) = finish(&open(2, "ada@example.com"));
    assert_eq!(commit(store, import(&other)).await, TAKEN);
    assert_eq!(store.user(user.id).await.expect("a read").as_deref(), Some(&user));
}

pub(super) async fn a_changed_user_claims_what_is_new_and_frees_what_is_gone(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let eve = stored(store, 2, "eve@example.com").await;
    let moved = User { email_addresses: addresses("countess@example.com"), ..ada.clone() };
    assert_eq!(commit(store, change(&moved)).await, Ok(()));
    assert_eq!(owner(store, "countess@example.com").await, Some(ada.id));
    assert_eq!(owner(store, "ada@example.com").await, None);
    let heir = User { version: eve.version + 1, email_addresses: addresses("ada@example.com"), ..eve.clone() };
    let greedy = User { email_addresses: addresses("countess@example.com"), ..eve.clone() };
    assert_eq!(commit(store, change(&greedy)).await, TAKEN);
    assert_eq!(owner(store, "eve@example.com").await, Some(eve.id), "what is refused frees nothing");
    let answers = store.commit(vec![change_from(&heir, eve.version), change_from(&moved, 9)]).await;
    assert!(answers[0].is_ok(), "what one commit freed, a later one may claim");
    assert_eq!(answers[1].clone().map(drop), STALE);
    assert_eq!(owner(store, "ada@example.com").await, Some(eve.id));
}

pub(super) async fn of_two_users_of_one_commit_only_one_can_hold_an_identifier(store: &impl Store) {
    let [ada, eve] = [1, 2].map(|n| finish(&open(n, "ada@example.com")).1);
    let both = [&ada, &eve].map(|user| UserWrite::Create(Box::new(user.clone())));
    assert_eq!(commit(store, of_users(both.to_vec())).await, TAKEN);
    assert_eq!(store.user(ada.id).await, Ok(None), "the commit is refused as a whole");
    let replaced = vec![
        UserWrite::Create(Box::new(ada.clone())),
        UserWrite::Remove { id: ada.id, expected_version: ada.version },
        UserWrite::Create(Box::new(eve.clone())),
    ];
    assert_eq!(commit(store, of_users(replaced)).await, Ok(()));
    assert_eq!(owner(store, "ada@example.com").await, Some(eve.id), "what one write freed, the next one may claim");
}

pub(super) async fn of_two_changes_made_from_one_version_the_later_one_is_stale(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let next = |name: &str| User { version: ada.version + 1, first_name: Some(name.into()), ..ada.clone() };
    let both = ["Ada", "Augusta"].map(|name| change_from(&next(name), ada.version));
    let answers = store.commit(both.to_vec()).await;
    assert_eq!(answers.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), STALE]);
    assert_eq!(commit(store, change_from(&next("Augusta"), ada.version)).await, STALE);
    assert_eq!(commit(store, remove(&ada)).await, STALE, "a removal is decided on a version too");
    let stored = store.user(ada.id).await.expect("a read").expect("a user");
    assert_eq!((stored.first_name.as_deref(), stored.version), (Some("Ada"), ada.version + 1));
    let nobody = User { id: UserId::from_bytes([9; 16]), ..ada };
    assert_eq!(commit(store, change(&nobody)).await, STALE);
}

pub(super) async fn a_removed_user_is_gone_and_its_identifiers_are_free(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    assert_eq!(commit(store, create_user(&User { id: UserId::from_bytes([2; 16]), ..ada.clone() })).await, TAKEN);
    assert_eq!(commit(store, create_user(&ada)).await, STALE, "its id is in use");
    let heir = User { id: UserId::from_bytes([2; 16]), ..ada.clone() };
    let answers = store.commit(vec![remove(&ada), create_user(&heir)]).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(store.user(ada.id).await, Ok(None));
    assert_eq!(owner(store, "ada@example.com").await, Some(heir.id));
    assert_eq!(commit(store, remove(&ada)).await, STALE);
    assert_eq!(store.sign_up(ada.id.cast()).await, Ok(None), "the finished sign-up went with it");
}

pub(super) async fn users_are_listed_by_creation_and_by_their_last_sign_in(store: &impl Store) {
    let mut users = Vec::new();
    for (n, created, signed_in) in
        [(1, 30, None), (2, 10, Some(40)), (3, 20, Some(20)), (4, 20, None), (5, 5, Some(60))]
    {
        let (_, user) = finish(&open(n, &format!("ada{n}@example.com")));
        let user = User { created_at: at(created), last_sign_in_at: signed_in.map(at), ..user };
        commit(store, create_user(&user)).await.expect("a user");
        users.push(user);
    }
    use {Direction::*, UserOrder::*};
    assert_eq!(listed(store, Created, Ascending).await, [5, 2, 3, 4, 1]);
    assert_eq!(listed(store, Created, Descending).await, [1, 4, 3, 2, 5]);
    assert_eq!(listed(store, SignedIn, Ascending).await, [1, 4, 3, 2, 5]);
    assert_eq!(listed(store, SignedIn, Descending).await, [5, 2, 3, 4, 1]);

    let eve = User { last_sign_in_at: Some(at(50)), version: 2, ..users[3].clone() };
    commit(store, change_from(&eve, users[3].version)).await.expect("a change");
    commit(store, remove(&users[1])).await.expect("a removal");
    assert_eq!(listed(store, SignedIn, Descending).await, [5, 4, 3, 1], "a place moves with the change");
    assert_eq!(listed(store, Created, Ascending).await, [5, 3, 4, 1]);
    assert_eq!(commit(store, remove(&users[1])).await, STALE);
    assert_eq!(store.count_users().await, Ok(4));
}

pub(super) async fn users_are_counted_exactly(store: &impl Store) {
    assert_eq!(store.count_users().await, Ok(0));
    let (ada, eve) = (open(1, "ada@example.com"), open(2, "eve@example.com"));
    store.commit(vec![create(&ada), create(&eve), create(&open(3, "eve@example.com"))]).await;
    store.commit(vec![convert(&ada), convert(&eve), convert(&ada), convert(&open(3, "eve@example.com"))]).await;
    assert_eq!(store.count_users().await, Ok(2), "who is refused is not counted");
    // Its id begins with the same byte as Ada's.
    let (_, third) = finish(&open(65, "countess@example.com"));
    let answers = store.commit(vec![create_user(&third), create_user(&third)]).await;
    assert_eq!(answers.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), STALE]);
    assert_eq!(store.count_users().await, Ok(3));
    let user = store.user(ada.id.cast()).await.expect("a read").expect("a user");
    let next = User { version: user.version + 1, first_name: Some("Ada".into()), ..(*user).clone() };
    store.commit(vec![change_from(&next, user.version), remove(&next), remove(&third)]).await;
    assert_eq!(store.count_users().await, Ok(1));
}

pub(super) async fn an_address_is_found_by_its_id_while_a_user_has_it(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let id = ada.email_addresses[0].id;
    assert_eq!(store.holder_of_address(id).await, Ok(Some(ada.id)));
    let phone = Identification {
        reserved: true,
        ..Identification::unproved(IdentificationId::from_bytes([8; 16]), PhoneNumber::restore("+14155552671".into()))
    };
    assert_eq!(store.holder_of_address(phone.id).await, Ok(None));
    let next = User { version: 2, email_addresses: Vec::new(), phone_numbers: vec![phone.clone()], ..ada.clone() };
    commit(store, change_from(&next, ada.version)).await.expect("a change");
    assert_eq!(store.holder_of_address(id).await, Ok(None));
    assert_eq!(store.holder_of_address(phone.id).await, Ok(Some(ada.id)));
    commit(store, remove(&next)).await.expect("a removal");
    assert_eq!(store.holder_of_address(phone.id).await, Ok(None));
}

pub(super) async fn the_addresses_that_a_user_began_with_are_found_while_the_user_has_them(store: &impl Store) {
    let (_, user) = finish(&open(1, "ada@example.com"));
    let email = first_email_id(user.id);
    let mut email_addresses = addresses("ada@example.com");
    email_addresses[0].id = email;
    let phone = Identification {
        reserved: true,
        ..Identification::unproved(first_phone_id(user.id), PhoneNumber::restore("+14155552671".into()))
    };
    let ada = User { email_addresses, phone_numbers: vec![phone.clone()], ..user };
    assert_eq!(store.holder_of_address(email).await, Ok(None));
    commit(store, create_user(&ada)).await.expect("a user");
    assert_eq!(store.holder_of_address(email).await, Ok(Some(ada.id)));
    assert_eq!(store.holder_of_address(phone.id).await, Ok(Some(ada.id)));
    let next = User { version: 2, email_addresses: Vec::new(), ..ada.clone() };
    commit(store, change_from(&next, ada.version)).await.expect("a change");
    assert_eq!(store.holder_of_address(email).await, Ok(None), "the user is there, and has it no more");
    assert_eq!(store.holder_of_address(phone.id).await, Ok(Some(ada.id)));
    commit(store, remove(&next)).await.expect("a removal");
    assert_eq!(store.holder_of_address(phone.id).await, Ok(None));
}

pub(super) async fn an_address_has_one_code_and_it_goes_with_the_address(store: &impl Store) {
    let ada = stored(store, 1, "ada@example.com").await;
    let first = code_for(&ada, 1);
    let id = first.address_id;
    commit(store, prove(&first, None)).await.expect("the first code");
    assert_eq!(store.address_verification(id).await, Ok(Some(first.clone())));
    let second = code_for(&ada, 2);
    assert_eq!(commit(store, prove(&second, None)).await, STALE, "there is one");
    commit(store, prove(&second, Some(&first))).await.expect("the next code");
    let counted = AddressVerification {
        verification: Verification { attempts: 1, ..second.verification.clone() },
        ..second.clone()
    };
    let both = store.commit(vec![prove(&counted, Some(&second)); 2]).await;
    assert_eq!(both.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), STALE], "each attempt is counted");
    let next = User { version: 2, email_addresses: Vec::new(), ..ada.clone() };
    commit(store, change_from(&next, ada.version)).await.expect("a change");
    assert_eq!(store.address_verification(id).await, Ok(None));
    assert_eq!(commit(store, prove(&first, None)).await, STALE, "nobody has the address");
}

pub(super) async fn a_mailbox_is_one_address_where_dots_are_ignored(store: &impl Store) {
    let ada = stored(store, 1, "a.da@gmail.com").await;
    assert_eq!(store.holder_of_mailbox("ada@gmail.com").await, Ok(Some(ada.id)));
    let create = |n, address: &str, ignores_dots| {
        let (_, user) = finish(&open(n, address));
        let create = create_user(&user);
        Commit { decision: Decision { ignores_dots, ..create.decision }, ..create }
    };
    for spelling in ["ada@gmail.com", "ad.a@gmail.com"] {
        assert_eq!(commit(store, create(2, spelling, true)).await, TAKEN, "{spelling}");
    }
    for (n, other) in [(3, "a.da@example.com"), (4, "ada@googlemail.com"), (5, "a.da+x@gmail.com")] {
        commit(store, create(n, other, true)).await.expect(other);
    }
    commit(store, create(6, "ad.a@gmail.com", false)).await.expect("dots are letters by default");
    let both = [create(7, "e.ve@gmail.com", true), create(8, "eve@gmail.com", true), create(9, "ev.e@gmail.com", true)];
    let both = store.commit(both.to_vec()).await;
    assert_eq!(both.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), TAKEN, TAKEN]);
    commit(store, remove(&ada)).await.expect("a removal");
    assert_eq!(commit(store, create(2, "ada@gmail.com", true)).await, TAKEN, "another one has it too");
    let other = store.user(UserId::from_bytes([6; 16])).await.expect("a read").expect("a user");
    commit(store, remove(&other)).await.expect("a removal");
    assert_eq!(store.holder_of_mailbox("ada@gmail.com").await, Ok(None));
    commit(store, create(2, "ada@gmail.com", true)).await.expect("it is free");
}

pub(super) async fn users_of_an_older_version_are_listed_and_counted_after_the_upgrade<K: Beneath>(store: &KvStore<K>) {
    for n in 1..=9 {
        let (_, user) = finish(&open(n, &format!("ada{n}@example.com")));
        commit(store, create_user(&User { created_at: at(n.into()), ..user })).await.expect("a user");
    }
    let all = async || {
        let mut all = Vec::new();
        for kind in ADDED {
            all.extend(store.entries(&[kind.byte()], &[kind.byte()], 999).await.expect("a scan"));
        }
        all
    };
    let added = all().await;
    let older: Vec<_> = added.iter().map(|(key, _)| Write { key: key.clone(), value: None }).collect();
    // An upgrade that was interrupted left some of it.
    for left in [0, 4, added.len()] {
        assert_eq!(store.write_entries(vec![older[left..].to_vec()]).await, Ok(()));
        assert_eq!(store.write_entries(vec![vec![marker()]]).await, Ok(()));
        store.upgrade().await.expect("an upgrade");
        assert_eq!(all().await, added);
        assert_eq!(store.count_users().await, Ok(9));
        assert_eq!(listed(store, UserOrder::Created, Direction::Descending).await, [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    }
    // Once is enough: the next start does not read all users again.
    assert_eq!(store.write_entries(vec![older]).await, Ok(()));
    store.upgrade().await.expect("nothing to do");
    assert_eq!(store.count_users().await, Ok(0));
}

pub(super) async fn kinds_of_identifiers_do_not_collide(store: &impl Store) {
    let (_, mut ada) = finish(&open(1, "ada@example.com"));
    ada.username = Some(Username::restore("+14155552671".into()));
    let (_, mut eve) = finish(&open(2, "eve@example.com"));
    eve.phone_numbers = vec![Identification::unproved(
        IdentificationId::from_bytes([7; 16]),
        PhoneNumber::restore("+14155552671".into()),
    )];
    for user in [ada, eve] {
        let commit_of =
            Commit { decision: Decision { user: Some(Box::new(user)), ..Decision::default() }, ..Commit::default() };
        commit(store, commit_of).await.expect("a user");
    }
}

async fn stored(store: &impl Store, n: u8, address: &str) -> User {
    let (_, user) = finish(&open(n, address));
    commit(store, create_user(&user)).await.expect("a user");
    user
}

async fn owner(store: &impl Store, address: &str) -> Option<UserId> {
    store.owner(&email(address).identifier()).await.expect("a read")
}

/// A code for the first address of a user.
fn code_for(user: &User, n: u8) -> AddressVerification {
    let email = &user.email_addresses[0];
    verification_of(n, user.id, email.id, email.value.identifier())
}

fn addresses(address: &str) -> Vec<Identification<EmailAddress>> {
    finish(&open(1, address)).1.email_addresses
}

fn change(next: &User) -> Commit {
    change_from(next, next.version)
}

fn change_from(next: &User, expected_version: u64) -> Commit {
    of_users(vec![UserWrite::Change { next: Box::new(next.clone()), expected_version }])
}

/// The whole list by the first bytes of the ids, read in pages of users and in pages of places.
async fn listed(store: &impl Store, order: UserOrder, direction: Direction) -> Vec<u8> {
    let (mut pages, mut places) = (Vec::new(), Vec::new());
    let mut list = UserList { order, direction, after: None };
    loop {
        let page = store.users(list, 2).await.expect("a read");
        let place = store.user_places(list, 2).await.expect("a read");
        assert_eq!(
            page.iter().map(|user| user.id).collect::<Vec<_>>(),
            place.iter().map(|(_, id)| *id).collect::<Vec<_>>()
        );
        pages.extend(page.iter().map(|user| user.id.as_bytes()[0]));
        places.extend(place.iter().copied());
        list.after = place.last().copied();
        if page.len() < 2 {
            break;
        }
    }
    let whole = store.user_places(UserList { order, direction, after: None }, 100).await.expect("a read");
    assert_eq!(whole, places);
    pages
}

/// What an upgrade adds to users.
const ADDED: [Kind; 4] = [Kind::UserCreated, Kind::UserSignedIn, Kind::Count, Kind::UserAddress];

/// The removal of what says that all users are listed.
fn marker() -> Write {
    Write { key: key::value(key::USERS_INDEXED), value: None }
}
