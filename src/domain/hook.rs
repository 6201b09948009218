//! The application's say on a new user: what it is shown, and what it can answer. It is asked between the decision that
//! a sign-up has met every requirement and the commit that makes it a user.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::application_value::{ApplicationValue, InvalidValue, VALUES_MAX};
use super::event::Event;
use super::id::{ClientId, InvitationId, SignUpId, UserId};
use super::identifier::{EmailAddress, PhoneNumber, Username};
use super::metadata::Metadata;
use super::refusal::Refusal;
use super::rejection::{Reason, Rejection};
use super::time::Timestamp;
use super::user::{Conversion, Identification, UserAccount};

/// What the application is asked in the course of a sign-up.
///
/// ```
/// use vestibule::hooks::{Answer, BoxFuture, Hook, Refusal, UserToBe};
///
/// struct Colleagues;
///
/// impl Hook for Colleagues {
///     fn before_conversion<'a>(&'a self, user: &'a UserToBe) -> BoxFuture<'a, Answer> {
///         Box::pin(async move {
///             let is_ours = user.email_addresses.iter().any(|email| email.value.as_str().ends_with("@example.com"));
///             match Refusal::new("company_only", "Please use the address that your company gave you.") {
///                 Ok(refusal) if !is_ours => Answer::Refuse(refusal),
///                 _ => Answer::Allow,
///             }
///         })
///     }
/// }
/// ```
pub trait Hook: Send + Sync + 'static {
    /// Whether this person may become a user. It is asked when a sign-up has met every requirement, on every road, and
    /// only the calls on this one sign-up wait for the answer.
    ///
    /// It **may be asked again** for the same sign-up: after a refusal at the next step, and where the commit failed
    /// after the answer, because an identifier was taken meanwhile or the store could not write. So an answer is no
    /// promise that there will be a user: what must exist exactly when the user does belongs into the
    /// [additions](Answer::AllowWith). For one commit it is asked once.
    fn before_conversion<'a>(&'a self, user: &'a UserToBe) -> BoxFuture<'a, Answer>;
}

/// What the application is told after commits.
pub trait AfterCommit: Send + Sync + 'static {
    /// Tells of an event after the commit that made it: of each event **at least once**, in the order of the log, and of
    /// the next one when this one is taken. An event names what it is about, and holds no copy of it.
    ///
    /// A hook that fails is told again, after a second at first and after five minutes at last; it has failed if it
    /// answers [`TryAgain`], panics, or takes longer than 30 seconds. It delays only itself: other hooks and the calls of
    /// people do not wait for it. Its place in the log is stored under its name, so it goes on there after a restart,
    /// within the time for which events are kept. Under a new name it begins with what happens from then on.
    fn after_commit<'a>(&'a self, event: &'a Event) -> BoxFuture<'a, Result<(), TryAgain>>;
}

/// The answer of a hook that could not take an event: it is told of it again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryAgain;

/// A future that can be kept behind a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The answer of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The person becomes a user.
    Allow,
    /// The person becomes a user with something of the application's own, in the same commit.
    AllowWith(Additions),
    /// The person does not become a user. What was proved stays proved, the sign-up stays open until it is abandoned,
    /// and the next step that would complete it asks again.
    Refuse(Refusal),
    /// The application can't tell now: the same failure as an answer that is late ([`HookOptions::on_failure`]).
    Failed,
}

/// What the application adds to a new user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Additions {
    pub(crate) public_metadata: Option<Metadata>,
    pub(crate) values: Vec<ApplicationValue>,
}

/// The rules for asking a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookOptions {
    /// How long an answer may take: 5 seconds by default, and at most 10. A hook that takes longer has failed, and its
    /// future is dropped.
    pub deadline: Duration,
    /// What a failure means: [`Answer::Failed`], an answer that is late, a panic, or metadata that is too large beside
    /// what the user has.
    pub on_failure: OnFailure,
}

/// What the failure of a hook means for the sign-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is refused as `sign_up_check_failed`, and the person can try again.
    #[default]
    Refuse,
    /// It becomes a user, without additions.
    Allow,
}

