//! Checks whether a password is known from data breaches, by a range look-up: a service such as Have I Been Pwned gets
//! the first five hexadecimal digits of the password's SHA-1, the prefix, and answers with all known hashes that begin
//! with it. It learns neither the password nor the result. This room knows neither the person nor the reason.
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
