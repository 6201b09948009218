//! Failures of an SMTP delivery: the text for the log, and what to do with the message.

use std::fmt;

use super::super::{Failure, FailureClass, Outcome};
use super::reply::Code;

/// Why a delivery failed. No text contains an address, a code, a password or the server's own text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The name does not resolve; the resolver's message.
    Unknown(String),
    /// The port refuses connections.
    RefusedPort,
    /// The server can't be reached; the system's message.
    Unreachable(String),
    /// A step timed out.
    Slow(Step),
    /// The whole delivery timed out.
    TooLong,
    /// The server closed the connection.
    Closed(Step),
    /// The reply is no SMTP.
    Garbled(Step),
    /// The reply is too large.
    TooLarge(Step),
    /// The server does not offer STARTTLS, which is required.
    NoStartTls,
    /// The TLS handshake failed; the library's message.
    Tls(String),
    /// The certificate is not valid; the reason.
    Certificate(String),
    /// The server offers no supported login mechanism.
    NoLogin,
    /// The login was rejected.
    Login(Code),
    /// The server rejected a command.
    Refused(Step, Code),
    /// The recipient address is not ASCII, and the server has no SMTPUTF8 (RFC 6531).
    AsciiOnly,
    /// The same for the sender address.
    AsciiSender,
    /// The server rejected the SMTPUTF8 parameters that a non-ASCII recipient needs.
    AsciiRefused(Code),
}

/// Steps of a session, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// DNS look-up.
    Lookup,
    /// TCP connection.
    Connect,
    /// The server's greeting.
    Greeting,
    /// `EHLO`.
    Hello,
    /// `STARTTLS`.
    StartTls,
    /// The TLS handshake.
    Handshake,
    /// `AUTH`.
    Login,
    /// `RSET`, after an unfinished message.
    Reset,
    /// `MAIL FROM`.
    Sender,
    /// `RCPT TO`.
    Recipient,
    /// `DATA`.
    Data,
    /// The content.
    Text,
}

impl Trouble {
    /// The outcome for the message; `server` is named in the reason.
    pub(super) fn outcome(&self, server: &str) -> Outcome {
        let advice = self.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        let failure = Failure::new(self.class(), format!("the mail server {server} {self}{advice}"));
        match self {
            Self::AsciiOnly | Self::AsciiRefused(_) => Outcome::Refused(failure),
            Self::Refused(step, code) if !concerns_all(*step, code) => {
                if code.is_permanent() {
                    Outcome::Refused(failure)
                } else {
                    Outcome::Retry(failure)
                }
            }
            _ => Outcome::Unavailable(failure),
        }
    }

    /// The kind of failure.
    fn class(&self) -> FailureClass {
        match self {
            Self::Unknown(_) | Self::RefusedPort | Self::Unreachable(_) | Self::Tls(_) | Self::Certificate(_) => {
                FailureClass::Unreachable
            }
            // Before it has the text it can't have accepted the message.
            Self::Slow(step) if *step < Step::Text => FailureClass::Unreachable,
            // It may have accepted the message, and only its answer was lost.
            Self::Slow(_) | Self::TooLong | Self::Closed(Step::Text) => FailureClass::Timeout,
            Self::Closed(_) | Self::Garbled(_) | Self::TooLarge(_) | Self::NoStartTls => FailureClass::Provider,
            Self::NoLogin | Self::Login(_) => FailureClass::Authentication,
            Self::AsciiOnly | Self::AsciiRefused(_) => FailureClass::Address,
            Self::AsciiSender => FailureClass::Sender,
            Self::Refused(_, code) if code.closes_connection() => FailureClass::Provider,
            Self::Refused(_, code) if code.is_about_login() => FailureClass::Authentication,
            Self::Refused(_, code) if code.is_about_sender() => FailureClass::Sender,
            Self::Refused(Step::Sender, _) => FailureClass::Sender,
            Self::Refused(Step::Recipient, _) => FailureClass::Address,
            Self::Refused(Step::Text, _) => FailureClass::Content,
            Self::Refused(..) => FailureClass::Provider,
        }
    }

