//! The exact quotas per address and per client: fixed windows of one hour, counted in the commit that uses them
//! ([guide: Admission and limits](crate::guide::design#admission-and-limits)). Pure functions: a counter and a use give
//! the next counter, or the time to wait.

use crate::domain::id::ClientId;
use crate::domain::identifier::{Identifier, IdentifierKind};
use crate::domain::policy::AddressLimits;
use crate::domain::quota::QuotaKind;
use crate::domain::time::{Span, Timestamp};

use super::key;
use super::record::{ClientShareV1, CounterRecordV1};

/// An address's counter after a use by `client`, or how long until the quota is available again.
///
/// A counter has entries only for clients with counted uses, so the limits bound its size; where they are very high,
/// [`ENTRIES_MAX`] does.
pub(in crate::store) fn use_quota(
    current: Option<&CounterRecordV1>,
    client: ClientId,
    what: QuotaKind,
    limits: &AddressLimits,
    at: Timestamp,
) -> Result<CounterRecordV1, Span> {
    let (start, mut messages, mut guesses, mut clients) = match current {
        Some(CounterRecordV1::Address { window_start, messages, guesses, clients })
            if is_running(*window_start, at) =>
        {
            (*window_start, *messages, *guesses, clients.clone())
        }
        _ => (at.as_millis(), 0, 0, Vec::new()),
    };
    let wait = || wait(start, at);
    let index = match clients.iter().position(|c| c.client == *client.as_bytes()) {
        Some(index) => index,
        None if clients.len() >= ENTRIES_MAX => return Err(wait()),
        None => {
            clients.push(ClientShareV1 { client: *client.as_bytes(), messages: 0, guesses: 0 });
            clients.len() - 1
        }
    };
    let share = &mut clients[index];
    match what {
        QuotaKind::Message | QuotaKind::OwnMessage => {
            let reserve = if what == QuotaKind::OwnMessage { limits.messages_per_client / 2 } else { 0 };
            count(&mut messages, limits.messages.saturating_add(reserve)).ok_or_else(wait)?;
            count(&mut share.messages, limits.messages_per_client).ok_or_else(wait)?;
        }
        QuotaKind::Guess => {
            count(&mut guesses, limits.guesses).ok_or_else(wait)?;
            count(&mut share.guesses, limits.guesses_per_client).ok_or_else(wait)?;
        }
        QuotaKind::Proof => {}
    }
    Ok(CounterRecordV1::Address { window_start: start, messages, guesses, clients })
}

/// A client's counter after a message to `address`, or how long until the quota is available again.
pub(in crate::store) fn charge_client(
    current: Option<&CounterRecordV1>,
    address: &Identifier,
    limits: &AddressLimits,
    at: Timestamp,
) -> Result<CounterRecordV1, Span> {
    let (start, mut sms, mut addresses) = match current {
        Some(CounterRecordV1::Client { window_start, sms, addresses }) if is_running(*window_start, at) => {
            (*window_start, *sms, addresses.clone())
        }
        _ => (at.as_millis(), 0, Vec::new()),
    };
    let wait = || wait(start, at);
    let short = shortened(address);
    if !addresses.contains(&short) {
        if addresses.len() >= ENTRIES_MAX.min(limits.addresses_per_client as usize) {
            return Err(wait());
        }
        addresses.push(short);
    }
    if address.kind == IdentifierKind::PhoneNumber {
        count(&mut sms, limits.sms_per_client).ok_or_else(wait)?;
    }
    Ok(CounterRecordV1::Client { window_start: start, sms, addresses })
}

/// Whether a counter has no effect any more.
pub(in crate::store) fn is_over(counter: &CounterRecordV1, at: Timestamp) -> bool {
    let (CounterRecordV1::Address { window_start, .. } | CounterRecordV1::Client { window_start, .. }) = counter;
    !is_running(*window_start, at)
}

fn count(used: &mut u32, limit: u32) -> Option<()> {
    *used = used.checked_add(1).filter(|used| *used <= limit)?;
    Some(())
}

/// Whether a window counts at `at`. Commits may be slightly out of order and clocks may be set back a little, so a
/// window that begins a little later counts too. One that begins more than a window later was left by a clock that was
/// far ahead; waiting for it would have no limit.
fn is_running(start: u64, at: Timestamp) -> bool {
    Timestamp::from_millis(start).remaining(WINDOW, at).is_some()
}

