//! The SessionReverification ([guide: Re-verification](crate::guide::contract_me#re-verification)).

use serde::Serialize;

use crate::domain::sign_in::Factor;
use crate::domain::verification::Strategy;
use crate::engine::{ReverificationView, SessionView};

use super::sign_in::FactorResource;
use super::verification::State;

/// A re-verification on the wire.
#[derive(Debug, Serialize)]
pub(super) struct ReverificationResource<'a> {
    object: &'static str,
    level: &'static str,
    status: &'static str,
    supported_first_factors: Vec<FactorResource<'a>>,
    supported_second_factors: Option<Vec<FactorResource<'a>>>,
    first_factor_verification: Option<State<'a>>,
    second_factor_verification: Option<State<'a>>,
    session: &'a SessionView,
}

impl<'a> From<&'a ReverificationView> for ReverificationResource<'a> {
    fn from(view: &'a ReverificationView) -> Self {
        let resource = |factors: &'a [Factor]| factors.iter().map(|f| FactorResource::of(f, None)).collect::<Vec<_>>();
        let sent = view.sent.as_ref().map(|sent| {
            let verification = &sent.verification;
            let status = verification.status(view.session.now, view.attempts_max);
            (State::of(verification, status), sent.address_id)
        });
        let is_second = sent.as_ref().is_some_and(|(_, id)| {
            view.second_factors.iter().any(|factor| factor.address.as_ref().is_some_and(|address| address.id == *id))
        });
        let sent = sent.map(|(state, _)| state);
        let (first, second) = if is_second { (None, sent) } else { (sent, None) };
        let asked = view.passkey.as_ref();
        let asked = asked.map(|(options, at)| State::asking(&Strategy::Passkey, options, *at));
        let proved = view.step.first_factor_at.map(|_| State::verified(&Strategy::Password));
        Self {
            object: "session_reverification",
            level: view.step.level.as_str(),
            status: view.step.status().as_str(),
            supported_first_factors: resource(&view.first_factors),
            supported_second_factors: (!view.second_factors.is_empty()).then(|| resource(&view.second_factors)),
            first_factor_verification: first.or(asked).or(proved),
            second_factor_verification: second,
            session: &view.session,
        }
    }
}
