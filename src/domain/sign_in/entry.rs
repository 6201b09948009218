//! How a sign-in changes its user. This is decided in the commit, on the user as stored at that moment.
//!
//! Where an instance does not verify addresses at sign-up, a user may have been created with another person's address.
//! The first person to prove such an address counts as the user's owner: all other ways to sign in are removed, and
//! every other session ends (Sudhodanan & Paverd, "Pre-hijacked accounts", USENIX Security 2022: classic-federated
//! merge, unexpired session, trojan identifier).

use crate::domain::client::Client;
use crate::domain::client::session::{Session, SessionStatus};
use crate::domain::id::{ClientId, InvitationId, SessionId, SignInTokenId, UserId};
use crate::domain::identifier::{EmailAddress, Identifier, PhoneNumber};
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::secret::Secret;
use crate::domain::time::{Span, Timestamp};
use crate::domain::user::{EndReason, Identification, SessionsEnded, User, UserAccount};
use crate::domain::verification::Strategy;

use super::{NewPassword, PasskeyUse};

/// A completed sign-in to a user.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The user.
    pub user_id: UserId,
    /// The client that signs in.
    pub client_id: ClientId,
    /// The new session.
    pub session_id: SessionId,
    /// What was proved.
    pub proof: Credential,
    /// What was proved as second factor.
    pub second: Option<SecondCredential>,
    /// Whether the user had a second factor when it was decided that none is needed: one that the settings do not offer.
    pub had_second_factor: bool,
    /// When the sign-in completed.
    pub at: Timestamp,
}

/// What was proved to sign in. It was checked before the commit, so the commit checks again that it is still the
/// user's.
#[derive(Clone, Debug, PartialEq)]
pub enum Credential {
    /// The password.
    Password(Fit),
    /// A code that was sent to an address.
    Code {
        /// The strategy that proved it.
        strategy: Strategy,
        /// The address.
        address: Identifier,
    },
    /// An account at a provider that belongs to the user.
    Account(Identifier),
    /// An account that becomes the user's, because its provider vouches for one of the user's addresses.
    NewAccount {
        /// The account.
        account: Box<UserAccount>,
        /// The address.
        address: EmailAddress,
        /// The strategy under which the address counts as proved.
        vouched: Strategy,
    },
    /// A passkey.
    Passkey(PasskeyUse),
    /// A code that was sent to an address, and the password that was set after it.
    NewPassword(Box<NewPassword>),
    /// The ticket of a sign-in token, which the commit marks as used.
    Ticket(SignInTokenId),
    /// The ticket of an invitation, which the commit marks as used.
    Invitation {
        /// The invitation.
        invitation: InvitationId,
        /// The invited address, to which the ticket was sent.
        address: Identifier,
    },
    /// Nothing: the application's backend says who it is.
    Backend,
}

/// What was proved as second factor. The commit checks again that it is the user's, and that it was not used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondCredential {
    /// The code of an authenticator app for this time step.
    Totp(u64),
    /// A backup code, by its digest.
    BackupCode([u8; 32]),
    /// A code that was sent to this number.
    Phone(Option<Identifier>),
}

/// A password that matches the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The stored digest that it matched.
    pub compared: Secret<String>,
    /// A new digest of the same password at today's cost, where the stored one had a lower cost.
    pub renewed: Option<Secret<String>>,
}

/// What was proved no longer belongs to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user has changed meanwhile")]
pub struct NotTheirs;

impl Credential {
    /// The address that it proves.
    pub(super) fn address(&self) -> Option<&Identifier> {
        match self {
            Self::Code { address, .. } | Self::Invitation { address, .. } => Some(address),
            _ => None,
        }
    }
}

impl User {
    /// The user after the sign-in.
    ///
    /// # Errors
    /// [`NotTheirs`] when what was proved no longer belongs to the user.
    pub fn entered(&self, entry: &Entry) -> Result<Self, NotTheirs> {
        // The call has refused these, too; but the backend may have written the user since.
        self.admits_entry(entry).map_err(|_| NotTheirs)?;
        let entry = &Entry { at: self.begins_at(entry.at), ..entry.clone() };
        let mut next = self.clone();
        match &entry.proof {
            Credential::Password(Fit { compared, renewed }) => {
                if self.password_digest.as_ref() != Some(compared) {
                    return Err(NotTheirs);
                }
                if let Some(renewed) = renewed {
                    next.password_digest = Some(renewed.clone());
                    if let Some(sign_up) = &mut next.sign_up {
                        sign_up.password_digest = Some(renewed.clone());
                    }
                }
            }
            Credential::Code { strategy, address } => next.proved(address, strategy, entry)?,
            Credential::Account(known) => {
                let mut accounts = self.external_accounts.iter();
                if !accounts.any(|account| account.profile.identifier(&account.provider) == *known) {
                    return Err(NotTheirs);
                }
            }
            Credential::NewAccount { account, address, vouched } => {
                next.proved(&address.identifier(), vouched, entry)?;
                if next.external_accounts.iter().any(|known| known.provider == account.provider) {
                    return Err(NotTheirs);
                }
                next.external_accounts.push((**account).clone());
            }
            Credential::Invitation { address, .. } => next.proved(address, &Strategy::Ticket, entry)?,
            Credential::NewPassword(new) => {
                next.proved(&new.address, &new.strategy, entry)?;
                next.take_password(new, Some(entry.session_id), entry.at);
                next.updated_at = entry.at.max(self.updated_at + Span::from_millis(1));
            }
            Credential::Passkey(used) => next.use_passkey(used, entry.at)?,
            Credential::Ticket(_) | Credential::Backend => {}
        }
        if let Some(second) = &entry.second {
            next.use_second_factor(second)?;
        }
        // A passkey is two factors in one.
        let needs_no_other =
            matches!(entry.proof, Credential::Ticket(_) | Credential::Backend | Credential::Passkey(_));
        if entry.second.is_none() && !needs_no_other && !entry.had_second_factor && next.has_second_factor() {
            // It was set up since then.
            return Err(NotTheirs);
        }
        next.version += 1;
        next.last_sign_in_at = next.last_sign_in_at.max(Some(entry.at));
        next.last_active_at = next.last_active_at.max(Some(entry.at));
        next.remember(entry.client_id);
        Ok(next)
    }

