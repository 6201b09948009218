//! Generates random steps of sign-ups. A step uses words such as "the latest code"; their value depends on the history
//! so far.

use proptest::option::weighted;
use proptest::prelude::*;

/// A step of a history. The number selects the sign-up.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pass(u64),
    PutBack(u64),
    SwapSettings,
    Write(usize, Box<Write>),
    Prepare(usize, Means),
    Attempt { who: usize, means: Means, secret: Which, again: bool },
    VerifyLink { who: usize, secret: Which, by: By, confirmed: bool, again: bool },
    Return { who: usize, request: Which, answer: Answer, by_owner: bool },
    Act { who: usize, custom_action: Option<bool>, external_id: Option<usize> },
    SolveCaptcha(usize),
    Judge { who: usize, approves: bool },
}

/// A create or an update. Numbers are indexes into lists of values; index 0 removes the value.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) email: Option<usize>,
    pub(super) phone: Option<usize>,
    pub(super) username: Option<usize>,
    pub(super) password: Option<bool>,
    pub(super) first_name: Option<bool>,
    pub(super) legal: Option<bool>,
    pub(super) means: Option<Means>,
    pub(super) captcha_solved: bool,
    pub(super) beside: Beside,
}

/// What a write contains besides fields.
#[derive(Clone, Debug)]
pub(super) enum Beside {
    Nothing,
    /// A ticket, perhaps with an address that a sign-in verified.
    Ticket(usize, Option<Proof>),
    Proof(Proof),
    Leave,
    Answer(Answer),
}

/// An address that a sign-in verified.
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof {
    Email(usize),
    Phone(usize),
}

/// How an address is verified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Means {
    EmailCode,
    EmailLink,
    PhoneCode,
}

/// Which secret or authorization request a person uses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Which {
    Last,
    Earlier,
    Others,
    Wrong,
    Odd,
}

/// Who opens a link.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum By {
    Owner,
    Stranger,
    NoClient,
}

/// A provider's answer.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Denied,
    SignedInAlready,
    Person { subject: usize, email: Option<usize>, is_verified: bool, username: Option<usize> },
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(group(), 1..16).prop_map(|groups| groups.concat())
}

/// Usually one random step, sometimes a meaningful sequence, because random steps alone seldom complete anything.
fn group() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        12 => step().prop_map(|step| vec![step]),
        2 => (who(), complete_writes()).prop_map(|(who, write)| vec![Step::Write(who, Box::new(write))]),
        3 => (who(), means()).prop_map(|(who, means)| {
            let proof = Step::Attempt { who, means, secret: Which::Last, again: false };
            vec![Step::Prepare(who, means), proof]
        }),
        2 => (who(), complete_writes(), answers(), any::<bool>()).prop_map(|(who, write, answer, by_owner)| {
            let leave = Write { beside: Beside::Leave, email: None, ..write };
            let back = Step::Return { who, request: Which::Last, answer, by_owner };
            vec![Step::Write(who, Box::new(leave)), back]
        }),
        // Too many wrong codes, or too late, then the correct one.
        3 => (who(), means(), 0..7_usize, prop_oneof![Just(1_u64), Just(46_000)]).prop_map(|(who, means, times, late)| {
            let attempt = |secret| Step::Attempt { who, means, secret, again: false };
            let mut steps = vec![Step::Prepare(who, means), Step::Pass(1)];
            steps.resize(times + 2, attempt(Which::Wrong));
            steps.extend([Step::Pass(late), attempt(Which::Last)]);
            steps
        }),
        3 => (who(), by(), any::<bool>()).prop_map(|(who, by, confirmed)| {
            let proof = Step::VerifyLink { who, secret: Which::Last, by, confirmed, again: false };
            vec![Step::Prepare(who, Means::EmailLink), proof]
        }),
    ]
}