impl HookOptions {
    /// Whether the deadline is one that the calls on a sign-up can wait for.
    pub(crate) fn is_bounded(&self) -> bool {
        !self.deadline.is_zero() && self.deadline <= DEADLINE_MAX
    }
}

impl Default for HookOptions {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(5), on_failure: OnFailure::Refuse }
    }
}

/// A finished sign-up and the user that it is about to become. It has no secret: neither the password's digest nor a
/// token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserToBe {
    /// The id of the sign-up.
    pub sign_up_id: SignUpId,
    /// The id that the user will have.
    pub user_id: UserId,
    /// The client, which is the browser or device, that signs up.
    pub client_id: ClientId,
    /// The origin of the page that began the sign-up, such as `https://example.com`, where the request had one.
    pub origin: Option<String>,
    /// When the sign-up began.
    pub began_at: Timestamp,
    /// The e-mail addresses, with how each was verified.
    pub email_addresses: Vec<Identification<EmailAddress>>,
    /// The phone numbers, with how each was verified.
    pub phone_numbers: Vec<Identification<PhoneNumber>>,
    /// The accounts at providers.
    pub external_accounts: Vec<UserAccount>,
    /// The username.
    pub username: Option<Username>,
    /// Whether a password was set.
    pub has_password: bool,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The id in the application's backend.
    pub external_id: Option<String>,
    /// Metadata that the person's browser gave, a JSON object as text.
    pub unsafe_metadata: String,
    /// Metadata from an invitation, a JSON object as text.
    pub public_metadata: String,
    /// The person's locale.
    pub locale: Option<String>,
    /// When the person accepted the legal terms.
    pub legal_accepted_at: Option<Timestamp>,
    /// The invitation that the sign-up uses.
    pub invitation_id: Option<InvitationId>,
}

impl UserToBe {
    /// What a conversion is about to make.
    pub(crate) fn of(conversion: &Conversion) -> Option<Self> {
        let Conversion { user, accepts, .. } = conversion;
        let sign_up = user.sign_up.as_deref()?;
        Some(Self {
            sign_up_id: sign_up.id,
            user_id: user.id,
            client_id: sign_up.client_id,
            origin: sign_up.origin.clone(),
            began_at: sign_up.created_at,
            email_addresses: user.email_addresses.clone(),
            phone_numbers: user.phone_numbers.clone(),
            external_accounts: user.external_accounts.clone(),
            username: user.username.clone(),
            has_password: user.has_password(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            external_id: user.external_id.clone(),
            unsafe_metadata: user.unsafe_metadata.clone(),
            public_metadata: user.public_metadata.clone(),
            locale: user.locale.clone(),
            legal_accepted_at: user.legal_accepted_at,
            invitation_id: *accepts,
        })
    }
}

impl Additions {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a JSON object that is merged into the user's public metadata (RFC 7396).
    ///
    /// # Errors
    /// Where `json` is no JSON object, or larger than metadata may be. The result of the merge has the same bound; a
    /// larger one is a failure of the hook.
    pub fn public_metadata(mut self, json: &str) -> Result<Self, Rejection> {
        self.public_metadata = Some(Metadata::parse("public_metadata", json)?);
        Ok(self)
    }

    /// With a value of the application, which is written in the user's own commit. A value that is there under the same
    /// key is replaced.
    ///
    /// # Errors
    /// [`InvalidValue::TooMany`] for the seventeenth.
    pub fn value(mut self, value: ApplicationValue) -> Result<Self, InvalidValue> {
        if self.values.len() == VALUES_MAX {
            return Err(InvalidValue::TooMany);
        }
        self.values.push(value);
        Ok(self)
    }
}

impl Conversion {
    /// Merges what the application adds to the user's metadata.
    ///
    /// # Errors
    /// Where the result is too large; then the user is unchanged.
    pub(crate) fn merge(&mut self, change: &Metadata) -> Result<(), Reason> {
        let merged = change.merged_into("public_metadata", &self.user.public_metadata)?;
        merged.as_str().clone_into(&mut self.user.public_metadata);
        Ok(())
    }
}

/// The longest deadline: as long as a shutdown waits for the calls in flight.
const DEADLINE_MAX: Duration = Duration::from_secs(10);
