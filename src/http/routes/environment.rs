//! `GET /v1/environment`, and `PATCH`, by which development instances are "touched" (CONTRACT 2.3, 3). Unwrapped.

use crate::http::exchange::Exchange;
use crate::http::response::Answer;
use crate::http::wire::environment;

pub(super) fn show(exchange: &Exchange<'_>) -> Answer {
    let engine = exchange.engine();
    let development = exchange.app.options.development;
    let shown = environment(
        &engine.shown_settings(),
        engine.branding(),
        engine.captcha(),
        engine.single_session(),
        development,
    );
    // New settings take effect at once, so a copy must be asked about before it is used.
    Answer::json(&shown).kept("no-cache")
}
