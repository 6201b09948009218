//! `/v1/client/sign_ups…` (CONTRACT 7). What parameters may be, and whether the instance has them, the engine says.

use crate::domain::id::SignUpId;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::secret::Secret;
use crate::domain::sign_up::RawFields;
use crate::engine::{ClientView, EngineError, SignUpView};
use crate::http::app::Family;
use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::identity::{Identity, Told};
use crate::http::params::Params;
use crate::http::response::{Answer, Wrapped};
use crate::http::wire::SignUpResource;

pub(super) async fn create(exchange: &Exchange<'_>, form: &Params) -> Result<Answer, HttpError> {
    exchange.limit(Family::Create)?;
    let fields = fields(form);
    let identity = exchange.identify().await?;
    let outcome = match &fields {
        Ok(fields) => {
            let engine = exchange.engine();
            engine.create_sign_up(&identity.caller, fields, &exchange.source).await
        }
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(exchange, &identity, outcome).await
}

pub(super) async fn show(exchange: &Exchange<'_>, id: SignUpId) -> Result<Answer, HttpError> {
    let identity = exchange.identify().await?;
    let engine = exchange.engine();
    let sign_up = match engine.sign_up(&identity.caller, id).await {
        Ok(sign_up) => sign_up,
        Err(error) => return Err(refuse(exchange, &identity, error).await),
    };
    let client = engine.client_view(&identity.caller, &exchange.source).await?;
    let shown = SignUpResource::from(&sign_up);
    Ok(match client {
        Some(client) => exchange.wrapped(&identity, &shown, &client),
        None => {
            let body = Wrapped { response: shown, client: () };
            exchange.told(&identity, Answer::json(&body), &Told::Nothing)
        }
    })
}

pub(super) async fn update(exchange: &Exchange<'_>, id: SignUpId, form: &Params) -> Result<Answer, HttpError> {
    let fields = fields(form);
    let identity = exchange.identify().await?;
    let outcome = match &fields {
        Ok(fields) => {
            let engine = exchange.engine();
            engine.update_sign_up(&identity.caller, id, fields, &exchange.source).await
        }
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(exchange, &identity, outcome).await
}

pub(super) async fn prepare(exchange: &Exchange<'_>, id: SignUpId, form: &Params) -> Result<Answer, HttpError> {
    let given = pair(form, "strategy", "channel");
    let identity = exchange.identify().await?;
    let outcome = match &given {
        Ok((strategy, channel)) => {
            let (strategy, channel) = (strategy.as_deref(), channel.as_deref());
            let engine = exchange.engine();
            let source = &exchange.source;
            engine.prepare_verification(&identity.caller, id, strategy, channel, source).await
        }
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(exchange, &identity, outcome).await
}

pub(super) async fn attempt(exchange: &Exchange<'_>, id: SignUpId, form: &Params) -> Result<Answer, HttpError> {
    exchange.limit(Family::Attempt)?;
    let given = pair(form, "strategy", "code");
    // Whoever lost the completing answer has only the token that it replaced.
    let identity = exchange.presented().await?;
    let outcome = match &given {
        Ok((strategy, code)) => {
            let (strategy, code) = (strategy.as_deref(), code.as_deref());
            let engine = exchange.engine();
            let source = &exchange.source;
            engine.attempt_verification(&identity.caller, id, strategy, code, source).await
        }
        Err(rejection) => Err(rejection.clone().into()),
    };
    settle(exchange, &identity, outcome).await
}

async fn settle(
    exchange: &Exchange<'_>,
    identity: &Identity,
    outcome: Result<(SignUpView, ClientView), EngineError>,
) -> Result<Answer, HttpError> {
    match outcome {
        Ok((sign_up, client)) => {
            let shown = SignUpResource::from(&sign_up);
            Ok(exchange.wrapped(identity, &shown, &client))
        }
        Err(error) => Err(refuse(exchange, identity, error).await),
    }
}

/// To somebody without a client every sign-up is unknown.
async fn refuse(exchange: &Exchange<'_>, identity: &Identity, error: EngineError) -> HttpError {
    let error = match error {
        EngineError::NoClient => EngineError::NotFound,
        error => error,
    };
    exchange.refuse(identity, error).await
}

fn fields(form: &Params) -> Result<RawFields, Rejection> {
    let mut reasons: Vec<Reason> = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let fields = RawFields {
        email_address: reader.take("email_address"),
        phone_number: reader.take("phone_number"),
        email_address_or_phone_number: reader.take("email_address_or_phone_number"),
        username: reader.take("username"),
        password: reader.take("password").map(Secret::new),
        first_name: reader.take("first_name"),
        last_name: reader.take("last_name"),
        web3_wallet: reader.take("web3_wallet"),
        unsafe_metadata: reader.take("unsafe_metadata"),
        legal_accepted: reader.take("legal_accepted"),
        locale: reader.take("locale"),
        strategy: reader.take("strategy"),
        channel: reader.take("channel"),
        ticket: reader.take("ticket"),
        transfer: reader.take("transfer"),
        token: reader.take("token"),
    };
    Rejection::collect(reasons).map(|()| fields)
}

fn pair(form: &Params, first: &str, second: &str) -> Result<(Option<String>, Option<String>), Rejection> {
    let mut reasons = Vec::new();
    let mut reader = form.reader(&mut reasons);
    let values = (reader.take(first), reader.take(second));
    Rejection::collect(reasons).map(|()| values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::rejection::Code;

    #[test]
    fn fields_come_as_they_were_sent() {
        let form = b"email_address=Ada%40Example.com&password=+p+&timezone=UTC&created_user_id=x&last_name=";
        let read = fields(&Params::decode(form, 100).expect("few enough")).expect("fields");
        assert_eq!(read.email_address.as_deref(), Some("Ada@Example.com"));
        assert_eq!(read.password.map(Secret::into_inner).as_deref(), Some(" p "));
        assert_eq!(read.last_name.as_deref(), Some(""));
        assert_eq!(read.first_name, None);
    }

    #[test]
    fn everything_wrong_with_the_form_is_reported_at_once() {
        let form = b"username=a&username=b&first_name=%C3%28&timezone=a&timezone=b";
        let rejection = fields(&Params::decode(form, 100).expect("few enough"));
        let rejection = rejection.expect_err("two faults");
        assert_eq!(
            rejection.reasons(),
            [Code::FormParamDuplicate.on("username"), Code::FormParamValueInvalid.on("first_name"),]
        );
    }
}
