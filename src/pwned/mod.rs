//! Whether a password is known from data breaches, by a range look-up: a service such as Have I Been Pwned hears the
//! first five hexadecimal digits of the password's SHA-1 and answers with all known hashes that begin so. It learns
//! neither the password nor whether it was found. This room does not know whose password it is, nor why it is asked.
//!
//! Begin reading at [`PwnedRange::knows`].

#[cfg(not(feature = "oauth"))]
mod absent;
#[cfg(feature = "oauth")]
mod cache;
#[cfg(feature = "oauth")]
mod range;
#[cfg(feature = "oauth")]
mod trouble;

#[cfg(not(feature = "oauth"))]
pub use absent::PwnedRange;
#[cfg(feature = "oauth")]
pub use range::PwnedRange;
