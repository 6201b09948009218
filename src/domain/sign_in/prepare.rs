//! Preparing the first factor: creating a code or a link and sending it.

use crate::domain::context::Context;
use crate::domain::id::SignInId;
use crate::domain::identifier::Identifier;
use crate::domain::quota::QuotaKind;
use crate::domain::rejection::{ErrorCode, Rejection};
use crate::domain::user::User;
use crate::domain::verification::{Challenge, Letter, LinkOwner, Means, MessageKind, Strategy};

use super::factor::{Factor, FactorAddress, may_prove};
use super::state::{Phase, Status};
use super::{FirstFactor, Prepare, SignIn, Transition};

impl SignIn {
    /// Begins to prove a first factor by a code or a link.
    ///
    /// # Errors
    /// `strategy_for_user_invalid` where the user has no such factor, `verification_code_too_many_requests` within
    /// the cool-down, `verification_already_verified` where a first factor is proved, `form_param_missing` for a link
    /// without a redirect URL.
    pub fn prepare(
        &self,
        prepare: &Prepare,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        self.touched(cx).prepare_in_place(prepare, Some(self.stamp()), user, cx)
    }

    /// Prepares on a value that is already the next one.
    pub(super) fn prepare_in_place(
        mut self,
        prepare: &Prepare,
        expected: Option<(SignInId, u64)>,
        user: Option<&User>,
        cx: &mut Context<'_>,
    ) -> Result<Transition, Rejection> {
        let FactorAddress { identifier: address, display, .. } = self.chosen(prepare, user, cx)?;
        if self.is_transferable() || self.phase != Phase::Open {
            return Err(ErrorCode::VerificationAlreadyVerified.into());
        }
        // Another spelling of the mailbox found the user.
        let own = user.and_then(|user| user.address_like(&address, cx.settings.ignores_dots()));
        let address = own.unwrap_or(address);
        let is_protected = cx.settings.hides_users();
        let is_sent = match (user, self.newcomer) {
            // The backend may have taken the address away from the user.
            (Some(user), _) => may_prove(user, &prepare.strategy, &address),
            (None, None) => false,
            (None, Some(_)) => match self.may_sign_up_with(&address, cx) {
                Err(refused) if !is_protected => return Err(refused.into()),
                admitted => admitted.is_ok(),
            },
        };
        let challenge = Challenge { owner: self.id.into(), address: &address };
        let means = self.means(prepare, user, cx);
        // An identifier that the user does not hold, or no user holds and that can't sign up, is counted like all others,
        // but no message is sent.
        let kind = if is_sent { MessageKind::Secret } else { MessageKind::Decoy };
        let letter = Letter { kind, display_to: display, locale: user.and_then(|user| user.locale.clone()) };
        let (verification, message) = challenge.send(means, letter, &mut self.recent_sends, cx)?;
        self.first_factor = Some(FirstFactor { address, verification });
        let (client, at) = (self.client_id, self.updated_at);
        let is_left = self.is_left_to_a_link(cx);
        let mut transition = Transition::to(self).kept(expected);
        if is_left {
            transition = transition.renewed(at);
        }
        if let Some(message) = message {
            let is_known = user.is_some_and(|user| user.knows(client));
            transition.send(message, client, if is_known { QuotaKind::OwnMessage } else { QuotaKind::Message });
        }
        Ok(transition)
    }

    fn means(&self, prepare: &Prepare, user: Option<&User>, cx: &Context<'_>) -> Means {
        match prepare.strategy {
            Strategy::EmailLink => Means::Link {
                owner: LinkOwner::SignIn(self.id, self.client_id),
                redirect_url: prepare.redirect_url.clone(),
                in_cookie: prepare.in_cookie,
                with_code: self.offered(&Strategy::EmailCode, user, cx).is_ok(),
                challenge: prepare.challenge,
            },
            _ => Means::Code { strategy: prepare.strategy.clone(), channel: prepare.channel },
        }
    }

    /// The user's factors by `strategy`.
    pub(super) fn offered(
        &self,
        strategy: &Strategy,
        user: Option<&User>,
        cx: &Context<'_>,
    ) -> Result<Vec<Factor>, Rejection> {
        if self.status() == Status::NeedsIdentifier {
            return Err(ErrorCode::FormParamMissing.on("identifier").into());
        }
        let mut factors = self.first_factors(user, cx);
        factors.retain(|factor| factor.strategy == *strategy);
        if !factors.is_empty() {
            return Ok(factors);
        }
        let is_protected = cx.settings.hides_users();
        let may_be_nobody = self.newcomer.is_some() && (user.is_none() || is_protected);
        Err(match may_be_nobody {
            true => ErrorCode::SignUpIfMissingStrategyNotSupported.on("strategy").into(),
            false => ErrorCode::StrategyForUserInvalid.on("strategy").into(),
        })
    }

    /// The chosen address: the one named, else the one given as identifier, else the first.
    fn chosen(&self, prepare: &Prepare, user: Option<&User>, cx: &Context<'_>) -> Result<FactorAddress, Rejection> {
        let factors = self.offered(&prepare.strategy, user, cx)?;
        let mut addresses = factors.into_iter().filter_map(|factor| factor.address).collect::<Vec<_>>();
        let at = match prepare.address_id {
            Some(id) => addresses.iter().position(|address| address.id == id),
            None => {
                let own = addresses.iter().position(|address| Some(&address.identifier) == self.identifier.as_ref());
                // Another spelling of the mailbox found the user.
                let mailbox = self.identifier.as_ref().and_then(Identifier::gmail_mailbox);
                let own = own.or_else(|| {
                    let mailbox = mailbox.as_ref().filter(|_| cx.settings.ignores_dots())?;
                    addresses.iter().position(|address| address.identifier.gmail_mailbox().as_ref() == Some(mailbox))
                });
                own.or(if addresses.is_empty() { None } else { Some(0) })
            }
        };
        let at = at.ok_or_else(|| ErrorCode::StrategyForUserInvalid.on("strategy"))?;
        Ok(addresses.swap_remove(at))
    }
}
