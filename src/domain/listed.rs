//! What the application's backend lists while the instance runs, beside the configuration: entries of the allow-list and
//! the block-list, and URLs that browsers and applications may be sent to
//! ([guide: Lists of the instance](crate::guide::contract_backend#lists-of-the-instance)).

use super::id::{InvitationId, ListedIdentifierId, RedirectUrlId};
use super::ports::KeyedDigest;
use super::redirect::redirect_target;
use super::rejection::{ErrorCode, Reason};
use super::settings::restrictions::Pattern;
use super::time::Timestamp;

/// One of the two lists of [`Restrictions`](super::settings::restrictions::Restrictions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// The allow-list.
    Allow,
    /// The block-list.
    Block,
}

/// An entry of a list. A list has an identifier once at most, because the id is derived from both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedIdentifier {
    /// Its id.
    pub id: ListedIdentifierId,
    /// The list that it is on.
    pub list: List,
    /// The identifier, or a pattern of identifiers.
    pub pattern: Pattern,
    /// The invitation that was made with it.
    pub invitation: Option<InvitationId>,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A URL that browsers and applications may be sent to. It is listed once at most, because the id is derived from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRedirect {
    /// Its id.
    pub id: RedirectUrlId,
    /// The URL as it was given.
    pub url: String,
    /// When it was added.
    pub created_at: Timestamp,
}

impl ListedIdentifier {
    /// A new entry for `identifier`: an address, a domain such as `*@example.com`, a phone number, or a prefix of phone
    /// numbers such as `+1900*`.
    ///
    /// # Errors
    /// `form_param_missing` for an empty text, `form_param_format_invalid` for one of no known kind.
    pub fn new(list: List, identifier: &str, digest: &dyn KeyedDigest, now: Timestamp) -> Result<Self, Reason> {
        const PARAM: &str = "identifier";
        if identifier.trim().is_empty() {
            return Err(ErrorCode::FormParamMissing.on(PARAM));
        }
        let pattern: Pattern = identifier.parse().map_err(|_| ErrorCode::FormParamFormatInvalid.on(PARAM))?;
        let name: &[u8] = match list {
            List::Allow => b"allowed identifier",
            List::Block => b"blocked identifier",
        };
        let id = ListedIdentifierId::from_bytes(derived(digest, name, &pattern.to_string()));
        Ok(Self { id, list, pattern, invitation: None, created_at: now })
    }
}

impl ListedRedirect {
    /// A new entry for an absolute URL: of a web site, or of an application, such as `myapp://callback`.
    ///
    /// # Errors
    /// `form_param_missing` for an empty text, `form_param_format_invalid` for what can't be a redirect target.
    pub fn new(url: &str, digest: &dyn KeyedDigest, now: Timestamp) -> Result<Self, Reason> {
        const PARAM: &str = "url";
        if url.is_empty() {
            return Err(ErrorCode::FormParamMissing.on(PARAM));
        }
        let target = redirect_target(url).filter(|_| url.len() <= URL_MAX);
        let target = target.ok_or_else(|| ErrorCode::FormParamFormatInvalid.on(PARAM))?;
        let id = RedirectUrlId::from_bytes(derived(digest, b"redirect url", target.as_str()));
        Ok(Self { id, url: url.to_owned(), created_at: now })
    }
}

fn derived(digest: &dyn KeyedDigest, name: &[u8], text: &str) -> [u8; 16] {
    let digest = digest.digest(&[name, text.as_bytes()]);
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    id
}

/// In bytes; the same as for the URLs of requests.
const URL_MAX: usize = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    /// A digest that is good enough for a test: the bytes, folded.
    struct Folded;

    impl KeyedDigest for Folded {
        fn digest(&self, parts: &[&[u8]]) -> [u8; 32] {
            let mut folded = [0_u8; 32];
            for (at, byte) in parts.iter().flat_map(|part| part.iter()).enumerate() {
                folded[at % 32] = folded[at % 32].wrapping_mul(31).wrapping_add(*byte);
            }
            folded
        }

        fn equal(&self, left: &[u8; 32], right: &[u8; 32]) -> bool {
            left == right
        }
    }

    #[test]
    fn what_means_the_same_has_the_same_id_on_one_list() {
        let listed = |list, text: &str| ListedIdentifier::new(list, text, &Folded, Timestamp::default());
        for (left, right, normal) in [
            ("Ada@Example.com", " ada@example.com", "ada@example.com"),
            ("@Example.com", "*@example.com", "*@example.com"),
            ("+1 415 555 2671", "+14155552671", "+14155552671"),
            ("+1 900*", "+1900*", "+1900*"),
        ] {
            let (left, right) = (listed(List::Block, left).expect(left), listed(List::Block, right).expect(right));
            assert_eq!((left.id, left.pattern.to_string().as_str()), (right.id, normal));
            let other = listed(List::Allow, normal).expect(normal);
            assert!(other.id != left.id && other.pattern == left.pattern, "{normal}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        for (text, code) in [
            ("", ErrorCode::FormParamMissing),
            (" ", ErrorCode::FormParamMissing),
            ("ada", ErrorCode::FormParamFormatInvalid),
            ("*", ErrorCode::FormParamFormatInvalid),
            ("*@", ErrorCode::FormParamFormatInvalid),
            ("0x52908400098527886E0F7030069857D2E4169EE7", ErrorCode::FormParamFormatInvalid),
        ] {
            let refused = ListedIdentifier::new(List::Allow, text, &Folded, Timestamp::default());
            assert_eq!(refused, Err(code.on("identifier")), "{text}");
        }
    }

    #[test]
    fn a_redirect_url_is_absolute_and_can_not_run() {
        let listed = |text: &str| ListedRedirect::new(text, &Folded, Timestamp::default());
        let site = listed("https://Example.com").expect("a site");
        assert_eq!(
            (site.id, site.url.as_str()),
            (listed("https://example.com/").expect("the same").id, "https://Example.com")
        );
        assert_eq!(listed("myapp://cb").expect("an application").url, "myapp://cb");
        for text in ["/welcome", "javascript:alert(1)", "https://a@b.example", "https://*.example.com", "no url"] {
            assert_eq!(listed(text), Err(ErrorCode::FormParamFormatInvalid.on("url")), "{text}");
        }
        assert_eq!(listed(""), Err(ErrorCode::FormParamMissing.on("url")));
        let long = format!("https://example.com/{}", "x".repeat(URL_MAX));
        assert_eq!(listed(&long), Err(ErrorCode::FormParamFormatInvalid.on("url")));
    }
}
