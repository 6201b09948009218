//! The configuration: `config/default.toml`, a file, the environment and flags, applied in this order key by key.
//!
//! This room knows what can be chosen in the rooms that it configures (`Durability`, `Security`, …), and builds none of
//! them: `startup` does. Begin reading at `load.rs`. `config/default.toml` documents each key.

mod checks;
mod differences;
mod document;
mod documented;
mod effective;
mod error;
mod layer;
mod limits;
mod load;
mod message_apis;
mod message_checks;
mod near_misses;
mod nearest;
mod providers;
mod reload;
mod risks;
mod samples;
mod sections;
mod settings_json;
mod suggest;
mod values;
mod words;

pub use differences::Difference;
pub use error::ConfigError;
pub use layer::Place;
pub use load::{Config, Sources};
pub use message_apis::{
    PostmarkSection, ResendSection, SendGridSection, SesSection, SmsHttpSection, TwilioSection, VonageSection,
};
pub use near_misses::near_misses;
#[cfg(feature = "http-messages")]
pub use providers::message_api;
pub use reload::Reloaded;
#[cfg(feature = "unstable")]
pub use samples::SAMPLES;
pub use samples::sample_settings;
pub use sections::{
    BeforeSignUpCompletes, Captcha, DeliveredBy, DkimSection, Email, Events, Instance, Limits, Messages,
    OnFailureChoice, Passkeys, Password, Server, Session, SignUp, Sms, SmsRoute, StoreSection, Telemetry, Verification,
    WebhookEndpointSection, WebhooksSection,
};
pub use settings_json::settings_of_json;
pub use values::{
    AllowedRedirect, Cdn, EmailTransport, InvalidValue, Listen, Mailbox, Mode, Network, Origin, PublicUrl,
    PublishableKey, RequestLog, SmsTransport, StoreKind, Text, WebUrl,
};

/// The content of `config/default.toml`: all defaults with their documentation.
pub const DEFAULT: &str = include_str!("../../config/default.toml");
