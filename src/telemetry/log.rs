//! Log output: target, filter and format.

use std::env::{self, VarError};
use std::io::{self, IsTerminal};

use tracing::{Dispatch, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::LogFormat;
use super::hold_back::HoldBack;
use super::single_line::Fields;

/// The value of `RUST_LOG` is not a valid filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`RUST_LOG` can't be read: {0}; write it like \"info,vestibule=debug\", or leave it out")]
pub struct FilterError(String);

/// Starts logging to standard error, in colours if it is a terminal and `NO_COLOR` is not set. `RUST_LOG` is the
/// filter; the default is `info`. A line that repeats is logged once and then counted. Does nothing if the process
/// already has a subscriber.
///
/// # Errors
/// When `RUST_LOG` is not a valid filter.
pub fn init(format: LogFormat) -> Result<(), FilterError> {
    let filter = match env::var("RUST_LOG") {
        Ok(text) => filter(&text)?,
        Err(VarError::NotPresent) => filter("")?,
        Err(VarError::NotUnicode(_)) => return Err(FilterError("it is not text".into())),
    };
    let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let colours = !plain && io::stderr().is_terminal();
    let held = HoldBack::new();
    if dispatch(format, filter, colours, io::stderr, held.clone()).try_init().is_err() {
        tracing::debug!("the process logs already");
    } else if let Err(error) = held.spawn_summing() {
        tracing::warn!(%error, "repeated lines are left out, and their number can't be logged");
    }
    Ok(())
}

/// A log as [`init`] starts it, without colours, which writes to `writer` and is in force where it is made the default.
/// `chosen` is a filter as in `RUST_LOG`; an empty one means the default. How often a line was held back is not told.
///
/// # Errors
/// When `chosen` is not a valid filter.
#[cfg(feature = "unstable")]
pub fn log_to<W>(format: LogFormat, chosen: &str, writer: W) -> Result<Dispatch, FilterError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(dispatch(format, filter(chosen)?, false, writer, HoldBack::new()))
}

fn dispatch<W>(format: LogFormat, filter: EnvFilter, colours: bool, writer: W, held: HoldBack) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    match format {
        LogFormat::Human => human(filter, colours, writer).with(held).into(),
        LogFormat::Json => json(filter, writer).with(held).into(),
    }
}

/// Parses a filter; an empty text means the default.
pub(super) fn filter(text: &str) -> Result<EnvFilter, FilterError> {
    let text = if text.trim().is_empty() { DEFAULT } else { text };
    EnvFilter::try_new(text).map_err(|error| FilterError(error.to_string()))
}

pub(super) fn human<W>(filter: EnvFilter, colours: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours);
    // If standard error is closed, reporting that there would panic, and the panic message would be lost too.
    lines.log_internal_errors(false).fmt_fields(Fields).with_writer(writer).finish()
}

fn json<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt().with_env_filter(filter).json().log_internal_errors(false).with_writer(writer).finish()
}

/// The library of passkeys calls each answer that proves nothing an error. Strangers can send any number of them, and the engine
/// says by itself what it refuses.
const DEFAULT: &str = "info,ractor=warn,sled=warn,webauthn_rs_core=off";

#[cfg(test)]
mod tests {
    use super::super::test_support::Lines;
    use super::*;

    #[test]
    fn one_event_is_one_line_whatever_its_fields_say() {
        let text = "one\ntwo\r\u{1b}[31mred\u{85}three\u{2028}four\u{7f}";
        for colours in [false, true] {
            let lines = Lines::default();
            let subscriber = human(filter("info").expect("a filter"), colours, lines.clone());
            tracing::subscriber::with_default(subscriber, || {
                let span = tracing::info_span!("work", sign_up.id = %text);
                let _inside = span.enter();
                tracing::info!(shown = %text, debugged = ?text, plain = text, n = 7, "message {text}");
            });
            let log = lines.text();
            assert_eq!(log.matches('\n').count(), 1, "{log}");
            assert!(log.ends_with('\n') && !log.contains("\u{1b}[31m") && !log.contains(['\r', '\u{85}', '\u{2028}']));
            let escaped = r"one\ntwo\r\u{1b}[31mred\u{85}three\u{2028}four\u{7f}";
            for part in ["message ", "shown=", "sign_up.id="] {
                assert!(log.contains(&format!("{part}{escaped}")), "{part}: {log}");
            }
            assert!(log.contains(" n=7"), "{log}");
            assert_eq!(log.contains('\u{1b}'), colours, "{log}");
        }
    }

    #[test]
    fn a_json_event_is_one_line_too() {
        let lines = Lines::default();
        let subscriber = json(filter("info").expect("a filter"), lines.clone());
        tracing::subscriber::with_default(subscriber, || tracing::info!(shown = %"one\ntwo\u{1b}", "three\nfour"));
        assert_eq!(lines.text().matches('\n').count(), 1, "{}", lines.text());
        let event: serde_json::Value = serde_json::from_str(&lines.text()).expect("JSON");
        assert_eq!(event["fields"]["shown"], "one\ntwo\u{1b}");
    }

    #[test]
    fn what_strangers_send_fills_no_log_by_way_of_the_library_of_passkeys() {
        let lines = Lines::default();
        let subscriber = human(filter("").expect("the default"), false, lines.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "webauthn_rs_core::core", "malformed");
            tracing::error!(target: "vestibule", "broken");
        });
        assert!(lines.text().contains("broken") && !lines.text().contains("malformed"), "{}", lines.text());
    }

    #[test]
    fn an_unreadable_filter_is_told_in_a_sentence() {
        for text in ["info,vestibule=loud", "vestibule=debug=info", "[{=}"] {
            let error = filter(text).expect_err(text).to_string();
            assert!(error.starts_with("`RUST_LOG` can't be read: "), "{error}");
        }
        assert_eq!(filter(" ").expect("the default").to_string(), filter(DEFAULT).expect("a filter").to_string());
    }
}
