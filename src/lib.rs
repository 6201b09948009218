//! Vestibule: a sign-up engine, the room that people pass through before they are users.
//!
//! A sign-up on the server collects fields in any number of steps, verifies e-mail address and phone number, and
//! becomes a user with an active session at the moment when every requirement of the instance's settings is met. The
//! engine is built from actors, works in memory and is durable. Embed it, or run the binary, which serves Clerk's
//! Frontend API.
//!
//! # A complete sign-up in process
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use vestibule::messages::Capture;
//! use vestibule::settings::sample_settings;
//! use vestibule::{AttemptVerification, Caller, Engine, NewSignUp, PrepareVerification, RequestContext};
//! use vestibule::{SignUpStatus, Strategy};
//!
//! let mail = Arc::new(Capture::new()); // or your own `messages::Transport`
//! let settings = sample_settings("email_code")?;
//! let engine = Engine::builder().settings(settings).email(mail.clone()).build().await?;
//!
//! let context = RequestContext::default();
//! let sign_ups = engine.sign_ups();
//! let input = NewSignUp::new().email_address("Ada@Example.com");
//! let (sign_up, client) = sign_ups.create(&Caller::anonymous(), &input, &context).await?;
//! let token = client.new_token.ok_or("a new client has a token")?; // keep it: it is who the caller is
//!
//! let (id, caller) = (sign_up.id(), engine.identify(Some(token.expose())).await?);
//! sign_ups.prepare(&caller, id, &PrepareVerification::new(Strategy::EmailCode), &context).await?;
//! let message = mail.next_to("ada@example.com").await;
//! let code = message.code.clone().ok_or("the message carries a code")?.into_inner();
//! let attempt = AttemptVerification::code(Strategy::EmailCode, code);
//! let (done, client) = sign_ups.attempt(&caller, id, &attempt, &context).await?;
//!
//! assert_eq!(done.status, SignUpStatus::Complete);
//! println!("{} signed in: {}", client.sessions[0].user.id, client.sessions[0].session.id);
//! engine.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/embed.rs` does the same with a store on a disk and its own transport for messages. `examples/axum.rs`
//! mounts the Frontend API below a path of another server ([`Engine::http_service`]), `examples/http.rs` serves it
//! inside another program. `examples/custom_transport.rs` sends messages by a provider's HTTP API.
//! `examples/events.rs` follows what happens and keeps a table of its own; see [`guide::events`].
//! `examples/unit_test.rs` tests a sign-up with a clock that is moved by hand; see [`guide::testing`].
//!
//! What the engine shows serializes to what the Frontend API sends, byte for byte, with or without HTTP
//! ([`SignUpView`]); an [`EngineError`] tells its code, HTTP status and parameter.
//!
//! # Features
//!
//! All but the last three are on by default. Without any (`default-features = false`) the crate is the engine in
//! process with the store in memory, and has at most 100 packages; with the default features it has 335
//! (`cargo tree -e normal`).
//!
//! | Feature | What it adds | Packages with it alone |
//! |---|---|---|
//! | `server` | Clerk's Frontend API over HTTP ([`server`], [`Engine::http_service`]) and the [`configuration`] | 127 |
//! | `smtp` | messages by [`Smtp`](messages::Smtp); without it an embedder brings a [`Transport`](messages::Transport) | 118 |
//! | `http-messages` | messages by the HTTP APIs of providers ([`ApiTransport`](messages::ApiTransport)) | 128 |
//! | `oauth` | accounts at providers, captchas, checks for leaked passwords ([`services`]) | 146 |
//! | `sled` | the store on a disk ([`EmbeddedStore`](storage::EmbeddedStore)); without it there is [`MemoryStore`](storage::MemoryStore) | 110 |
//! | `phone` | phone numbers; without it settings that ask for them are refused | 123 |
//! | `zxcvbn` | an estimate of how hard a password is to guess, beyond the lists of known ones | 114 |
//! | `foreign-hashes` | password digests of other systems by bcrypt, scrypt and MD5 ([`guide::security`]) | 117 |
//! | `passkeys` | passkeys ([`passkeys`]); without it settings that ask for them are refused | 207 |
//! | `webhooks` | webhooks of what has happened, and their endpoints ([`Engine::webhooks`]) | 122 |
//! | `cli` | the binary; it brings `server`, `smtp`, `http-messages`, `oauth`, `passkeys`, `sled` and `webhooks` | 300 |
//! | `load` | `vestibule load` in the binary: the load generator; it brings `cli` | 307 |
//! | `rustcrypto` | another implementation of argon2id | |
//! | `test-util` | for tests of an embedder's own: the module `testing` ([`guide::testing`]) | |
//! | `unstable` | makes the rooms behind this face public, for the crate's own tests and benches; they may change in any release | |
//!
//! # What is public
//!
//! The root has what every embedder meets: the [`Engine`], the calls about [`SignUps`], [`SignIns`], [`Sessions`] and
//! [`Users`], what they take and answer, and why they refuse. What only some need is in modules by purpose, each with a
//! sentence below. All of it follows semantic versioning, and nothing else can be named: the rooms are private.
//!
//! Minor versions add to it. Views, errors, codes, strategies and statuses are `non_exhaustive`. Inputs and options, such
//! as [`NewSignUp`] and [`RequestContext`], are plain structs, so that a literal can say what it sets; end it with
//! `..Default::default()`, or with the `new` of a struct that must have a value, because a minor version may add a field
//! that changes nothing where it has its default.
//!
//! # The rooms
//!
//! Imports go strictly downward: `startup` → `http` → `wire` → `engine` → `actors` → the adapters (`store`, `delivery`, `oauth`, `captcha`,
//! `webhook`, `token`, `passkey`, `password`, `pwned`, `limiter`, `npm`) → `domain`, which is pure. Begin reading at `domain::sign_up`, or at
//! [`guide::design`], which describes the whole design. [`guide`] also has chapters about the wire, security, storage,
//! and operation.

