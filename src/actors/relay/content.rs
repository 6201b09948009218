//! What a message says as it is sealed: a word, and after it the secrets, a line each.

use crate::domain::message::Content;
use crate::domain::secret::Secret;

/// The text that is sealed.
pub(in crate::actors) fn encode_content(content: &Content) -> Secret<String> {
    Secret::new(match content {
        Content::Code(code) => format!("{CODE}\n{}", code.expose()),
        Content::Link { token, code: None } => format!("{LINK}\n{}", token.expose()),
        Content::Link { token, code: Some(code) } => format!("{LINK}\n{}\n{}", token.expose(), code.expose()),
        Content::Invitation(ticket) => format!("{INVITATION}\n{}", ticket.expose()),
        Content::Notice => NOTICE.to_owned(),
        Content::Decoy => DECOY.to_owned(),
    })
}

/// What it stands for.
pub(super) fn decode_content(plain: &str) -> Option<Content> {
    let mut lines = plain.split('\n');
    let word = lines.next()?;
    let mut secret = || lines.next().map(|line| Secret::new(line.to_owned()));
    Some(match word {
        CODE => Content::Code(secret()?),
        LINK => Content::Link { token: secret()?, code: secret() },
        INVITATION => Content::Invitation(secret()?),
        NOTICE => Content::Notice,
        DECOY => Content::Decoy,
        _ => return None,
    })
}

const CODE: &str = "code";
const LINK: &str = "link";
const INVITATION: &str = "invitation";
const NOTICE: &str = "notice";
const DECOY: &str = "decoy";
