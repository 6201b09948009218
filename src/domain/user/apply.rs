//! Applying a change: the next value of a user, or why there is none.

use crate::domain::context::Context;
use crate::domain::id::ExternalAccountId;
use crate::domain::metadata::Metadata;
use crate::domain::rejection::{ErrorCode, Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::Patch;
use crate::domain::time::{Span, Timestamp};

use super::addresses;
use super::change::{MetadataChange, UserChange, UserFields};
use super::{EndReason, SessionsEnded, User};

impl User {
    /// The user after a change. A change that changes nothing gives the same value, with the same version; every other
    /// one raises the version by one, and `updated_at`. The commit decides whether new identifiers are free.
    ///
    /// A user may lose its last address: then it can't sign in until the backend gives it another one.
    ///
    /// # Errors
    /// Every fault of the change, such as `resource_not_found` for an address that is not the user's; the value stays.
    pub fn apply(&self, change: &UserChange, cx: &mut Context<'_>) -> Result<Self, Rejection> {
        let mut next = self.clone();
        match change {
            UserChange::Update(patch) => next.update(patch, cx)?,
            UserChange::Metadata(change) => next.change_metadata(change)?,
            UserChange::Ban if self.banned => {}
            UserChange::Ban => {
                next.banned = true;
                next.revoke_sessions(cx.now);
            }
            UserChange::Unban => next.banned = false,
            UserChange::Lock(span) => next.locked_until = Some(span.map_or(Timestamp::MAX, |span| cx.now + span)),
            UserChange::Unlock => next.locked_until = None,
            UserChange::RemovePassword { end_sessions } => {
                if self.password_digest.is_none() {
                    return Err(ErrorCode::NoPasswordSet.into());
                }
                next.set_password(None, cx.now);
                next.revoke_sessions_if(*end_sessions, cx.now);
            }
            UserChange::MarkPassword { compromised, end_sessions } => {
                if self.password_digest.is_none() {
                    return Err(ErrorCode::NoPasswordSet.into());
                }
                next.password_compromised = *compromised;
                next.revoke_sessions_if(*end_sessions, cx.now);
            }
            UserChange::EmailAddress(change) => {
                addresses::apply(&mut next.email_addresses, &mut next.unproved_emails, change, cx)?;
            }
            UserChange::PhoneNumber(change) => {
                addresses::apply(&mut next.phone_numbers, &mut next.unproved_phones, change, cx)?;
            }
            UserChange::RemoveExternalAccount(id) => next.remove_account(*id)?,
            UserChange::SecondFactor(change) => next.change_second_factors(change, cx)?,
            UserChange::RemovePasskey(id) => next.remove_passkey(*id)?,
        }
        next.note_changed_factors(self, cx.now);
        if next != *self {
            next.touch(cx.now);
        }
        Ok(next)
    }

    /// Counts a change at `now`.
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        // Also where the clock is set back: readers tell by it that the user has changed.
        self.updated_at = now.max(self.updated_at + Span::from_millis(1));
    }

    /// Whether it may sign in at `now`.
    ///
    /// # Errors
    /// `user_banned`; `user_locked` with the seconds until the lock ends, if it ends.
    pub fn check_may_sign_in(&self, now: Timestamp) -> Result<(), Reason> {
        if self.banned {
            return Err(ErrorCode::UserBanned.into());
        }
        match self.locked_until.filter(|until| now < *until) {
            None => Ok(()),
            Some(Timestamp::MAX) => Err(Reason::locked(None)),
            Some(until) => Err(Reason::locked(Some(until.since(now)))),
        }
    }

    /// The person's addresses and names: a password must not consist of them.
    pub fn own_words(&self) -> Vec<&str> {
        let emails = self.email_addresses.iter().map(|email| email.value.typed());
        let phones = self.phone_numbers.iter().map(|phone| phone.value.as_str());
        let names = [&self.first_name, &self.last_name].into_iter().flatten().map(String::as_str);
        let username = self.username.iter().map(|username| username.as_str());
        emails.chain(phones).chain(names).chain(username).collect()
    }

    fn update(&mut self, patch: &UserFields, cx: &Context<'_>) -> Result<(), Rejection> {
        let mut reasons = Vec::new();
        let mut first = |result: Result<(), Reason>| reasons.extend(result.err());
        if let Some(id) = patch.primary_email_address {
            first(addresses::make_primary(&mut self.email_addresses, id, "primary_email_address_id"));
        }
        if let Some(id) = patch.primary_phone_number {
            first(addresses::make_primary(&mut self.phone_numbers, id, "primary_phone_number_id"));
        }
        Rejection::collect(reasons)?;
        self.change_metadata(&patch.metadata)?;
        set(&mut self.external_id, &patch.external_id);
        set(&mut self.username, &patch.username);
        set(&mut self.first_name, &patch.first_name);
        set(&mut self.last_name, &patch.last_name);
        set(&mut self.locale, &patch.locale);
        set(&mut self.create_organizations_limit, &patch.create_organizations_limit);
        set(&mut self.legal_accepted_at, &patch.legal_accepted_at);
        self.delete_self_enabled = patch.delete_self_enabled.unwrap_or(self.delete_self_enabled);
        self.create_organization_enabled =
            patch.create_organization_enabled.unwrap_or(self.create_organization_enabled);
        self.bypass_client_trust = patch.bypass_client_trust.unwrap_or(self.bypass_client_trust);
        self.created_at = patch.created_at.unwrap_or(self.created_at);
        if let Some(digest) = &patch.password_digest {
            self.set_password(Some(digest.clone()), cx.now);
            self.revoke_sessions_if(patch.end_sessions, cx.now);
            if let Some(ended) = self.sessions_ended.as_mut().filter(|_| patch.end_sessions) {
                ended.except = patch.spared_session;
            }
        }
        Ok(())
    }

    fn change_metadata(&mut self, change: &MetadataChange) -> Result<(), Rejection> {
        let mut reasons = Vec::new();
        let mut next = |param: &str, slot: &mut String, given: Option<&Metadata>| {
            let Some(given) = given else { return };
            let made = if change.merge { given.merged_into(param, slot) } else { Ok(given.clone()) };
            match made {
                Ok(made) => made.as_str().clone_into(slot),
                Err(reason) => reasons.push(reason),
            }
        };
        next("public_metadata", &mut self.public_metadata, change.public_metadata.as_ref());
        next("private_metadata", &mut self.private_metadata, change.private_metadata.as_ref());
        next("unsafe_metadata", &mut self.unsafe_metadata, change.unsafe_metadata.as_ref());
        Rejection::collect(reasons)
    }

    pub(crate) fn set_password(&mut self, digest: Option<Secret<String>>, now: Timestamp) {
        self.password_last_updated_at = digest.as_ref().map(|_| now);
        self.password_compromised = false;
        // The finished sign-up shows whether there is a password, and must not keep the old one.
        if let Some(sign_up) = &mut self.sign_up {
            sign_up.password_digest.clone_from(&digest);
        }
        self.password_digest = digest;
    }

    fn revoke_sessions_if(&mut self, wanted: bool, now: Timestamp) {
        if wanted {
            self.revoke_sessions(now);
        }
    }

    /// Ends all sessions that began until now.
    pub(crate) fn revoke_sessions(&mut self, now: Timestamp) {
        // Where the clock was set back, there are sessions from after `now`.
        let last = self.sessions_ended.map(|ended| ended.at).max(self.last_sign_in_at);
        let at = last.map_or(now, |last| last.max(now));
        self.sessions_ended = Some(SessionsEnded { at, except: None, reason: EndReason::Revoked });
    }

    fn remove_account(&mut self, id: ExternalAccountId) -> Result<(), Rejection> {
        let before = self.external_accounts.len();
        self.external_accounts.retain(|account| account.id != id);
        if self.external_accounts.len() == before { Err(ErrorCode::ResourceNotFound.into()) } else { Ok(()) }
    }
}

fn set<T: Clone>(slot: &mut Option<T>, patch: &Patch<T>) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *slot = None,
        Patch::Set(value) => *slot = Some(value.clone()),
    }
}
