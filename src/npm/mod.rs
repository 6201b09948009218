//! The bundles of Clerk's browser packages, `@clerk/clerk-js` and `@clerk/ui`: which files of them are served, and how they
//! get from a package registry into a folder. This room knows nothing of HTTP answers or configurations.
//!
//! Begin reading at [`Bundles`], which are the files in memory; `vendor` fills a folder for them.

mod bundle;
mod bundles;
mod package;
#[cfg(feature = "cli")]
mod unpack;
#[cfg(feature = "cli")]
mod vendor;

pub use bundle::Bundle;
pub use bundles::{Bundles, BundlesError, Found};
#[cfg(feature = "cli")]
pub(crate) use package::Wanted;
pub use package::{Package, is_file_name, is_selector};
#[cfg(feature = "cli")]
pub use vendor::{REGISTRY, Vendor};
