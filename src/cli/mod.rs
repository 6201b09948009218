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
mod reload;
mod report;
mod run;
mod serve;

pub use arguments::{Arguments, Command};
pub use banner::{Banner, banner};
pub use check::CheckArguments;
pub use healthcheck::healthcheck;
#[cfg(feature = "load")]
pub use load::{LoadArguments, load};
pub use run::run;
pub use serve::serve;
