//! Messages to people: codes, links, invitations and notices.

use super::id::MessageId;
use super::identifier::Identifier;
use super::secret::Secret;
use super::time::Timestamp;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, the same over retries.
    pub id: MessageId,
    /// Where it goes: the normalised address.
    pub to: Identifier,
    /// The address as the person typed it.
    pub display_to: String,
    /// What it says.
    pub content: Content,
    /// When it was made.
    pub created_at: Timestamp,
    /// After this it is not sent any more.
    pub expire_at: Timestamp,
}

/// What a message says. The URLs around tokens and tickets are the relay's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// What proves the address.
    Code(Secret<String>),
    /// What proves it too, by the token in it; perhaps with a code beside it.
    Link {
        /// The token.
        token: Secret<String>,
        /// The code.
        code: Option<Secret<String>>,
    },
    /// An invitation, by its ticket.
    Invitation(Secret<String>),
    /// Tells the owner of the address that somebody tried to sign up with it.
    Notice,
    /// Nothing: it is never sent. It makes a call about nobody as much work as one about somebody, so that the time it
    /// takes tells nothing.
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
