//! Messages to people: codes, links, invitations and notices.

use super::id::MessageId;
use super::identifier::Identifier;
use super::secret::Secret;
use super::time::Timestamp;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id; retries have the same one.
    pub id: MessageId,
    /// The recipient: the normalised address.
    pub to: Identifier,
    /// The address as the person typed it.
    pub display_to: String,
    /// The content.
    pub content: Content,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it is no longer sent.
    pub expire_at: Timestamp,
}

/// The content of a message. The relay builds the URLs around tokens and tickets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A code that proves the address.
    Code(Secret<String>),
    /// A link whose token proves the address, perhaps with a code beside it.
    Link {
        /// The token.
        token: Secret<String>,
        /// The code.
        code: Option<Secret<String>>,
    },
    /// An invitation, with its ticket.
    Invitation(Secret<String>),
    /// Tells the address owner about an attempt to sign up with the address.
    Notice,
    /// A decoy that is never sent: it makes the timing for unknown identifiers the same as for known ones.
    Decoy,
}

impl Content {
    /// The code it carries.
    pub const fn code(&self) -> Option<&Secret<String>> {
        match self {
            Self::Code(code) | Self::Link { code: Some(code), .. } => Some(code),
            _ => None,
        }
    }

    /// The token of the link it carries.
    pub const fn link(&self) -> Option<&Secret<String>> {
        match self {
            Self::Link { token, .. } => Some(token),
            _ => None,
        }
    }
}