    /// Whether the backend lets this sign-in into the user: it is not banned or locked, and a password is not known to
    /// others.
    ///
    /// # Errors
    /// `user_banned`, `user_locked`, `form_password_compromised`.
    pub fn admits_entry(&self, entry: &Entry) -> Result<(), Reason> {
        self.check_may_sign_in(entry.at)?;
        match entry.proof {
            Credential::Password(_) => self.admits_password(),
            _ => Ok(()),
        }
    }

    /// Whether the password may prove who the person is: it is not known to others.
    ///
    /// # Errors
    /// `form_password_compromised`.
    pub fn admits_password(&self) -> Result<(), Reason> {
        if self.password_compromised { Err(ErrorCode::FormPasswordCompromised.on("password")) } else { Ok(()) }
    }

    /// When a session begins that is committed now, by a clock that says `at`: after the end of all sessions before it,
    /// so that the order of the commits decides which of them are over, and not the clock.
    pub fn begins_at(&self, at: Timestamp) -> Timestamp {
        let ended = self.sessions_ended.map(|ended| ended.at).max(self.mfa_enabled_at());
        ended.map_or(at, |ended| at.max(ended + Span::from_millis(1)))
    }

    /// Whether this client signed in to the user before. Only the client knows its token, so a caller that presents it
    /// is most likely the user.
    pub fn knows(&self, client: ClientId) -> bool {
        self.devices.contains(&client)
    }

    /// How a session of the user has ended that its client may still hold; `None` if it goes on. A session that waits for a
    /// second factor to be set up has ended once another session has set one up: it began without a proof of that factor,
    /// which each later sign-in needs.
    pub fn has_ended(&self, session: &Session) -> Option<SessionStatus> {
        if self.banned {
            return Some(SessionStatus::Revoked);
        }
        if session.task.is_some() && self.mfa_enabled_at().is_some_and(|at| session.created_at <= at) {
            return Some(SessionStatus::Ended);
        }
        let ended = self.sessions_ended?;
        let is_over = Some(session.id) != ended.except && session.created_at <= ended.at;
        is_over.then_some(match ended.reason {
            EndReason::Elsewhere => SessionStatus::Ended,
            EndReason::Revoked => SessionStatus::Revoked,
        })
    }

    /// When that session ended, if it [has](Self::has_ended).
    pub(crate) fn ended_at(&self, session: &Session) -> Option<Timestamp> {
        let set_up = session.task.and_then(|_| self.mfa_enabled_at());
        self.sessions_ended.map(|ended| ended.at).max(set_up)
    }

    /// When the user got its first second factor.
    pub(crate) fn mfa_enabled_at(&self) -> Option<Timestamp> {
        self.second_factors.as_ref()?.mfa_enabled_at
    }

    /// Sets a new password; if wanted, every session but this one ends.
    pub(super) fn take_password(&mut self, new: &NewPassword, except: Option<SessionId>, at: Timestamp) {
        self.set_password(Some(new.digest.clone()), at);
        if new.end_sessions {
            self.revoke_sessions(at);
            self.sessions_ended.iter_mut().for_each(|ended| ended.except = except);
        }
    }

    /// Uses a passkey: its credential must be the one that the signature was checked with, so that of two uses at the same
    /// time each one is checked with the counter of the one before.
    pub(super) fn use_passkey(&mut self, used: &PasskeyUse, at: Timestamp) -> Result<(), NotTheirs> {
        let mut known = self.passkeys.iter_mut();
        let passkey = known.find(|passkey| passkey.id == used.id && passkey.credential == used.compared);
        let passkey = passkey.ok_or(NotTheirs)?;
        passkey.credential.clone_from(&used.next);
        passkey.last_used_at = passkey.last_used_at.max(Some(at));
        Ok(())
    }

