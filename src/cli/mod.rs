//! The command line: the commands of the binary and its error messages. Only this room prints.
//!
//! Begin reading at `run`.

mod arguments;
mod banner;
mod check;
mod descriptors;
mod example;
mod healthcheck;
#[cfg(feature = "load")]
mod load;
mod mail;
mod messages;
mod migrate;
mod overrides;
mod reload;
mod report;
mod run;
mod serve;
#[cfg(feature = "postgres")]
mod store;
mod vendor;
mod webhooks;

use arguments::{Arguments, Command};
use banner::{Banner, banner};
use check::CheckArguments;
use healthcheck::healthcheck;
#[cfg(feature = "load")]
use load::{LoadArguments, load};
use mail::{MailArguments, mail};
use messages::{MessagesArguments, messages};
use migrate::migrate;
use overrides::{OverridesArguments, overrides};
pub use run::run;
use serve::serve;
#[cfg(feature = "postgres")]
use store::{StoreArguments, store};
use vendor::{VendorArguments, vendor};
use webhooks::{WebhooksArguments, webhooks};