    /// Turns a rejected `MAIL` into a failure of this message alone, if the rejected parameters were needed only for
    /// this recipient.
    pub(super) fn for_recipient_parameters(self) -> Self {
        match self {
            Self::Refused(_, code) if code.is_permanent() && code.is_about_parameters() && !code.is_about_sender() => {
                Self::AsciiRefused(code)
            }
            trouble => trouble,
        }
    }

    /// What the operator can do, if it concerns all messages and is not only the server's to mend.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(_) | Self::Slow(Step::Lookup) => Some("check `email.host` and this machine's DNS"),
            Self::RefusedPort => Some("check `email.host` and `email.port`"),
            Self::Unreachable(_) | Self::Slow(Step::Connect) => {
                Some("check `email.host` and `email.port`, and whether a firewall is in between")
            }
            // A server that begins with TLS waits for the client; one that does not answers TLS with its greeting.
            Self::Slow(Step::Greeting | Step::Handshake)
            | Self::Closed(Step::Greeting | Step::Handshake)
            | Self::Garbled(_)
            | Self::Tls(_) => Some("check `email.port`, and `email.security`, which has to fit it"),
            Self::NoStartTls => {
                Some("check `email.port`; where TLS begins with the connection, write `email.security = \"tls\"`")
            }
            Self::NoLogin => {
                Some("check `email.security`: many servers let log in only after TLS; or leave `email.username` out")
            }
            Self::Slow(_) => Some("if it is only slow, raise `email.command_timeout_s`"),
            Self::TooLong => Some("if it is only slow, raise `email.timeout_s`"),
            Self::AsciiSender => Some("write an address in ASCII there"),
            Self::Login(code) => code.is_permanent().then_some(LOGIN),
            Self::Refused(step, code) => remedy(*step, code),
            // The words of a certificate say it already; the others are about one recipient, or the server's own.
            Self::Certificate(_) | Self::AsciiOnly | Self::AsciiRefused(_) | Self::Closed(_) | Self::TooLarge(_) => {
                None
            }
        }
    }

    /// Whether the connection failed before the message was sent, so that a new connection may work.
    pub(super) fn is_connection_fault(&self) -> bool {
        match self {
            Self::Slow(step) | Self::Closed(step) | Self::Garbled(step) | Self::TooLarge(step) => *step < Step::Text,
            Self::Refused(Step::Reset, _) => true,
            Self::Refused(step, code) => code.closes_connection() && *step < Step::Text,
            _ => false,
        }
    }

    /// Whether the session can be used again after this rejection.
    pub(super) fn keeps_session(&self) -> bool {
        match self {
            // After a rejection that concerns all messages, the next try starts with a new login.
            Self::Refused(step, code) => !code.closes_connection() && !concerns_all(*step, code),
            Self::AsciiOnly | Self::AsciiSender | Self::AsciiRefused(_) => true,
            _ => false,
        }
    }
}

/// Whether a rejection at this step concerns all messages. Then the operator must fix it; it is no fault of this
/// message or its recipient.
///
/// Up to `MAIL` the server knows no recipient, and the sender is the same in all messages. A rejected `RCPT` usually
/// concerns the recipient (RFC 5321 4.3.2), but some servers reject the sender only there. A later rejection concerns
/// the content, or again the sender. The enhanced code (RFC 3463) tells the cases apart; without one only this message
/// fails.
fn concerns_all(step: Step, code: &Code) -> bool {
    step <= Step::Sender || code.closes_connection() || code.is_about_login() || code.is_about_sender()
}

/// What is wrong, without what to do. Reads as the end of a sentence that begins with "the mail server
/// mail.example.com:587".
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
                write!(f, "refused the login: it answered {code}")
            }
            Self::Refused(step, code) => write!(f, "answered {step} with {code}"),
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

/// What the operator can do about a permanent rejection of all messages.
fn remedy(step: Step, code: &Code) -> Option<&'static str> {
    match step {
        _ if code.closes_connection() => None,
        // 454 here concerns TLS (RFC 3207 4), not the login.
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