#![cfg_attr(
    not(feature = "unstable"),
    allow(
        rustdoc::private_intra_doc_links,
        reason = "the guide leads into the rooms, which have pages with `unstable`"
    )
)]
#![cfg_attr(
    not(feature = "unstable"),
    allow(
        unreachable_pub,
        reason = "the rooms are private then; what they show each other is checked with `unstable`"
    )
)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod guide;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "test-util")]
pub mod testing;

// The rooms: private, unless the crate's own tests and benches ask for them by the feature `unstable`.
#[cfg(not(feature = "unstable"))]
mod actors;
#[cfg(feature = "unstable")]
pub mod actors;
#[cfg(not(feature = "unstable"))]
mod captcha;
#[cfg(feature = "unstable")]
pub mod captcha;
#[cfg(not(feature = "unstable"))]
mod clock;
#[cfg(feature = "unstable")]
pub mod clock;
#[cfg(all(feature = "server", not(feature = "unstable")))]
mod config;
#[cfg(all(feature = "server", feature = "unstable"))]
pub mod config;
#[cfg(not(feature = "unstable"))]
mod delivery;
#[cfg(feature = "unstable")]
pub mod delivery;
#[cfg(not(feature = "unstable"))]
mod domain;
#[cfg(feature = "unstable")]
pub mod domain;
#[cfg(not(feature = "unstable"))]
mod engine;
#[cfg(feature = "unstable")]
pub mod engine;
#[cfg(not(feature = "unstable"))]
mod entropy;
#[cfg(feature = "unstable")]
pub mod entropy;
#[cfg(all(feature = "server", not(feature = "unstable")))]
mod http;
#[cfg(all(feature = "server", feature = "unstable"))]
pub mod http;
#[cfg(not(feature = "unstable"))]
mod limiter;
#[cfg(feature = "unstable")]
pub mod limiter;
#[cfg(all(feature = "load", not(feature = "unstable")))]
mod load;
#[cfg(all(feature = "load", feature = "unstable"))]
pub mod load;
#[cfg(all(feature = "server", not(feature = "unstable")))]
mod npm;
#[cfg(all(feature = "server", feature = "unstable"))]
pub mod npm;
#[cfg(not(feature = "unstable"))]
mod oauth;
#[cfg(feature = "unstable")]
pub mod oauth;
#[cfg(not(feature = "unstable"))]
mod outbound;
#[cfg(feature = "unstable")]
pub mod outbound;
#[cfg(not(feature = "unstable"))]
mod passkey;
#[cfg(feature = "unstable")]
pub mod passkey;
#[cfg(not(feature = "unstable"))]
mod password;
#[cfg(feature = "unstable")]
pub mod password;
#[cfg(not(feature = "unstable"))]
mod pwned;
#[cfg(feature = "unstable")]
pub mod pwned;
#[cfg(all(feature = "server", not(feature = "unstable")))]
mod startup;
#[cfg(all(feature = "server", feature = "unstable"))]
pub mod startup;
#[cfg(not(feature = "unstable"))]
mod store;
#[cfg(feature = "unstable")]
pub mod store;
#[cfg(all(feature = "server", not(feature = "unstable")))]
mod telemetry;
#[cfg(all(feature = "server", feature = "unstable"))]
pub mod telemetry;
#[cfg(not(feature = "unstable"))]
mod token;
#[cfg(feature = "unstable")]
pub mod token;
#[cfg(not(feature = "unstable"))]
mod webhook;
#[cfg(feature = "unstable")]
pub mod webhook;
#[cfg(not(feature = "unstable"))]
mod wire;
#[cfg(feature = "unstable")]
pub mod wire;

