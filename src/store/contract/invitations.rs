//! Invitations and the waiting list.

use crate::domain::client::ClientChange;
use crate::domain::client::session::Session;
use crate::domain::id::{ClientId, InvitationId, SessionId, UserId, WaitlistEntryId};
use crate::domain::invitation::{Invitation, InvitationState};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::secret::Secret;
use crate::domain::sign_in::{Credential, Entry};
use crate::domain::user::User;
use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
use crate::store::{ClientWrite, Commit, CommitError, Decision, InvitationChange, Store, WaitlistChange};

use super::support::*;

pub(super) async fn invitations_are_listed_in_the_order_of_their_making(store: &impl Store) {
    let (first, second, third) = (invited(200, 1, "a@x.org"), invited(3, 2, "b@x.org"), invited(9, 3, "c@x.org"));
    for invitation in [&third, &first, &second] {
        commit(store, issue(invitation, false)).await.expect("an invitation");
    }
    assert_eq!(store.invitation(second.id).await, Ok(Some(second.clone())));
    assert_eq!(store.invitation(InvitationId::from_bytes([7; 16])).await, Ok(None));
    assert_eq!(store.invitations(None, 2).await, Ok(vec![first, second.clone()]));
    assert_eq!(store.invitations(Some(second.id), 2).await, Ok(vec![third]));
}

pub(super) async fn an_address_has_one_pending_invitation_unless_more_are_wanted(store: &impl Store) {
    let (first, second) = (invited(1, 1, "a@x.org"), invited(2, 2, "a@x.org"));
    commit(store, issue(&first, false)).await.expect("an invitation");
    let refused = commit(store, issue(&second, false)).await;
    assert_eq!(refused, rejected(duplicate(&["a@x.org"])));
    assert_eq!(store.invitation(second.id).await, Ok(None));
    commit(store, issue(&second, true)).await.expect("a second one was wanted");

    let third = invited(3, 3, "a@x.org");
    commit(store, change(InvitationChange::Revoke(second.id))).await.expect("pending");
    let refused = commit(store, issue(&third, false)).await;
    assert_eq!(refused, rejected(duplicate(&["a@x.org"])), "the first one is still pending");
    commit(store, change(InvitationChange::Revoke(first.id))).await.expect("pending");
    commit(store, issue(&third, false)).await.expect("all are revoked");
    let mut late = issue(&invited(4, 4, "a@x.org"), false);
    late.at = third.expire_at;
    commit(store, late).await.expect("the last one has expired");
}

pub(super) async fn a_pending_invitation_is_seen_behind_others_that_were_deleted(store: &impl Store) {
    let made: Vec<_> = (1..=4).map(|n| invited(n, n, "a@x.org")).collect();
    for invitation in &made[..3] {
        commit(store, issue(invitation, true)).await.expect("an invitation beside others");
    }
    for gone in [&made[2], &made[0]] {
        commit(store, change(InvitationChange::Delete(gone.id))).await.expect("it is there");
        let refused = commit(store, issue(&made[3], false)).await;
        assert_eq!(refused, rejected(duplicate(&["a@x.org"])), "the second is pending");
    }
    commit(store, change(InvitationChange::Delete(made[1].id))).await.expect("it is there");
    commit(store, issue(&made[3], false)).await.expect("none is left");
}

pub(super) async fn an_address_has_so_many_pending_invitations_and_no_more(store: &impl Store) {
    for n in 0..100 {
        commit(store, issue(&invited(n, n, "a@x.org"), true)).await.expect("an invitation beside others");
    }
    let refused = commit(store, issue(&invited(200, 200, "a@x.org"), true)).await;
    assert_eq!(refused, rejected(duplicate(&["a@x.org"])));
    commit(store, issue(&invited(200, 200, "b@x.org"), true)).await.expect("another address");
}

pub(super) async fn all_addresses_that_are_invited_already_are_told(store: &impl Store) {
    for (n, address) in [(1, "a@x.org"), (2, "c@x.org")] {
        commit(store, issue(&invited(n, n, address), false)).await.expect("an invitation");
    }
    let made = [(3, "a@x.org"), (4, "b@x.org"), (5, "c@x.org")].map(|(n, address)| invited(n, n, address));
    let changes = made.iter().flat_map(|invitation| issue(invitation, false).decision.invitations).collect();
    let all = Commit { decision: Decision { invitations: changes, ..Decision::default() }, ..Commit::default() };
    assert_eq!(commit(store, all).await, rejected(duplicate(&["a@x.org", "c@x.org"])));
    assert_eq!(store.invitation(made[1].id).await, Ok(None), "all of them or none");
}

