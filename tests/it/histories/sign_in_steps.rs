//! Generates random steps of sign-ins.

use proptest::prelude::*;

use super::steps::{Answer, Means, Which, answers, pauses, which};

/// A step of a history. The first number selects the client.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pass(u64),
    PutBack(u64),
    SwapSettings,
    Create {
        who: usize,
        identifier: Option<usize>,
        is_newcomer: bool,
        begin: Begin,
    },
    Prepare(usize, Means),
    Attempt(usize, Means, Which),
    Password {
        who: usize,
        is_right: bool,
    },
    Return {
        who: usize,
        request: Which,
        answer: Answer,
    },
    /// The last completing command comes again.
    Again(usize),
    SignOut(usize),
    /// A person signs up with an identifier that had no user.
    Arrive,
}

/// The start of a sign-in.
#[derive(Clone, Debug)]
pub(super) enum Begin {
    Identify,
    Prepare(Means),
    Password(bool),
    Leave,
    TakeOver(Answer),
}

/// Usually one random step, sometimes a meaningful sequence.
pub(super) fn group() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..2_usize;
    let created = |who, identifier, begin| Step::Create { who, identifier, is_newcomer: false, begin };
    prop_oneof![
        12 => step().prop_map(|step| vec![step]),
        2 => (who(), 0..4_usize).prop_map(move |(who, identifier)| {
            let proof = |means| Step::Attempt(who, means, Which::Last);
            let begun = created(who, Some(identifier), Begin::Identify);
            vec![begun, Step::Prepare(who, Means::EmailCode), proof(Means::EmailCode), Step::Again(who)]
        }),
        2 => (who(), 0..6_usize, 0..7_usize).prop_map(move |(who, identifier, times)| {
            let attempt = |secret| Step::Attempt(who, Means::EmailCode, secret);
            let mut steps = vec![created(who, Some(identifier), Begin::Prepare(Means::EmailCode))];
            steps.resize(times + 1, attempt(Which::Wrong));
            steps.push(attempt(Which::Last));
            steps
        }),
        2 => (who(), answers()).prop_map(move |(who, answer)| {
            vec![created(who, None, Begin::TakeOver(answer.clone())), created(who, None, Begin::TakeOver(answer))]
        }),
        2 => (who(), 0..4_usize, 1..8_usize).prop_map(move |(who, identifier, times)| {
            let mut steps = vec![created(who, Some(identifier), Begin::Identify)];
            steps.resize(times + 1, Step::Password { who, is_right: false });
            steps
        }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let who = || prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)];
    let means = || prop_oneof![3 => Just(Means::EmailCode), 2 => Just(Means::PhoneCode), 1 => Just(Means::EmailLink)];
    let is_right = || proptest::bool::weighted(0.3);
    let begin = prop_oneof![
        3 => Just(Begin::Identify),
        4 => means().prop_map(Begin::Prepare),
        1 => is_right().prop_map(Begin::Password),
        1 => Just(Begin::Leave),
        1 => answers().prop_map(Begin::TakeOver),
    ];
    let created = (who(), proptest::option::weighted(0.9, 0..IDENTIFIERS), proptest::bool::weighted(0.3), begin);
    prop_oneof![
        3 => pauses().prop_map(Step::Pass),
        1 => (1..5000_u64).prop_map(Step::PutBack),
        1 => Just(Step::SwapSettings),
        6 => created.prop_map(|(who, identifier, is_newcomer, begin)| Step::Create { who, identifier, is_newcomer, begin }),
        5 => (who(), means()).prop_map(|(who, means)| Step::Prepare(who, means)),
        9 => (who(), means(), which()).prop_map(|(who, means, secret)| Step::Attempt(who, means, secret)),
        3 => (who(), is_right()).prop_map(|(who, is_right)| Step::Password { who, is_right }),
        2 => (who(), which(), answers()).prop_map(|(who, request, answer)| Step::Return { who, request, answer }),
        2 => who().prop_map(Step::Again),
        1 => who().prop_map(Step::SignOut),
        1 => Just(Step::Arrive),
    ]
}

/// Number of identifiers to choose from.
pub(super) const IDENTIFIERS: usize = 8;
