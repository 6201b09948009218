//! The parameters that sign-ups and sign-ins share, read from text once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::verification::{AuthorizeParams, CodeChallenge, PhoneChannel};
use crate::http::call::Call;
use crate::http::request::form::Reader;

/// The two redirect URLs as text, in the order of their faults.
pub(super) type Urls = [Option<String>; 2];

/// The channel of a phone code; clients send it by themselves, so that an unknown one is no fault.
pub(super) fn channel(reader: &mut Reader<'_>) -> Option<PhoneChannel> {
    reader.hint("channel").as_deref().and_then(PhoneChannel::named)
}

/// The hints for a provider's page.
pub(super) fn hints(reader: &mut Reader<'_>) -> AuthorizeParams {
    let (prompt, login_hint) = (reader.hint("oidc_prompt"), reader.hint("oidc_login_hint"));
    AuthorizeParams { prompt, login_hint, ..AuthorizeParams::default() }
}

/// The redirect URLs as text. Whether they are allowed is looked at by [`allow`], after every other parameter is read.
pub(super) fn urls(reader: &mut Reader<'_>) -> Urls {
    [reader.take(REDIRECT), reader.take(COMPLETE_REDIRECT)]
}

/// Puts the redirect URLs that the instance allows into `authorize`; the others are faults. An empty one counts as
/// absent.
pub(super) fn allow(
    authorize: &mut AuthorizeParams,
    [url, complete]: Urls,
    redirect: impl Fn(&str, &str) -> Result<RedirectUrl, Reason>,
    reasons: &mut Vec<Reason>,
) {
    let mut allowed = |param: &str, url: Option<String>| {
        let checked = url.filter(|url| !url.is_empty()).map(|url| redirect(param, &url))?;
        checked.map_err(|reason| reasons.push(reason)).ok()
    };
    authorize.redirect_url = allowed(REDIRECT, url);
    authorize.action_complete_redirect_url = allowed(COMPLETE_REDIRECT, complete);
}

/// A redirect URL that the instance allows; a relative one is relative to the calling page.
pub(super) fn redirect(call: &Call<'_>, param: &str, url: &str) -> Result<RedirectUrl, Reason> {
    call.engine().redirects().check(param, url, call.context.origin.as_deref())
}

/// The challenge of PKCE (RFC 7636, 4.3). Only the method S256 is taken: a plain challenge proves nothing to those who read
/// it.
pub(super) fn challenge(text: &str, method: Option<&str>) -> Result<CodeChallenge, Reason> {
    if method.is_some_and(|method| method != "S256") {
        return Err(ErrorCode::FormParamValueInvalid.on("code_challenge_method"));
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let challenge = bytes.and_then(|bytes| CodeChallenge::try_from(bytes).ok());
    challenge.ok_or_else(|| ErrorCode::FormParamFormatInvalid.on("code_challenge"))
}

/// A keyword, unless it is longer than any.
pub(super) fn word(param: &str, text: Option<String>) -> Result<Option<String>, Reason> {
    match text {
        Some(text) if text.len() > WORD_MAX => {
            Err(ErrorCode::FormParamMaxLengthExceeded.on(param).with(WORD_MAX as u32))
        }
        text => Ok(text),
    }
}

const REDIRECT: &str = "redirect_url";
const COMPLETE_REDIRECT: &str = "action_complete_redirect_url";
/// The longest keyword, in bytes.
const WORD_MAX: usize = 256;
