//! Messages to people: codes, links, invitations and notices.

use std::fmt;
use std::str::FromStr;

use super::id::{AddressVerificationId, InvitationId, MalformedId, MessageId, SignInId, SignUpId, UserId};
use super::identifier::{Identifier, IdentifierKind};
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
    /// Tells the user that the password was changed.
    PasswordChanged,
    /// Tells the user that a second factor was removed.
    SecondFactorRemoved,
    /// Tells the user, at the address that was the primary one, that another one is now.
    PrimaryEmailChanged,
    /// Tells the user that a passkey was added.
    PasskeyAdded,
    /// Tells the user that a passkey was removed.
    PasskeyRemoved,
    /// Tells the user that a second factor was added.
    SecondFactorAdded,
    /// Tells the user that new backup codes were made.
    BackupCodesCreated,
    /// Tells the user that an account at a provider was connected.
    ExternalAccountConnected,
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
    /// The application's backend, or the person in the own profile, verifies an address of a user.
    AddressVerification(AddressVerificationId),
    /// A user was changed.
    User(UserId),
}

/// What a message is for. The names are the slugs of Clerk's templates, where Clerk has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Template {
    /// A code that proves an address.
    VerificationCode,
    /// A link that proves the address of a sign-up, perhaps with a code.
    MagicLinkSignUp,
    /// A link that signs in, perhaps with a code.
    MagicLinkSignIn,
    /// A link that proves an address which a user adds in the own profile, perhaps with a code.
    MagicLinkUserProfile,
    /// An invitation.
    Invitation,
    /// A notice to the owner of an address that another person's sign-up has used. Clerk has no such message.
    AccountExists,
    /// A notice to a user whose password was changed.
    PasswordChanged,
    /// A notice to a user who has a second factor less. Clerk has no such message.
    SecondFactorRemoved,
    /// A notice to the address that was a user's primary one.
    PrimaryEmailAddressChanged,
    /// A notice to a user who has a passkey more.
    PasskeyAdded,
    /// A notice to a user who has a passkey less.
    PasskeyRemoved,
    /// A notice to a user who has a second factor more. Clerk has no such message.
    SecondFactorAdded,
    /// A notice to a user who has new backup codes. Clerk has no such message.
    BackupCodesCreated,
    /// A notice to a user who has an account at a provider more. Clerk has no such message.
    ExternalAccountConnected,
}

/// Kinds of failures: what the operator looks at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// The address does not exist, can't be written, or takes no messages.
    Address,
    /// The content was refused, for example as spam.
    Content,
    /// The provider does not accept the sender.
    Sender,
    /// The provider does not accept the login or key.
    Authentication,
    /// The provider was sent more than it takes at a time, or than was paid for.
    RateLimited,
    /// The provider could not be reached: its name, its port or its certificate.
    Unreachable,
    /// The provider did not answer in time. It may have accepted the message.
    Timeout,
    /// The provider answered with a failure of its own, or not in its protocol.
    Provider,
    /// The instance has no transport for the channel.
    Unconfigured,
    /// Its time was over before a provider took it.
    Expired,
    /// It was sealed under another instance key.
    Unreadable,
    /// The recipient complained to the provider about it.
    Complaint,
}

/// Messages of one kind that one kind of limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitedMessages {
    /// What kind of addresses they were for.
    pub to: IdentifierKind,
    /// Which limit refused them.
    pub by: MessageBudget,
    /// How many they were.
    pub count: u32,
}

/// A limit of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MessageBudget {
    /// What one source, or the network around it, may cause.
    Source,
    /// What may be sent to one range of numbers, or to one country.
    Destination,
    /// What may be sent to one address, and for one client.
    Address,
}

/// What has become of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// It waits in the outbox, or is being sent.
    Queued,
    /// Its transport has taken it.
    Sent,
    /// Its provider reported that it has arrived.
    Delivered,
    /// It was refused, has expired, or its provider reported that it did not arrive.
    Failed,
}

impl MessageStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sent, Self::Delivered, Self::Failed];

    /// Whether it waits in the outbox.
    pub const fn is_queued(self) -> bool {
        matches!(self, Self::Queued)
    }

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

impl Template {
    /// All templates.
    pub const ALL: [Self; 14] = [
        Self::VerificationCode,
        Self::MagicLinkSignUp,
        Self::MagicLinkSignIn,
        Self::MagicLinkUserProfile,
        Self::Invitation,
        Self::AccountExists,
        Self::PasswordChanged,
        Self::SecondFactorRemoved,
        Self::PrimaryEmailAddressChanged,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::SecondFactorAdded,
        Self::BackupCodesCreated,
        Self::ExternalAccountConnected,
    ];

    /// The template of a message with this content, made for `origin`.
    pub const fn of(content: &Content, origin: Option<&Origin>) -> Self {
        match (content, origin) {
            (Content::Link { .. }, Some(Origin::SignIn(_))) => Self::MagicLinkSignIn,
            (Content::Link { .. }, Some(Origin::AddressVerification(_))) => Self::MagicLinkUserProfile,
            _ => content.template(),
        }
    }

    /// Whether its link proves an address.
    pub const fn is_magic_link(self) -> bool {
        matches!(self, Self::MagicLinkSignUp | Self::MagicLinkSignIn | Self::MagicLinkUserProfile)
    }

