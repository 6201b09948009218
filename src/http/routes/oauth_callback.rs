//! `/v1/oauth_callback`: where providers send browsers back to (CONTRACT 9). A navigation: what came of it is on the
//! sign-up, and the browser goes on to the application.

use form_urlencoded::Serializer;

use crate::domain::rejection::Rejection;
use crate::domain::secret::Secret;
use crate::engine::ProviderCallback;
use crate::http::error::HttpError;
use crate::http::exchange::Exchange;
use crate::http::identity::Told;
use crate::http::params::Params;
use crate::http::response::Answer;

pub(super) async fn take(exchange: &Exchange<'_>) -> Result<Answer, HttpError> {
    let callback = read(&exchange.head.query)?;
    let identity = exchange.presented().await?;
    let engine = exchange.engine();
    let returned = engine.return_from_provider(&identity.caller, &callback, &exchange.source).await;
    let returned = match returned {
        Ok(returned) => returned,
        Err(error) => return Err(exchange.refuse(&identity, error).await),
    };
    let answer = Answer::see_other(&returned.url);
    Ok(match &returned.client {
        Some(client) => exchange.told(&identity, answer, &Told::Client(client)),
        None => answer,
    })
}

/// Some providers answer by POST from their own page, which carries no cookie of ours: the same as a GET does.
pub(super) fn repeat(form: &Params) -> Result<Answer, HttpError> {
    let callback = read(form)?;
    let mut query = Serializer::new(String::new());
    let code = callback.code.as_ref().map(Secret::expose);
    for (name, value) in [
        ("state", callback.state.as_ref()),
        ("code", code),
        ("error", callback.error.as_ref()),
        ("iss", callback.iss.as_ref()),
    ] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    Ok(Answer::see_other(&format!("oauth_callback?{}", query.finish())))
}

fn read(params: &Params) -> Result<ProviderCallback, Rejection> {
    let mut reasons = Vec::new();
    let mut reader = params.reader(&mut reasons);
    let callback = ProviderCallback {
        state: reader.take("state"),
        code: reader.take("code").map(Secret::new),
        error: reader.take("error"),
        iss: reader.take("iss"),
    };
    Rejection::collect(reasons).map(|()| callback)
}
