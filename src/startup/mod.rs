//! From a configuration to a server: the store, the transports, the engine and the options of HTTP, as the binary builds
//! them, for every program that has a configuration. This room reads no arguments and no environment, prints nothing,
//! handles no signals and starts no log.
//!
//! Begin reading at [`ConfiguredServer`].

#[cfg(all(feature = "cli", feature = "postgres"))]
mod copying;
mod diagnostics;
mod engine;
mod error;
mod http_options;
#[cfg(feature = "sled")]
mod key_file;
mod messages;
#[cfg(feature = "cli")]
mod overrides;
mod server;
mod storage;
mod transports;

#[cfg(all(feature = "cli", feature = "postgres"))]
pub use copying::copy_store;
#[cfg(any(feature = "cli", feature = "unstable"))]
pub use diagnostics::{data_error, listen_error};
pub use error::StartupError;
#[cfg(feature = "cli")]
pub use http_options::bundles;
#[cfg(all(feature = "sled", any(feature = "cli", feature = "unstable")))]
pub use key_file::{inspect, weakness};
#[cfg(feature = "cli")]
pub use messages::{dkim, message_style};
#[cfg(feature = "cli")]
pub use overrides::{drop_overrides, overrides};
pub use server::ConfiguredServer;
#[cfg(all(feature = "cli", feature = "postgres"))]
pub use storage::project;
#[cfg(feature = "cli")]
pub use storage::{look_at_database, migrate};
#[cfg(any(feature = "cli", feature = "unstable"))]
pub use transports::{ConfiguredProvider, email_transport, provider, provider_names, sms_transport};
