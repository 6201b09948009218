//! Messages to people: codes, links, invitations and notices.

use std::fmt;

use super::id::{InvitationId, MessageId, SignInId, SignUpId};
use super::identifier::Identifier;
use super::secret::Secret;
use super::time::Timestamp;
use super::verification::PhoneChannel;

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
    /// What it was made for.
    pub origin: Origin,
    /// The person's language, if it is known (RFC 5646).
    pub locale: Option<String>,
    /// How a message to a phone number is to arrive, if the person chose.
    pub phone_channel: Option<PhoneChannel>,
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

/// The object that a message was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A sign-up verifies an address.
    SignUp(SignUpId),
    /// A sign-in proves an address.
    SignIn(SignInId),
    /// A person is invited.
    Invitation(InvitationId),
}

/// What a message is for. The names are the slugs of Clerk's templates, where Clerk has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Template {
    /// A code that proves an address.
    VerificationCode,
    /// A link that proves the address of a sign-up, perhaps with a code.
    MagicLinkSignUp,
    /// An invitation.
    Invitation,
    /// A notice to the owner of an address that another person's sign-up has used. Clerk has no such message.
    AccountExists,
}

impl Template {
    /// All templates.
    pub const ALL: [Self; 4] = [Self::VerificationCode, Self::MagicLinkSignUp, Self::Invitation, Self::AccountExists];

    /// The slug.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerificationCode => "verification_code",
            Self::MagicLinkSignUp => "magic_link_sign_up",
            Self::Invitation => "invitation",
            Self::AccountExists => "account_exists",
        }
    }
}

/// Its id.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignUp(id) => id.fmt(f),
            Self::SignIn(id) => id.fmt(f),
            Self::Invitation(id) => id.fmt(f),
        }
    }
}

impl From<SignUpId> for Origin {
    fn from(id: SignUpId) -> Self {
        Self::SignUp(id)
    }
}

impl From<SignInId> for Origin {
    fn from(id: SignInId) -> Self {
        Self::SignIn(id)
    }
}

impl From<InvitationId> for Origin {
    fn from(id: InvitationId) -> Self {
        Self::Invitation(id)
    }
}

impl Origin {
    /// The object with this id; `None` for ids of other kinds.
    pub fn parse(id: &str) -> Option<Self> {
        let sign_up = || id.parse().ok().map(Self::SignUp);
        sign_up().or_else(|| id.parse().ok().map(Self::SignIn)).or_else(|| id.parse().ok().map(Self::Invitation))
    }

    /// The bytes of its id.
    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::SignUp(id) => id.as_bytes(),
            Self::SignIn(id) => id.as_bytes(),
            Self::Invitation(id) => id.as_bytes(),
        }
    }
}

impl Content {
    /// What it is for. A decoy stands for a code.
    pub const fn template(&self) -> Template {
        match self {
            Self::Code(_) | Self::Decoy => Template::VerificationCode,
            Self::Link { .. } => Template::MagicLinkSignUp,
            Self::Invitation(_) => Template::Invitation,
            Self::Notice => Template::AccountExists,
        }
    }

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