// The public face; `tests/it/facade.rs` lists it. First what every embedder meets: the engine, who calls it, what its
// calls take and answer, and why they refuse.
pub use domain::field::Field;
pub use domain::id::{ClientId, MalformedId, SessionId, SignInId, SignUpId, UserId};
pub use domain::rejection::{ErrorCode, Reason, Rejection};
pub use domain::requirements::Requirements;
pub use domain::secret::Secret;
pub use domain::settings::Settings;
pub use domain::sign_in::{Factor, FactorAddress, Status as SignInStatus};
pub use domain::sign_up::{NewSignUp, Patch, SignUpPatch, Status as SignUpStatus};
pub use domain::time::{Span, Timestamp};
pub use domain::verification::{Strategy, UnknownStrategy};
pub use engine::{
    AttemptFirstFactor, AttemptVerification, BuildError, Caller, ClientView, Engine, EngineBuilder, EngineError,
    NewSignIn, NotReady, PrepareFirstFactor, PrepareVerification, RequestContext, SessionView, Sessions, SignInView,
    SignIns, SignUpView, SignUps, Users,
};

/// Users with their addresses, accounts and sessions: what sign-ups become and sign-ins find.
pub mod users {
    pub use crate::domain::client::activity::{Activity, Browser, System};
    pub use crate::domain::client::reverification::{Level, Reverification, ReverificationStatus};
    pub use crate::domain::client::session::{Session, SessionStatus, SessionTask};
    pub use crate::domain::id::{AddressVerificationId, ExternalAccountId, IdentificationId};
    pub use crate::domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
    pub use crate::domain::metadata::Metadata;
    pub use crate::domain::sign_in::SignInAttempts;
    pub use crate::domain::user::{
        AddressChange, AddressStatus, AddressVerification, Connection, EndReason, Identification, MetadataChange,
        NewUser, Passkey, ProfilePatch, Purpose, SecondFactorChange, SecondFactors, SessionsEnded, Totp, UsedCode,
        User, UserAccount, UserChange, UserFields, UserPatch,
    };
    pub use crate::domain::verification::Profile;
    pub use crate::engine::{
        AttemptSecondFactor, CodeKind, NewOwnPassword, NewPasskey, OwnUser, ResetPassword, ReverificationView,
        ReverifyAttempt, ReverifyPrepare, SessionListParams, TotpView, UserFilter, UserListParams,
    };
}

/// What an application's own backend does: invitations, the waiting list, sign-in tokens, and sign-ups that wait for it.
pub mod backend {
    pub use crate::domain::id::{
        InstanceId, InvitationId, ListedIdentifierId, RedirectUrlId, SignInTokenId, WaitlistEntryId,
    };
    pub use crate::domain::invitation::{Invitation, InvitationState, InvitationStatus, NewInvitation};
    pub use crate::domain::listed::{List, ListedIdentifier, ListedRedirect};
    pub use crate::domain::settings::overrides::{OverrideValue, Overrides, PreferredStrategy};
    pub use crate::domain::sign_in_token::{SignInToken, SignInTokenStatus};
    pub use crate::domain::sign_up::BackendUpdate;
    pub use crate::domain::waitlist::{WaitlistEntry, WaitlistStatus};
    pub use crate::engine::{
        BackendKey, Instance, InvitationView, Invitations, ListParams, ListedIdentifierView, OverridesView, Page,
        SignInTokenView, SignInTokens, Waitlist, WaitlistEntryView,
    };
    pub use crate::wire::backend::{
        BackendAddressVerification, BackendClient, BackendEmailAddress, BackendPhoneNumber, BackendSession,
        BackendUser, DeletedObject,
    };
}

