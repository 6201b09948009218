//! What an examination of a provider sees on the way, step by step.

use std::fmt;
use std::net::SocketAddr;

use crate::domain::time::Timestamp;

/// A step that went well. The steps come in this order; not every provider has all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// The name has these addresses.
    Found(Vec<SocketAddr>),
    /// This address took the connection.
    Connected(SocketAddr),
    /// The server greeted, and told what it offers.
    Greeted,
    /// The connection is encrypted.
    Protected(TlsFacts),
    /// It took the login, by this mechanism.
    LoggedIn(&'static str),
    /// It took this sender.
    SenderTaken(String),
    /// It took the recipient.
    RecipientTaken,
    /// It took the message, and said this, such as the id in its queue.
    Accepted(String),
}

/// What is known of an encrypted connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// The version, such as `TLS 1.3`.
    pub version: String,
    /// When the server's certificate ends.
    pub ends_at: Option<Timestamp>,
}

/// Takes the steps of an examination.
pub(super) type Tell<'a> = &'a (dyn Fn(Milestone) + Send + Sync);

impl Milestone {
    /// The step in a word or two.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Found(_) => "look-up",
            Self::Connected(_) => "connection",
            Self::Greeted => "greeting",
            Self::Protected(_) => "TLS",
            Self::LoggedIn(_) => "login",
            Self::SenderTaken(_) => "sender",
            Self::RecipientTaken => "recipient",
            Self::Accepted(_) => "accepted",
        }
    }
}

impl fmt::Display for Milestone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(addresses) => {
                let addresses: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
                f.write_str(&addresses.join(", "))
            }
            Self::Connected(address) => write!(f, "{address}"),
            Self::Greeted => f.write_str("it speaks SMTP"),
            Self::Protected(facts) => f.write_str(&facts.version),
            Self::LoggedIn(mechanism) => f.write_str(mechanism),
            Self::SenderTaken(sender) => f.write_str(sender),
            Self::RecipientTaken => f.write_str("the address is taken"),
            Self::Accepted(said) => f.write_str(said),
        }
    }
}
