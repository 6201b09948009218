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
//! use vestibule::{AttemptVerification, Caller, Capture, Engine, NewSignUp, PrepareVerification, RequestContext};
//! use vestibule::{SignUpStatus, Strategy};
//!
//! let mail = Arc::new(Capture::new()); // or your own `Transport`
//! let settings = vestibule::sample_settings("email_code")?;
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
//! `examples/unit_test.rs` tests a sign-up with a clock that is moved by hand; see [`guide::testing`].
//!
//! What the engine shows serializes to what the Frontend API sends, byte for byte, with or without HTTP
//! ([`SignUpView`]); an [`EngineError`] tells its code, HTTP status and parameter.
//!
//! # Features
//!
//! All but the last three are on by default. Without any (`default-features = false`) the crate is the engine in
//! process with the store in memory, and has at most 100 packages; with the default features it has 252
//! (`cargo tree -e normal`).
//!
//! | Feature | What it adds | Packages with it alone |
//! |---|---|---|
//! | `server` | Clerk's Frontend API over HTTP ([`App`], [`bind`]) and the configuration ([`Config`]) | 122 |
//! | `smtp` | messages by [`Smtp`]; without it an embedder brings a [`Transport`] | 118 |
//! | `oauth` | accounts at providers ([`Providers`]), [`Captcha`], checks for leaked passwords ([`PwnedRange`]) | 152 |
//! | `sled` | the store on a disk ([`EmbeddedStore`]); without it there is [`MemoryStore`] | 110 |
//! | `phone` | phone numbers; without it settings that ask for them are refused | 123 |
//! | `zxcvbn` | an estimate of how hard a password is to guess, beyond the lists of known ones | 114 |
//! | `foreign-hashes` | password digests of other systems by bcrypt, scrypt and MD5 ([`guide::security`]) | 117 |
//! | `cli` | the binary; it brings `server`, `smtp`, `oauth` and `sled` | 205 |
//! | `load` | the load generator, and `vestibule load` in the binary | 131 |
//! | `rustcrypto` | another implementation of argon2id | |
//! | `test-util` | for tests of an embedder's own: the module `testing` ([`guide::testing`]) | |
//! | `unstable` | the rooms behind what is shown here, for the crate's own tests; they may change at any time | |
//!
//! # The rooms
//!
//! Imports go strictly downward: `startup` → `http` → `wire` → `engine` → `actors` → the adapters (`store`, `delivery`, `oauth`, `captcha`,
//! `token`, `password`, `pwned`, `limiter`) → `domain`, which is pure. Begin reading at `domain::sign_up`, or at
//! [`guide::design`], which describes the whole design. [`guide`] also has chapters about the wire, security, storage,
//! and operation.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod guide;

// The rooms. The crate's own tests and benches use them; embedders use only the items below, which alone are kept
// stable.
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod actors;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod captcha;
#[cfg(feature = "cli")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod cli;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod clock;
#[cfg(feature = "server")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod config;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod delivery;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod domain;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod engine;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod entropy;
#[cfg(feature = "server")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod http;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod limiter;
#[cfg(feature = "load")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod load;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod oauth;
#[cfg(feature = "oauth")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod outbound;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod password;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod pwned;
#[cfg(feature = "server")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod startup;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod store;
#[cfg(feature = "server")]
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod telemetry;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod token;
#[cfg_attr(not(feature = "unstable"), doc(hidden))]
pub mod wire;

/// For a store of your own: an ordered map of keys and values, from which [`KvStore`](storage::KvStore) makes a store
/// ([guide: To write a back end](guide::storage#to-write-a-back-end)).
pub mod storage {
    pub use crate::store::{CommitError, Health, KeyValue, KvStore, StoreError, Write};
}

#[cfg(feature = "test-util")]
pub mod testing;

pub use actors::ActorOptions;
#[cfg(feature = "oauth")]
pub use captcha::{Captcha, CaptchaProvider};
pub use clock::{Clock, SystemClock};
#[cfg(feature = "server")]
pub use config::{Config, ConfigError, Network, RequestLog, Sources, sample_settings};
pub use delivery::{
    BoxFuture, Capture, Captured, Channel, ChannelHealth, ChannelStatus, Message, NullTransport, Outcome, Transport,
};
#[cfg(feature = "smtp")]
pub use delivery::{Security, Smtp, SmtpError, SmtpLimits, SmtpOptions};
pub use domain::client::session::Session;
pub use domain::field::Field;
pub use domain::id::{ClientId, InvitationId, SessionId, SignInId, SignUpId, UserId, WaitlistEntryId};
pub use domain::identifier::{EmailAddress, Identifier, IdentifierKind, PhoneNumber, Username};
pub use domain::invitation::NewInvitation;
pub use domain::metadata::Metadata;
pub use domain::policy::Policy;
pub use domain::ports::Entropy;
pub use domain::redirect::RedirectUrl;
pub use domain::rejection::{ErrorCode, Reason, Rejection};
pub use domain::requirements::Requirements;
pub use domain::secret::Secret;
pub use domain::settings::branding::Branding;
pub use domain::settings::source_limits::SourceLimits;
pub use domain::settings::{Attribute, Attributes, InvalidSettings, PasswordSettings, Settings, SignUpMode};
pub use domain::sign_in::Status as SignInStatus;
pub use domain::sign_up::{NewSignUp, Patch, SignUpPatch, Status as SignUpStatus};
pub use domain::time::{Span, Timestamp};
pub use domain::user::User;
pub use domain::verification::{AuthorizeParams, PhoneChannel, Strategy};
pub use engine::{
    AttemptFirstFactor, AttemptVerification, BackendKey, BuildError, CallbackRedirect, Caller, ClientView, Engine,
    EngineBuilder, EngineError, Followed, InvitationView, LinkOutcome, ListParams, NewSignIn, NotReady, Page,
    PrepareFirstFactor, PrepareVerification, ProviderCallback, RequestContext, SessionView, SignInView, SignUpView,
    TicketHolder, TicketStatus, TokenCarrier, Unready, WaitlistEntryView,
};
#[cfg(feature = "server")]
pub use http::{
    App, BoundServer, CapturedMessage, DevOutbox, HttpOptions, HttpService, PeerAddress, ResponseBody, ResponseFuture,
    bind,
};
#[cfg(feature = "oauth")]
pub use oauth::Providers;
#[cfg(feature = "oauth")]
pub use outbound::{Outbound, OutboundOptions};
pub use password::{HashOptions, HashParameters};
#[cfg(feature = "oauth")]
pub use pwned::PwnedRange;
#[cfg(feature = "server")]
pub use startup::{ConfiguredServer, StartupError};
#[cfg(feature = "sled")]
pub use store::{EmbeddedError, EmbeddedOptions, EmbeddedStore, Sealing, make_private};
pub use store::{MemoryStore, Store};
pub use token::{Algorithm, InstanceKey};