/// Webhooks: requests that tell the application's backend what has happened
/// ([guide: Webhooks](crate::guide::contract_backend#webhooks)).
#[cfg(feature = "webhooks")]
pub mod webhooks {
    pub use crate::domain::id::{EventId, MessageId, WebhookEndpointId};
    pub use crate::domain::webhook::{Disabled, EndpointOwner, State as EndpointState};
    pub use crate::engine::{
        ComposedMessage, EventData, MessageWebhooks, NewWebhookEndpoint, Unusable, WebhookAttempt,
        WebhookEndpointPatch, WebhookEndpointView, Webhooks,
    };
    pub use crate::webhook::{
        EventType, ReceivedHeaders, SecretError, SigningSecret, SigningSecrets, UrlError, VerifyError, verify,
    };
}

/// The application's say on new users: a hook that is asked before a sign-up becomes one, values of the application
/// that are written in the same commit, and hooks that are told what was committed
/// ([`EngineBuilder::before_conversion`], [`Engine::values`], [`EngineBuilder::after_commit`]).
pub mod hooks {
    pub use crate::domain::application_value::{ApplicationValue, InvalidValue, ValueKey};
    pub use crate::domain::hook::{
        Additions, AfterCommit, Answer, BoxFuture, Hook, HookOptions, OnFailure, TryAgain, UserToBe,
    };
    pub use crate::domain::refusal::{InvalidRefusal, Refusal};
    pub use crate::engine::Values;
}

/// What has happened to sign-ups, users, sessions and what belongs to them, for an application that follows it
/// ([`Engine::events`], [guide: Events](crate::guide::events)).
pub mod events {
    pub use crate::domain::client::session::SessionStatus;
    pub use crate::domain::event::{EndUser, Event, Happened, MalformedPosition, Position};
    pub use crate::domain::id::{EventId, MessageId};
    pub use crate::engine::{Cursor, EventStream, Events, EventsFrom};
}

/// What brings a browser to the engine and sends it on: e-mail links, providers, tickets, handshakes. For embedders that serve these
/// paths themselves; [`server`] does it for all others.
pub mod redirects {
    pub use crate::domain::redirect::RedirectUrl;
    pub use crate::domain::verification::AuthorizeParams;
    pub use crate::engine::{
        ApprovedLink, CallbackRedirect, Followed, Handshake, HandshakeRequest, LinkOutcome, ProviderCallback,
        TicketHolder, TicketStatus, TokenCarrier,
    };
}

/// What a sign-up asks for, how it is verified, and who may sign up: the parts of [`Settings`]
/// ([guide: Settings](crate::guide::settings)).
pub mod settings {
    #[cfg(feature = "server")]
    pub use crate::config::sample_settings;
    pub use crate::domain::identifier::UsernameSettings;
    pub use crate::domain::settings::branding::Branding;
    pub use crate::domain::settings::restrictions::{
        AccessList, Disposable, Domains, InvalidDomain, InvalidPattern, Pattern, Patterns, PhoneCountries, Restrictions,
    };
    pub use crate::domain::settings::{
        Actions, AttackProtection, Attribute, Attributes, EmailLinkProtection, InvalidSettings, Mfa, OAuth,
        PasskeySettings, PasswordSettings, SignUpMode, SignUpSettings, Social, Switch, UserLockout,
    };
}

/// How much, how long, and at what cost: lifetimes, quotas, places for requests, and what a password hash costs.
pub mod limits {
    pub use crate::actors::ActorOptions;
    pub use crate::domain::policy::{AddressLimits, Policy};
    pub use crate::domain::settings::source_limits::{Budget, Conversion, SourceLimits};
    pub use crate::password::{HashOptions, HashParameters, Implementation as HashImplementation};
}

/// Time and chance, which an engine is given: those of the machine, unless a test has its own.
pub mod ports {
    pub use crate::clock::{Clock, SystemClock};
    pub use crate::domain::ports::Entropy;
}

