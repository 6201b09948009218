//! The parameters that sign-ups and sign-ins share, read from text once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::redirect::RedirectUrl;
use crate::domain::rejection::{ErrorCode, Reason};
use crate::domain::verification::{AuthorizeParams, CodeChallenge, PhoneChannel};
use crate::engine::TokenCarrier;
use crate::http::call::Call;
use crate::http::request::form::{Params, Reader};

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

/// The redirect URL of a link, where it is given and allowed.
pub(super) fn place(call: &Call<'_>, form: &Params) -> Result<Option<RedirectUrl>, Reason> {
    let url = form.single(REDIRECT)?.filter(|url| !url.is_empty());
    url.map(|url| redirect(call, REDIRECT, url)).transpose()
}

/// What an application says of a link that it completes by itself, as text.
pub(super) struct Completion {
    uri: Option<String>,
    challenge: Option<String>,
    method: Option<String>,
}

/// What an application says of a link that it completes by itself ([`own_place`] reads it).
pub(super) fn completion(reader: &mut Reader<'_>) -> Completion {
    Completion {
        uri: reader.take("redirect_uri"),
        challenge: reader.take_or_clear("code_challenge"),
        method: reader.take("code_challenge_method"),
    }
}

/// The refusals of what an application says of such a link where none is sent: it is asked for by a prepare.
pub(super) fn no_completion(form: &Params) -> impl Iterator<Item = Reason> {
    ["redirect_uri", "code_challenge", "code_challenge_method"].into_iter().filter_map(|name| form.refuse(name))
}

/// Puts the place of such an application into `authorize`; gives its challenge. One that is there and empty, or of which
/// there is only the method, is a fault: the link would be an ordinary one, and the application would wait for what
/// never comes.
pub(super) fn own_place(
    call: &Call<'_>,
    Completion { uri, challenge, method }: Completion,
    authorize: &mut AuthorizeParams,
    reasons: &mut Vec<Reason>,
) -> Option<CodeChallenge> {
    let has_challenge = challenge.is_some() || method.is_some();
    if let Some(uri) = uri {
        let listed = || call.engine().redirects().check_listed("redirect_uri", &uri);
        let place = if has_challenge { listed() } else { redirect(call, "redirect_uri", &uri) };
        authorize.redirect_url = place.map_err(|reason| reasons.push(reason)).ok();
    }
    if !has_challenge {
        return None;
    }
    let read = read_challenge(challenge.as_deref().unwrap_or_default(), method.as_deref());
    read.map_err(|reason| reasons.push(reason)).ok()
}

/// A redirect URL that the instance allows; a relative one is relative to the calling page. A native application has no page,
/// so that it is told that its URL has to be listed.
pub(super) fn redirect(call: &Call<'_>, param: &str, url: &str) -> Result<RedirectUrl, Reason> {
    let checked = call.engine().redirects().check(param, url, call.context.origin.as_deref());
    let is_native = call.context.carrier == TokenCarrier::Header;
    checked.map_err(|reason| if is_native { ErrorCode::ResourceMissmatch.on(param) } else { reason })
}

/// The challenge of PKCE (RFC 7636, 4.3). Only the method S256 is taken: a plain challenge proves nothing to those who read
/// it.
fn read_challenge(text: &str, method: Option<&str>) -> Result<CodeChallenge, Reason> {
    if method.is_some_and(|method| method != "S256") {
        return Err(ErrorCode::FormParamValueInvalid.on("code_challenge_method"));
    }
    if text.is_empty() {
        return Err(ErrorCode::FormParamMissing.on("code_challenge"));
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
