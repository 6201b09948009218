//! Clerk's shapes ([guide: The contract](crate::guide::contract)). They are rendered from the engine's views and know
//! nothing else: no request, no cookie, no status.

mod client;
mod environment;
mod invitation;
mod session;
mod sign_in;
mod sign_up;
mod user;
mod verification;

pub(super) use client::ClientResource;
pub(super) use environment::{Instance, environment, handed_back};
pub(super) use invitation::{Waiting, invitation, waitlist_entry};
pub(super) use session::{SessionResource, TokenResource};
pub(super) use sign_in::SignInResource;
pub(super) use sign_up::SignUpResource;
pub(super) use user::UserResource;

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A value as the text it displays. Ids need it: serialised by themselves they are the bytes the store keeps.
#[derive(Clone, Copy, Debug)]
struct AsDisplay<T>(T);

impl<T: Display> Serialize for AsDisplay<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Metadata, which the domain keeps as the text of a JSON object.
#[derive(Clone, Copy, Debug)]
struct Metadata<'a>(&'a str);

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let object: serde_json::Map<_, _> = serde_json::from_str(self.0).unwrap_or_default();
        object.serialize(serializer)
    }
}

#[cfg(test)]
pub(super) mod samples;