/// How messages leave: a [`Transport`](messages::Transport) for each channel, by SMTP or of an embedder's own.
pub mod messages {
    #[cfg(any(feature = "server", feature = "smtp"))]
    pub use crate::delivery::Security;
    #[cfg(feature = "http-messages")]
    pub use crate::delivery::{
        ApiAnswer, ApiError, ApiLimits, ApiTransport, MessageApi, Postmark, Resend, SendGrid, Ses, SmsTemplate, Twilio,
        Vonage,
    };
    pub use crate::delivery::{
        BoxFuture, Callback, CallbackError, Capture, Captured, Channel, ChannelHealth, ChannelStatus, Color, Counted,
        Failure, FailureClass, Fallback, Logo, Message, MessageStyle, NamedTransport, NullTransport, Outcome,
        ProviderState, ProviderStatus, Receipt, Report, ReportedState, Route, StyleError, TemplateError, TemplateFault,
        Templates, Transport,
    };
    #[cfg(feature = "smtp")]
    pub use crate::delivery::{Dkim, DkimError, Smtp, SmtpError, SmtpLimits, SmtpOptions};
    pub use crate::domain::id::MessageId;
    pub use crate::domain::message::{MessageBudget, MessageStatus, Origin, Template};
    pub use crate::domain::verification::PhoneChannel;
    pub use crate::engine::{ChannelView, MessageFilter, MessagePage, MessageView, Messages, ReportRefusal};
}

/// Where data is kept: in memory, on a disk, or in an ordered map of an embedder's own
/// ([guide: To write a back end](crate::guide::storage#to-write-a-back-end)).
pub mod storage {
    pub use crate::store::Durability;
    #[cfg(any(feature = "sled", feature = "postgres"))]
    pub use crate::store::Sealing;
    #[cfg(feature = "sled")]
    pub use crate::store::ledger::OpenError;
    pub use crate::store::{CommitError, Health, KeyValue, KvStore, MemoryStore, Store, StoreError, Unready, Write};
    #[cfg(all(feature = "sled", feature = "postgres"))]
    pub use crate::store::{Copied, CopyError, CopyPlace, CopyProgress, CopySummary, copy};
    #[cfg(feature = "sled")]
    pub use crate::store::{EmbeddedError, EmbeddedOptions, EmbeddedStore, make_private};
    #[cfg(feature = "postgres")]
    pub use crate::store::{
        NewUserSql, PostgresError, PostgresOptions, PostgresStore, Projected, SqlFailure, SqlStatement, SqlValue,
    };
}

/// The instance key, under which everything secret is encrypted and digested, and the kinds of signing keys.
pub mod keys {
    pub use crate::token::{Algorithm, InstanceKey, KeyFileError};
}

/// Passkeys: the domain that they are bound to ([guide: Passkeys](crate::guide::contract_sign_ins#passkeys)).
#[cfg(feature = "passkeys")]
pub mod passkeys {
    pub use crate::passkey::{InvalidRelyingParty, RelyingParty};
}

/// Other servers that the engine asks: providers of accounts, captcha services, lists of leaked passwords.
#[cfg(feature = "oauth")]
pub mod services {
    pub use crate::captcha::{Captcha, CaptchaError, CaptchaProvider};
    pub use crate::oauth::{ProviderError, Providers};
    pub use crate::outbound::{Outbound, OutboundError, OutboundOptions};
    pub use crate::pwned::PwnedRange;
}

/// Clerk's Frontend API over HTTP: as a server, or as a service to mount in another one
/// ([`Engine::http_service`]).
#[cfg(feature = "server")]
pub mod server {
    pub use crate::config::{Network, RequestLog};
    pub use crate::http::{
        App, BoundServer, CapturedMessage, DevOutbox, HttpOptions, HttpService, PeerAddress, ResponseBody,
        ResponseFuture, SentMessage, bind,
    };
    pub use crate::npm::{Bundles, BundlesError};
}

/// The binary's configuration, and the server that it describes, for programs that read the same files and variables
/// ([guide: Configuration](crate::guide::operating#configuration)).
#[cfg(feature = "server")]
pub mod configuration {
    pub use crate::config::{
        AllowedRedirect, BeforeSignUpCompletes, Captcha, Cdn, Config, ConfigError, DeliveredBy, Difference,
        DkimSection, Email, EmailTransport, Events, Instance, InvalidValue, Limits, Listen, Mailbox, Messages, Mode,
        OnFailureChoice, Origin, Passkeys, Password, Place, PostmarkSection, PublicUrl, PublishableKey, Reloaded,
        ResendSection, SendGridSection, Server, SesSection, Session, SignUp, Sms, SmsHttpSection, SmsRoute,
        SmsTransport, Sources, StoreKind, StoreSection, Telemetry, Text, TwilioSection, Verification, VonageSection,
        WebUrl, WebhookEndpointSection, WebhooksSection, near_misses,
    };
    pub use crate::startup::{ConfiguredServer, StartupError};
    pub use crate::telemetry::LogFormat;
}