fn wait(start: u64, at: Timestamp) -> Span {
    (Timestamp::from_millis(start) + WINDOW).since(at)
}

/// Part of a digest that suffices to distinguish a few addresses.
fn shortened(address: &Identifier) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&key::digest_of(address)[..16]);
    short
}

const WINDOW: Span = Span::from_secs(3600);
/// Maximum number of clients or addresses in one counter, whatever the limits: the size of an entry is bounded.
const ENTRIES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kv::codec;

    fn client(n: u16) -> ClientId {
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        ClientId::from_bytes(bytes)
    }

    fn address(n: u32) -> Identifier {
        Identifier { kind: IdentifierKind::EmailAddress, value: format!("a{n}@example.com") }
    }

    const UNLIMITED: AddressLimits = AddressLimits {
        messages: u32::MAX,
        messages_per_client: u32::MAX,
        guesses: u32::MAX,
        guesses_per_client: u32::MAX,
        account_failures: u32::MAX,
        by_source: false,
        addresses_per_client: u32::MAX,
        sms_per_client: u32::MAX,
    };

    #[test]
    fn counters_stay_small_enough_to_store_whatever_the_limits() {
        let at = Timestamp::from_millis(1);
        let (mut by_client, mut by_address) = (None, None);
        for n in 0..2000 {
            by_client = use_quota(by_client.as_ref(), client(n), QuotaKind::Guess, &UNLIMITED, at).ok().or(by_client);
            by_address = charge_client(by_address.as_ref(), &address(n.into()), &UNLIMITED, at).ok().or(by_address);
        }
        for counter in [by_client, by_address] {
            assert!(codec::encode(&counter.expect("a counter")).is_ok());
        }
    }

    #[test]
    fn strangers_leave_the_owner_some_messages_and_the_owner_has_an_end_too() {
        let (at, limits) = (Timestamp::from_millis(1), AddressLimits { messages: 20, ..AddressLimits::default() });
        let mut counter = None;
        let mut send = |n, what| {
            let next = use_quota(counter.as_ref(), client(n), what, &limits, at);
            next.map(|next| counter = Some(next)).is_ok()
        };
        assert_eq!((0..99).filter(|n| send(*n, QuotaKind::Message)).count(), 20);
        assert_eq!((0..99).filter(|n| send(200 + n % 2, QuotaKind::OwnMessage)).count(), 5);
        assert!(!send(99, QuotaKind::Message));
    }

    #[test]
    fn a_clock_that_steps_back_fills_no_budget_again() {
        let limits = AddressLimits { messages: 1, addresses_per_client: 1, ..UNLIMITED };
        let begin = Timestamp::from_millis(10 * WINDOW.as_millis());
        let by_address = |current: Option<&_>, at| use_quota(current, client(1), QuotaKind::Message, &limits, at);
        let by_client = |current: Option<&_>, n, at| charge_client(current, &address(n), &limits, at);
        let spent_address = by_address(None, begin).expect("within the limits");
        let spent_client = by_client(None, 1, begin).expect("within the limits");
        for back in [0, 1, 1000, WINDOW.as_millis()] {
            let at = Timestamp::from_millis(begin.as_millis() - back);
            let wait = Span::from_millis(WINDOW.as_millis() + back);
            assert_eq!(by_address(Some(&spent_address), at), Err(wait), "{back} ms before the window");
            assert_eq!(by_client(Some(&spent_client), 2, at), Err(wait), "{back} ms before the window");
            assert!(!is_over(&spent_address, at) && !is_over(&spent_client, at));
        }
    }

    #[test]
    fn a_window_that_begins_more_than_a_window_ahead_begins_anew() {
        let limits = AddressLimits { messages: 1, ..UNLIMITED };
        let late = Timestamp::from_millis(10 * WINDOW.as_millis());
        let early = Timestamp::from_millis(late.as_millis() - WINDOW.as_millis() - 1);
        let charge = |current: Option<&_>, at| use_quota(current, client(1), QuotaKind::Message, &limits, at);
        let counter = charge(None, late).expect("within the limits");
        assert_eq!(charge(Some(&counter), late), Err(WINDOW));
        assert!(is_over(&counter, early));
        assert!(charge(Some(&counter), early).is_ok());
    }
}
