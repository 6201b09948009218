//! Checks whether a password is known from data breaches, by a range look-up: a service such as Have I Been Pwned gets
//! the first five hexadecimal digits of the password's SHA-1, the prefix, and answers with all known hashes that begin
//! with it. It learns neither the password nor the result. This room knows neither the person nor the reason.
//!
//! Begin reading at [`PwnedRange::knows`].

mod cache;
mod range;
mod trouble;

pub use range::PwnedRange;