    /// Uses a second factor: the code of an app works once, and so does a backup code.
    fn use_second_factor(&mut self, second: &SecondCredential) -> Result<(), NotTheirs> {
        match second {
            SecondCredential::Totp(step) => {
                if !self.takes_step(*step) {
                    return Err(NotTheirs);
                }
                let totp = self.second_factors.as_mut().and_then(|own| own.totp.as_mut()).ok_or(NotTheirs)?;
                totp.last_step = Some(*step);
            }
            SecondCredential::BackupCode(digest) => {
                let codes = self.second_factors.as_mut().map(|own| &mut own.backup_codes).ok_or(NotTheirs)?;
                let at = codes.iter().position(|code| code == digest).ok_or(NotTheirs)?;
                codes.remove(at);
            }
            SecondCredential::Phone(address) => {
                let fits = |phone: &Identification<PhoneNumber>| {
                    phone.reserved_for_second_factor && Some(phone.value.identifier()) == *address
                };
                self.phone_numbers.iter().find(|phone| fits(phone)).ok_or(NotTheirs)?;
            }
        }
        Ok(())
    }

    /// Whether a code of its authenticator app for this time step was not used before.
    pub(super) fn takes_step(&self, step: u64) -> bool {
        let totp = self.second_factors.as_ref().and_then(|own| own.totp.as_ref());
        totp.is_some_and(|totp| totp.verified_at.is_some() && totp.last_step.is_none_or(|last| step > last))
    }

    /// The digests of its backup codes.
    pub(super) fn backup_codes(&self) -> &[[u8; 32]] {
        self.second_factors.as_ref().map_or(&[], |own| &own.backup_codes)
    }

    /// Records that an address of the user was proved. The first proof makes the address owner the owner of the user,
    /// unless the backend reserved the address for the user.
    fn proved(&mut self, address: &Identifier, by: &Strategy, entry: &Entry) -> Result<(), NotTheirs> {
        let emails = self.email_addresses.iter_mut();
        let emails = emails.map(|e| (e.value.identifier(), &mut e.verified_by, &mut e.reserved));
        let phones = self.phone_numbers.iter_mut();
        let phones = phones.map(|p| (p.value.identifier(), &mut p.verified_by, &mut p.reserved));
        let found = emails.chain(phones).find(|(known, ..)| known == address);
        let (_, verified_by, reserved) = found.ok_or(NotTheirs)?;
        if verified_by.is_some() {
            return Ok(());
        }
        *verified_by = Some(by.clone());
        if std::mem::take(reserved) {
            self.updated_at = self.updated_at.max(entry.at);
            return Ok(());
        }
        self.email_addresses.retain(|email| email.value.identifier() == *address);
        self.phone_numbers.retain(|phone| phone.value.identifier() == *address);
        // Verified or not: they were given by a person who did not prove this address.
        self.external_accounts.clear();
        self.unproved_emails.clear();
        self.unproved_phones.clear();
        self.connections.clear();
        self.second_factors = None;
        self.passkeys.clear();
        self.password_digest = None;
        self.password_last_updated_at = None;
        self.password_compromised = false;
        self.sign_up = None;
        self.devices.clear();
        // A sign-in that was decided later may have been committed earlier.
        let at = self.last_sign_in_at.map_or(entry.at, |last| last.max(entry.at));
        self.sessions_ended = Some(SessionsEnded { at, except: Some(entry.session_id), reason: EndReason::Elsewhere });
        self.updated_at = self.updated_at.max(entry.at);
        Ok(())
    }

    fn remember(&mut self, client: ClientId) {
        self.devices.retain(|known| *known != client);
        self.devices.push(client);
        let surplus = self.devices.len().saturating_sub(DEVICES_MAX);
        self.devices.drain(..surplus);
    }
}

impl AsRef<Self> for User {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Client {
    /// Removes the sessions that are over without a change to the client: their users ended them elsewhere, are banned or
    /// do not exist any more. `user` looks up the user of a session. Returns the removed sessions of users who exist, with
    /// the status that they end with.
    ///
    /// # Errors
    /// The error of `user`.
    pub fn drop_ended<U: AsRef<User>, E>(
        &mut self,
        user: impl Fn(UserId) -> Result<Option<U>, E>,
    ) -> Result<Vec<(Session, SessionStatus)>, E> {
        let mut dropped = Vec::new();
        for session in std::mem::take(&mut self.sessions) {
            let Some(user) = user(session.user_id)? else { continue };
            let user = user.as_ref();
            let Some(status) = user.has_ended(&session) else {
                self.sessions.push(session);
                continue;
            };
            self.sessions_changed_at = self.sessions_changed_at.max(user.ended_at(&session));
            dropped.push((session, status));
        }
        let is_there = |id| self.sessions.iter().any(|session| session.id == id);
        if !self.last_active_session_id.is_some_and(is_there) {
            self.last_active_session_id = self.sessions.last().map(|session| session.id);
        }
        Ok(dropped)
    }
}

/// How many clients of a user are remembered; the least recently used one is forgotten first.
const DEVICES_MAX: usize = 8;