pub(super) async fn an_invitation_signs_in_once_the_user_who_has_its_address(store: &impl Store) {
    let (_, user) = finish(&open(1, "a@x.org"));
    let user = User { public_metadata: r#"{"plan":"free","seat":7}"#.into(), ..user };
    commit(store, create_user(&user)).await.expect("a user");
    let invitation = Invitation { public_metadata: r#"{"plan":"gold"}"#.into(), ..invited(1, 1, "a@x.org") };
    let other = invited(2, 2, "b@x.org");
    for invitation in [&invitation, &other] {
        commit(store, issue(invitation, false)).await.expect("an invitation");
    }
    let enters = |invitation: &Invitation, n: u8| {
        let (client_id, session_id) = (ClientId::from_bytes([n; 16]), SessionId::from_bytes([n; 16]));
        let session = Session { id: session_id, user_id: user.id, ..session(1, client_id) };
        let add = ClientChange::AddSession { session, single: false, strategy: None };
        let open = ClientChange::Open { salt: Secret::new([1; 16]) };
        let address = invitation.email_address.identifier();
        let proof = Credential::Invitation { invitation: invitation.id, address };
        let entry =
            Entry { user_id: user.id, client_id, session_id, proof, second: None, had_second_factor: false, at: at(9) };
        let client = Some(ClientWrite { id: client_id, changes: vec![open, add] });
        Commit::of_decision(at(9), Decision { client, entry: Some(entry), ..Decision::default() })
    };
    assert_eq!(commit(store, enters(&other, 50)).await, STALE, "the address is not the user's");
    let both = store.commit(vec![enters(&invitation, 51), enters(&invitation, 52)]).await;
    let used = rejected(Reason::from(ErrorCode::InvitationAlreadyAccepted));
    assert_eq!(both.into_iter().map(bare).collect::<Vec<_>>(), [Ok(()), used]);
    let after = store.user(user.id).await.expect("readable").expect("a user");
    assert_eq!(after.public_metadata, r#"{"plan":"gold","seat":7}"#);
    let accepted = store.invitation(invitation.id).await.expect("readable").expect("an invitation");
    assert_eq!(accepted.state, InvitationState::Accepted(user.id));
}

pub(super) async fn an_invitation_is_used_once_and_not_after_it_was_revoked(store: &impl Store) {
    let (used, revoked) = (invited(1, 1, "a@x.org"), invited(2, 2, "b@x.org"));
    commit(store, issue(&used, false)).await.expect("an invitation");
    commit(store, issue(&revoked, false)).await.expect("an invitation");
    commit(store, change(InvitationChange::Revoke(revoked.id))).await.expect("pending");
    let twice = commit(store, change(InvitationChange::Revoke(revoked.id))).await;
    assert_eq!(twice, rejected(ErrorCode::InvitationAlreadyRevoked));

    let sign_up = open(1, "a@x.org");
    commit(store, create(&sign_up)).await.expect("a sign-up");
    let user: UserId = sign_up.id.cast();
    let mut convert = convert(&bumped(&sign_up));
    convert.decision.sign_up.as_mut().expect("a sign-up").expected_version = Some(0);
    convert.decision.invitations = vec![InvitationChange::Accept(revoked.id, user)];
    assert_eq!(commit(store, convert.clone()).await, rejected(ErrorCode::RevokedInvitation));
    assert_eq!(store.user(user).await, Ok(None), "nothing of a refused commit is written");
    convert.decision.invitations = vec![InvitationChange::Accept(used.id, user)];
    commit(store, convert).await.expect("the invitation is good");
    let found = store.invitation(used.id).await.expect("a read").expect("an invitation");
    assert_eq!(found.state, InvitationState::Accepted(user));
    for over in [InvitationChange::Accept(used.id, user), InvitationChange::Revoke(used.id)] {
        assert_eq!(commit(store, change(over)).await, rejected(ErrorCode::InvitationAlreadyAccepted));
    }
    let late = invited(3, 3, "c@x.org");
    commit(store, issue(&late, false)).await.expect("an invitation");
    let accept = |at| Commit { at, ..change(InvitationChange::Accept(late.id, user)) };
    assert_eq!(commit(store, accept(late.expire_at)).await, rejected(ErrorCode::TicketExpiredCode));
    let unknown = InvitationId::from_bytes([7; 16]);
    assert_eq!(commit(store, change(InvitationChange::Revoke(unknown))).await, rejected(ErrorCode::ResourceNotFound));
}

pub(super) async fn a_deleted_invitation_stands_in_nobodys_way(store: &impl Store) {
    let (first, second) = (invited(1, 1, "a@x.org"), invited(2, 2, "a@x.org"));
    commit(store, issue(&first, false)).await.expect("an invitation");
    commit(store, change(InvitationChange::Delete(first.id))).await.expect("it is there");
    assert_eq!(store.invitation(first.id).await, Ok(None));
    let gone = commit(store, change(InvitationChange::Accept(first.id, UserId::from_bytes([9; 16])))).await;
    assert_eq!(gone, rejected(ErrorCode::TicketInvalidCode), "and lets nobody in");
    commit(store, issue(&second, false)).await.expect("the first is gone");
}

pub(super) async fn who_waits_is_listed_once_and_done_when_the_invitation_is_used(store: &impl Store) {
    let entry = waiting("a@x.org", 1);
    let join = || waits(WaitlistChange::Join(Box::new(entry.clone())));
    commit(store, join()).await.expect("an entry");
    let invitation = Invitation { waitlist_entry: Some(entry.id), ..invited(1, 1, "a@x.org") };
    let mut invite = issue(&invitation, false);
    invite.decision.waitlist = vec![WaitlistChange::Invite(entry.id, invitation.id)];
    commit(store, invite).await.expect("somebody who waits");
    commit(store, join()).await.expect("joined already");
    let mut again = issue(&invited(2, 1, "a@x.org"), false);
    again.decision.waitlist = vec![WaitlistChange::Invite(entry.id, InvitationId::from_bytes([2; 16]))];
    let refused = commit(store, again.clone()).await;
    assert_eq!(refused, rejected(ErrorCode::WaitlistEntryAlreadyInvited), "before its invitation is looked at");
    let status = async || store.waitlist_entry(entry.id).await.expect("a read").expect("an entry").status;
    assert_eq!(status().await, WaitlistStatus::Invited);
    commit(store, change(InvitationChange::Accept(invitation.id, UserId::from_bytes([9; 16])))).await.expect("good");
    assert_eq!(status().await, WaitlistStatus::Completed);
    for (over, code) in [
        (WaitlistChange::Reject(entry.id), ErrorCode::WaitlistEntryAlreadyCompleted),
        (WaitlistChange::Delete(entry.id), ErrorCode::ResourceForbidden),
        (WaitlistChange::Invite(entry.id, invitation.id), ErrorCode::WaitlistEntryAlreadyCompleted),
    ] {
        assert_eq!(commit(store, waits(over)).await, rejected(code));
    }
    assert_eq!(store.waitlist(None, 9).await.map(|entries| entries.len()), Ok(1));
}

pub(super) async fn who_is_rejected_loses_the_invitation(store: &impl Store) {
    let (entry, other) = (waiting("a@x.org", 1), waiting("b@x.org", 2));
    for entry in [&entry, &other] {
        commit(store, waits(WaitlistChange::Join(Box::new(entry.clone())))).await.expect("an entry");
    }
    let invitation = invited(1, 1, "a@x.org");
    let mut invite = issue(&invitation, false);
    invite.decision.waitlist = vec![WaitlistChange::Invite(entry.id, invitation.id)];
    commit(store, invite).await.expect("somebody who waits");
    commit(store, waits(WaitlistChange::Reject(entry.id))).await.expect("not done yet");
    let found = store.invitation(invitation.id).await.expect("a read").expect("an invitation");
    assert_eq!(found.state, InvitationState::Revoked);
    let twice = commit(store, waits(WaitlistChange::Reject(entry.id))).await;
    assert_eq!(twice, rejected(ErrorCode::WaitlistEntryAlreadyRejected));
    let next = invited(2, 1, "a@x.org");
    let invite = |at| {
        let mut invite = Commit { at, ..issue(&next, false) };
        invite.decision.waitlist.push(WaitlistChange::Invite(entry.id, next.id));
        invite
    };
    commit(store, invite(at(1))).await.expect("rejected, and let in after all");
    assert_eq!(commit(store, invite(at(2))).await, rejected(ErrorCode::WaitlistEntryAlreadyInvited));
    commit(store, invite(next.expire_at)).await.expect("the invitation is good no more");
    commit(store, waits(WaitlistChange::Delete(other.id))).await.expect("pending");
    assert_eq!(store.waitlist_entry(other.id).await, Ok(None));
    assert_eq!(store.waitlist(Some(entry.id), 9).await, Ok(vec![]));
}

fn invited(bucket: u8, ms: u8, address: &str) -> Invitation {
    let mut id = [0; 16];
    (id[0], id[6]) = (bucket, ms);
    Invitation {
        id: InvitationId::from_bytes(id),
        email_address: email(address),
        public_metadata: "{}".into(),
        redirect_url: None,
        waitlist_entry: None,
        state: InvitationState::Pending,
        created_at: at(ms.into()),
        updated_at: at(ms.into()),
        expire_at: at(HOUR),
    }
}

fn waiting(address: &str, n: u8) -> WaitlistEntry {
    WaitlistEntry {
        id: WaitlistEntryId::from_bytes([n; 16]),
        email_address: email(address),
        status: WaitlistStatus::Pending,
        invitation: None,
        invited_at: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

fn issue(invitation: &Invitation, beside_others: bool) -> Commit {
    change(InvitationChange::Issue { invitation: Box::new(invitation.clone()), beside_others })
}

fn change(change: InvitationChange) -> Commit {
    Commit { decision: Decision { invitations: vec![change], ..Decision::default() }, ..Commit::default() }
}

fn waits(change: WaitlistChange) -> Commit {
    Commit { decision: Decision { waitlist: vec![change], ..Decision::default() }, ..Commit::default() }
}

fn rejected(reason: impl Into<Reason>) -> Result<(), CommitError> {
    Err(CommitError::Rejected(reason.into().into()))
}

fn duplicate(addresses: &[&str]) -> Reason {
    let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
    ErrorCode::DuplicateRecord.on("email_address").about(addresses)
}
