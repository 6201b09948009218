//! What can be wrong with a mail server or a message, each in its own words and with what follows from it.

use std::fmt;

use super::super::Outcome;
use super::reply::Code;

/// Why a message was not handed over. None of it holds an address, a code or a password, nor a server's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Its name has no address; what the resolver says.
    Unknown(String),
    /// Nobody listens at its port.
    RefusedPort,
    /// It can't be reached; what the system says.
    Unreachable(String),
    /// It did not answer in time.
    Slow(Step),
    /// The message as a whole took too long.
    TooLong,
    /// It ended the connection.
    Closed(Step),
    /// It does not speak SMTP.
    Garbled(Step),
    /// Its answer is too large.
    TooLarge(Step),
    /// It has no STARTTLS, which is required.
    NoStartTls,
    /// TLS failed; what the library says.
    Tls(String),
    /// Its certificate does not hold; why.
    Certificate(String),
    /// It offers no way of logging in that is known here.
    NoLogin,
    /// It refused the login.
    Login(Code),
    /// It answered something else than yes.
    Refused(Step, Code),
    /// It takes no address outside ASCII (RFC 6531), and the message has one.
    AsciiOnly,
}

/// The steps of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// The look-up of its name.
    Lookup,
    /// The connection.
    Connect,
    /// Its first line.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// `AUTH`.
    Login,
    /// `RSET`, between two messages.
    Reset,
    /// `MAIL`.
    Sender,
    /// `RCPT`.
    Recipient,
    /// `DATA`.
    Data,
    /// The message itself.
    Text,
}

impl Trouble {
    /// What follows for the message, told of the server at `server`.
    pub(super) fn outcome(&self, server: &str) -> Outcome {
        let reason = format!("the mail server {server} {self}");
        match self {
            Self::AsciiOnly => Outcome::Refused { reason },
            // A refused login is the operator's to mend and no fault of the message. So is a server that refuses
            // everybody, before it has heard of a message.
            Self::Refused(step, code) if *step >= Step::Sender && !code.is_about_login() && !code.is_farewell() => {
                match (code.is_permanent(), step) {
                    (true, _) => Outcome::Refused { reason },
                    // The sender is the same for all messages.
                    (false, Step::Sender) => Outcome::Unavailable { reason },
                    (false, _) => Outcome::Retry { reason },
                }
            }
            _ => Outcome::Unavailable { reason },
        }
    }

    /// Whether it is the connection's, found before the message was given away: another connection may do.
    pub(super) fn is_of_the_connection(&self) -> bool {
        match self {
            Self::Slow(step) | Self::Closed(step) | Self::Garbled(step) | Self::TooLarge(step) => *step < Step::Text,
            Self::Refused(Step::Reset, _) => true,
            Self::Refused(step, code) => code.is_farewell() && *step < Step::Text,
            _ => false,
        }
    }

    /// Whether the server still listens on this connection, after it has answered something else than yes.
    pub(super) fn leaves_the_connection(&self) -> bool {
        match self {
            Self::Refused(step, code) => *step >= Step::Sender && !code.is_farewell() && !code.is_about_login(),
            Self::AsciiOnly => true,
            _ => false,
        }
    }
}

/// Goes on after "the mail server mail.example.com:587".
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(why) => write!(f, "was not found: its name could not be resolved ({why})"),
            Self::RefusedPort => write!(f, "refused the connection: nothing listens at this port"),
            Self::Unreachable(why) => write!(f, "could not be reached: {why}"),
            Self::Slow(Step::Lookup) => write!(f, "was not found: the look-up of its name took too long"),
            Self::Slow(Step::Connect) => write!(f, "could not be reached in time"),
            Self::Slow(Step::Greeting) => write!(f, "took the connection and did not greet in time"),
            Self::Slow(step) => write!(f, "did not answer {step} in time"),
            Self::TooLong => write!(f, "took too long for one message"),
            Self::Closed(Step::Greeting) => write!(f, "closed the connection without a greeting"),
            Self::Closed(step) => write!(f, "closed the connection at {step}"),
            Self::Garbled(step) => write!(f, "does not speak SMTP: its answer to {step} can't be read"),
            Self::TooLarge(step) => write!(f, "answered {step} with more than an answer may have"),
            Self::NoStartTls => write!(f, "does not offer STARTTLS, which `email.security` asks for"),
            Self::Tls(why) => write!(f, "could not agree on TLS: {why}"),
            Self::Certificate(why) => write!(f, "has a certificate that is not trusted: {why}"),
            Self::NoLogin => write!(f, "offers no way to log in that is known here (PLAIN, LOGIN)"),
            Self::Login(code) => write!(f, "refused the login: it answered {code}"),
            Self::Refused(step, code) => write!(f, "answered {step} with {code}"),
            Self::AsciiOnly => write!(f, "does not take addresses outside ASCII (it offers no SMTPUTF8)"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "the look-up",
            Self::Connect => "the connection",
            Self::Greeting => "the connection",
            Self::Hello => "EHLO",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "the TLS handshake",
            Self::Login => "AUTH",
            Self::Reset => "RSET",
            Self::Sender => "MAIL",
            Self::Recipient => "RCPT",
            Self::Data => "DATA",
            Self::Text => "the message",
        })
    }
}
