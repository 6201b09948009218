//! Changing the second factors of a user ([guide: Second factors](crate::guide::contract_sign_ins#second-factors)).

use crate::domain::context::Context;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

use super::{SecondFactors, Totp, User};

/// A change to the second factors of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecondFactorChange {
    /// Begin to set up an authenticator app. It is no factor until a code of it was given; it takes the place of one that is
    /// not proved yet.
    BeginApp {
        /// The shared secret, as it is stored.
        secret: Secret<Vec<u8>>,
    },
    /// The person has given the code of this time step of an app that is not proved yet.
    ProveApp {
        /// The step.
        step: u64,
        /// The digests of the backup codes that the person gets with it, unless there are some.
        backup_codes: Vec<[u8; 32]>,
    },
    /// The application's backend knows that the person has the app with this secret.
    SetApp {
        /// The shared secret, as it is stored.
        secret: Secret<Vec<u8>>,
    },
    /// Remove the app; with the last second factor the backup codes go too.
    RemoveApp,
    /// Replace the backup codes, by their digests.
    SetBackupCodes(Vec<[u8; 32]>),
    /// Remove the backup codes.
    RemoveBackupCodes,
    /// Remove all: the app, the backup codes, and the use of phone numbers as second factors.
    RemoveAll,
    /// A code of the app or a backup code was used outside of a sign-in.
    Use(UsedCode),
}

/// A code that works once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsedCode {
    /// The app's code of this time step.
    Totp(u64),
    /// A backup code, by its digest.
    BackupCode([u8; 32]),
}

impl User {
    /// Whether it has a second factor, apart from backup codes.
    pub fn has_second_factor(&self) -> bool {
        self.has_app() || self.phone_numbers.iter().any(|p| p.reserved_for_second_factor && p.verified_by.is_some())
    }

    /// Whether it has an authenticator app that is proved.
    pub fn has_app(&self) -> bool {
        let totp = self.second_factors.as_ref().and_then(|own| own.totp.as_ref());
        totp.is_some_and(|totp| totp.verified_at.is_some())
    }

    /// Whether it has backup codes.
    pub fn has_backup_codes(&self) -> bool {
        self.second_factors.as_ref().is_some_and(|own| !own.backup_codes.is_empty())
    }

    /// Gives a new user the second factors that its person has already.
    pub(crate) fn begin_with_factors(
        &mut self,
        app: Option<&Secret<Vec<u8>>>,
        backup_codes: Vec<[u8; 32]>,
        now: Timestamp,
    ) {
        let own = self.second_factors.get_or_insert_default();
        own.totp = app.map(|secret| Totp::new(secret, Some(now), now));
        own.backup_codes = backup_codes;
        self.note_second_factors(false, now);
    }

    /// Applies a change to the second factors.
    ///
    /// # Errors
    /// `totp_already_enabled`, `totp_not_enabled`, `backup_codes_not_available` where there is no other second factor,
    /// `resource_not_found` where there is nothing to remove, `form_code_incorrect` for a code that was used before.
    pub(super) fn change_second_factors(
        &mut self,
        change: &SecondFactorChange,
        cx: &Context<'_>,
    ) -> Result<(), Rejection> {
        let had_one = self.has_second_factor();
        let has_app = self.has_app();
        let nothing = || Rejection::from(ErrorCode::ResourceNotFound);
        let own = self.second_factors.get_or_insert_default();
        match change {
            SecondFactorChange::BeginApp { .. } if has_app => return Err(ErrorCode::TotpAlreadyEnabled.into()),
            SecondFactorChange::BeginApp { secret } => own.totp = Some(Totp::new(secret, None, cx.now)),
            SecondFactorChange::SetApp { secret } => own.totp = Some(Totp::new(secret, Some(cx.now), cx.now)),
            // A session that was not asked for the app must not guess at its codes here, where they are not counted.
            SecondFactorChange::ProveApp { .. } if has_app => return Err(ErrorCode::TotpAlreadyEnabled.into()),
            SecondFactorChange::ProveApp { step, backup_codes } => {
                let totp = own.totp.as_mut().ok_or(ErrorCode::TotpNotEnabled)?;
                take_step(totp, *step)?;
                totp.verified_at = Some(cx.now);
                if own.backup_codes.is_empty() {
                    own.backup_codes.clone_from(backup_codes);
                }
            }
            SecondFactorChange::RemoveApp => own.totp = own.totp.take().map(|_| None).ok_or_else(nothing)?,
            SecondFactorChange::SetBackupCodes(_) if !had_one => return Err(ErrorCode::BackupCodesNotAvailable.into()),
            SecondFactorChange::SetBackupCodes(codes) => own.backup_codes.clone_from(codes),
            SecondFactorChange::RemoveBackupCodes if own.backup_codes.is_empty() => return Err(nothing()),
            SecondFactorChange::RemoveBackupCodes => own.backup_codes.clear(),
            SecondFactorChange::RemoveAll => {
                let is_used = |used: bool| used || had_one;
                if !is_used(own.totp.is_some() || !own.backup_codes.is_empty()) {
                    return Err(nothing());
                }
                own.totp = None;
                for phone in &mut self.phone_numbers {
                    (phone.reserved_for_second_factor, phone.default_second_factor) = (false, false);
                }
            }
            SecondFactorChange::Use(UsedCode::Totp(step)) => {
                let totp = own.totp.as_mut().filter(|totp| totp.verified_at.is_some());
                take_step(totp.ok_or(ErrorCode::TotpNotEnabled)?, *step)?;
            }
            SecondFactorChange::Use(UsedCode::BackupCode(digest)) => {
                let at = own.backup_codes.iter().position(|code| code == digest);
                own.backup_codes.remove(at.ok_or_else(|| ErrorCode::FormCodeIncorrect.on("code"))?);
            }
        }
        self.note_second_factors(had_one, cx.now);
        Ok(())
    }

    /// The same where it differs from `before` in that: a phone number may be a second factor, too.
    pub(super) fn note_changed_factors(&mut self, before: &Self, now: Timestamp) {
        if before.has_second_factor() != self.has_second_factor() {
            self.note_second_factors(before.has_second_factor(), now);
        }
    }

    /// Notes when the user got its first second factor or lost its last one, with which the backup codes go.
    fn note_second_factors(&mut self, had_one: bool, now: Timestamp) {
        let has_one = self.has_second_factor();
        let own = self.second_factors.get_or_insert_default();
        match (had_one, has_one) {
            (false, true) => own.mfa_enabled_at = Some(now),
            (true, false) => own.mfa_disabled_at = Some(now),
            _ => {}
        }
        if !has_one {
            own.backup_codes.clear();
        }
        if **own == SecondFactors::default() {
            self.second_factors = None;
        }
    }
}

impl Totp {
    fn new(secret: &Secret<Vec<u8>>, verified_at: Option<Timestamp>, created_at: Timestamp) -> Self {
        Self { secret: secret.clone(), created_at, verified_at, last_step: None }
    }
}

fn take_step(totp: &mut Totp, step: u64) -> Result<(), Rejection> {
    if totp.last_step.is_some_and(|last| step <= last) {
        return Err(ErrorCode::FormCodeIncorrect.on("code").into());
    }
    totp.last_step = Some(step);
    Ok(())
}
