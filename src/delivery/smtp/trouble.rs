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
    /// It takes no address outside ASCII (RFC 6531), and the recipient's is one.
    AsciiOnly,
    /// The same, and the sender's is one.
    AsciiSender,
    /// It refused how an address outside ASCII is announced, and the recipient's is one.
    AsciiRefused(Code),
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
            Self::AsciiOnly | Self::AsciiRefused(_) => Outcome::Refused { reason },
            Self::Refused(step, code) if !concerns_all(*step, code) => {
                if code.is_permanent() {
                    Outcome::Refused { reason }
                } else {
                    Outcome::Retry { reason }
                }
            }
            _ => Outcome::Unavailable { reason },
        }
    }

    /// The same, where `MAIL` has parameters for the sake of the recipient alone: a refusal of these says nothing of other
    /// messages.
    pub(super) fn of_parameters(self) -> Self {
        match self {
            Self::Refused(_, code) if code.is_permanent() && code.is_about_parameters() && !code.is_about_sender() => {
                Self::AsciiRefused(code)
            }
            trouble => trouble,
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
            // After a refusal that would meet every message the next try begins anew, with the login.
            Self::Refused(step, code) => !code.is_farewell() && !concerns_all(*step, code),
            Self::AsciiOnly | Self::AsciiSender | Self::AsciiRefused(_) => true,
            _ => false,
        }
    }
}

/// Whether a refusal at this step would meet every other message too: then it is the operator's to mend, and no fault of
/// this message or its recipient.
///
/// Up to `MAIL` the server has heard of no recipient, and the sender is the same for all messages. `RCPT` is about the
/// recipient (RFC 5321 4.3.2), though servers that wait with their judgement of the sender until then give it here; and
/// what comes after is about the text, which differs, or again about the sender. The enhanced code tells them apart
/// (RFC 3463); a refusal without one counts against the one message.
fn concerns_all(step: Step, code: &Code) -> bool {
    step <= Step::Sender || code.is_farewell() || code.is_about_login() || code.is_about_sender()
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
            Self::Login(code) => {
                write!(f, "refused the login: it answered {code}")?;
                if code.is_permanent() { write!(f, "; {LOGIN}") } else { Ok(()) }
            }
            Self::Refused(step, code) => {
                write!(f, "answered {step} with {code}")?;
                remedy(*step, code).map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
            }
            Self::AsciiOnly => write!(f, "does not take addresses outside ASCII (it offers no SMTPUTF8)"),
            Self::AsciiSender => {
                write!(f, "does not take addresses outside ASCII (it offers no SMTPUTF8), and `email.from` is one")
            }
            Self::AsciiRefused(code) => {
                write!(f, "does not take an address outside ASCII: it answered MAIL with {code}")
            }
        }
    }
}

/// What the operator can do about a refusal that meets every message and does not pass by itself.
fn remedy(step: Step, code: &Code) -> Option<&'static str> {
    match step {
        _ if code.is_farewell() => None,
        // 454 here is about TLS (RFC 3207 4), not about the login.
        Step::StartTls => code.is_permanent().then_some("check `email.security` and `email.port`"),
        _ if code.is_about_login() => Some(LOGIN),
        Step::Greeting if code.is_permanent() => Some("it does not serve this machine: check `email.host`"),
        Step::Hello if code.is_permanent() => Some("check `email.hello_name`"),
        Step::Sender if code.is_permanent() => Some(SENDER),
        _ => code.is_about_sender().then_some(SENDER),
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

const LOGIN: &str = "check `email.username` and `email.password`";
const SENDER: &str = "it refuses the sender: check `email.from`, and whether this login may send for it";