/// A write with all fields, after which only proofs are missing.
fn complete_writes() -> impl Strategy<Value = Write> {
    (1..4_usize, 1..3_usize, 1..3_usize).prop_map(|(email, phone, username)| Write {
        email: Some(email),
        phone: Some(phone),
        username: Some(username),
        password: Some(true),
        first_name: Some(true),
        legal: Some(true),
        means: None,
        captcha_solved: true,
        beside: Beside::Nothing,
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => pauses().prop_map(Step::Pass),
        1 => (1..5000_u64).prop_map(Step::PutBack),
        1 => Just(Step::SwapSettings),
        8 => (who(), writes()).prop_map(|(who, write)| Step::Write(who, Box::new(write))),
        6 => (who(), means()).prop_map(|(who, means)| Step::Prepare(who, means)),
        9 => (who(), means(), which(), proptest::bool::weighted(0.1))
            .prop_map(|(who, means, secret, again)| Step::Attempt { who, means, secret, again }),
        4 => (who(), which(), by(), any::<bool>(), proptest::bool::weighted(0.1))
            .prop_map(|(who, secret, by, confirmed, again)| Step::VerifyLink { who, secret, by, confirmed, again }),
        3 => (who(), which(), answers(), any::<bool>())
            .prop_map(|(who, request, answer, by_owner)| Step::Return { who, request, answer, by_owner }),
        1 => (who(), proptest::option::of(any::<bool>()), proptest::option::of(0..3_usize))
            .prop_map(|(who, custom_action, external_id)| Step::Act { who, custom_action, external_id }),
        1 => who().prop_map(Step::SolveCaptcha),
        3 => (who(), proptest::bool::weighted(0.8)).prop_map(|(who, approves)| Step::Judge { who, approves }),
    ]
}

pub(super) fn pauses() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(1),
        Just(1000),
        Just(29_999),
        Just(30_000),
        Just(31_000),
        Just(46_000),
        Just(599_000),
        Just(3_600_000),
        Just(7_200_000)
    ]
}

fn who() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 1 => Just(1_usize)]
}

fn means() -> impl Strategy<Value = Means> {
    prop_oneof![3 => Just(Means::EmailCode), 2 => Just(Means::EmailLink), 2 => Just(Means::PhoneCode)]
}

pub(super) fn which() -> impl Strategy<Value = Which> {
    prop_oneof![
        6 => Just(Which::Last),
        2 => Just(Which::Earlier),
        1 => Just(Which::Others),
        3 => Just(Which::Wrong),
        1 => Just(Which::Odd)
    ]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![2 => Just(By::Owner), 1 => Just(By::Stranger), 1 => Just(By::NoClient)]
}

fn writes() -> impl Strategy<Value = Write> {
    let identifiers = (weighted(0.6, 0..8_usize), weighted(0.4, 0..5_usize), weighted(0.4, 0..4_usize));
    let others =
        (weighted(0.4, any_but_rarely_gone()), weighted(0.3, any_but_rarely_gone()), weighted(0.4, any::<bool>()));
    (identifiers, others, weighted(0.5, means()), proptest::bool::weighted(0.6), beside()).prop_map(
        |((email, phone, username), (password, first_name, legal), means, captcha_solved, beside)| Write {
            email,
            phone,
            username,
            password,
            first_name,
            legal,
            means,
            captcha_solved,
            beside,
        },
    )
}

fn any_but_rarely_gone() -> impl Strategy<Value = bool> {
    proptest::bool::weighted(0.85)
}

fn beside() -> impl Strategy<Value = Beside> {
    let proof = || prop_oneof![(1..8_usize).prop_map(Proof::Email), (1..5_usize).prop_map(Proof::Phone)];
    prop_oneof![
        8 => Just(Beside::Nothing),
        2 => (0..2_usize, weighted(0.3, proof())).prop_map(|(n, proof)| Beside::Ticket(n, proof)),
        1 => proof().prop_map(Beside::Proof),
        2 => Just(Beside::Leave),
        1 => answers().prop_map(Beside::Answer),
    ]
}

pub(super) fn answers() -> impl Strategy<Value = Answer> {
    let person = (0..3_usize, weighted(0.8, 1..8_usize), any::<bool>(), weighted(0.3, 1..4_usize))
        .prop_map(|(subject, email, is_verified, username)| Answer::Person { subject, email, is_verified, username });
    prop_oneof![1 => Just(Answer::Denied), 1 => Just(Answer::SignedInAlready), 6 => person]
}