    /// Whether it tells a user of a change of the own account. Such a notice is sent unasked.
    pub const fn is_notice_of_a_change(self) -> bool {
        match self {
            Self::VerificationCode
            | Self::MagicLinkSignUp
            | Self::MagicLinkSignIn
            | Self::MagicLinkUserProfile
            | Self::Invitation
            | Self::AccountExists => false,
            Self::PasswordChanged
            | Self::SecondFactorRemoved
            | Self::PrimaryEmailAddressChanged
            | Self::PasskeyAdded
            | Self::PasskeyRemoved
            | Self::SecondFactorAdded
            | Self::BackupCodesCreated
            | Self::ExternalAccountConnected => true,
        }
    }

    /// The slug.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VerificationCode => "verification_code",
            Self::MagicLinkSignUp => "magic_link_sign_up",
            Self::MagicLinkSignIn => "magic_link_sign_in",
            Self::MagicLinkUserProfile => "magic_link_user_profile",
            Self::Invitation => "invitation",
            Self::AccountExists => "account_exists",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::PrimaryEmailAddressChanged => "primary_email_address_changed",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::SecondFactorAdded => "second_factor_added",
            Self::BackupCodesCreated => "backup_codes_created",
            Self::ExternalAccountConnected => "external_account_connected",
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
            Self::AddressVerification(id) => id.fmt(f),
            Self::User(id) => id.fmt(f),
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

impl From<AddressVerificationId> for Origin {
    fn from(id: AddressVerificationId) -> Self {
        Self::AddressVerification(id)
    }
}

impl From<UserId> for Origin {
    fn from(id: UserId) -> Self {
        Self::User(id)
    }
}

impl From<InvitationId> for Origin {
    fn from(id: InvitationId) -> Self {
        Self::Invitation(id)
    }
}

impl Origin {
    /// Its kind, as the wire names it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignUp(_) => "sign_up",
            Self::SignIn(_) => "sign_in",
            Self::Invitation(_) => "invitation",
            Self::AddressVerification(_) => "address_verification",
            Self::User(_) => "user",
        }
    }

    /// The bytes of its id.
    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        match self {
            Self::SignUp(id) => id.as_bytes(),
            Self::SignIn(id) => id.as_bytes(),
            Self::Invitation(id) => id.as_bytes(),
            Self::AddressVerification(id) => id.as_bytes(),
            Self::User(id) => id.as_bytes(),
        }
    }
}

impl Content {
    /// The template of such a message, whatever it was made for ([`Template::of`]). A decoy has that of a code, because it takes
    /// the place of one.
    pub const fn template(&self) -> Template {
        match self {
            Self::Code(_) | Self::Decoy => Template::VerificationCode,
            Self::Link { .. } => Template::MagicLinkSignUp,
            Self::Invitation(_) => Template::Invitation,
            Self::Notice => Template::AccountExists,
            Self::PasswordChanged => Template::PasswordChanged,
            Self::SecondFactorRemoved => Template::SecondFactorRemoved,
            Self::PrimaryEmailChanged => Template::PrimaryEmailAddressChanged,
            Self::PasskeyAdded => Template::PasskeyAdded,
            Self::PasskeyRemoved => Template::PasskeyRemoved,
            Self::SecondFactorAdded => Template::SecondFactorAdded,
            Self::BackupCodesCreated => Template::BackupCodesCreated,
            Self::ExternalAccountConnected => Template::ExternalAccountConnected,
        }
    }

    /// Whether it tells a user of a change of the own account. Such a notice is sent unasked.
    pub const fn is_notice_of_a_change(&self) -> bool {
        self.template().is_notice_of_a_change()
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

impl FailureClass {
    /// All classes.
    pub const ALL: [Self; 12] = [
        Self::Address,
        Self::Content,
        Self::Sender,
        Self::Authentication,
        Self::RateLimited,
        Self::Unreachable,
        Self::Timeout,
        Self::Provider,
        Self::Unconfigured,
        Self::Expired,
        Self::Unreadable,
        Self::Complaint,
    ];

    /// Its name on the wire and in metrics, such as `rate_limited`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Content => "content",
            Self::Sender => "sender",
            Self::Authentication => "authentication",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Provider => "provider",
            Self::Unconfigured => "unconfigured",
            Self::Expired => "expired",
            Self::Unreadable => "unreadable",
            Self::Complaint => "complaint",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Origin {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let sign_in = || text.parse().map(Self::SignIn);
        let invitation = || text.parse().map(Self::Invitation);
        let verification = || text.parse().map(Self::AddressVerification);
        let user = || text.parse().map(Self::User);
        let other = || invitation().or_else(|_| verification()).or_else(|_| user());
        text.parse().map(Self::SignUp).or_else(|_| sign_in()).or_else(|_| other())
    }
}

/// How a phone code is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PhoneChannel {
    /// By text message.
    Sms,
    /// By WhatsApp, where a provider that sends by it is configured (`Policy::whatsapp`).
    WhatsApp,
}

impl PhoneChannel {
    /// The channel that clients name; `None` leaves the choice to the engine. Clients send the channel that the settings
    /// prefer for the number's country, or some channel where no code is sent. The person can't change that, so an
    /// unknown channel is no fault.
    pub fn named(text: &str) -> Option<Self> {
        match text {
            "sms" => Some(Self::Sms),
            "whatsapp" => Some(Self::WhatsApp),
            _ => None,
        }
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::WhatsApp => "whatsapp",
        }
    }
}
