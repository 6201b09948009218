//! Whether what callers were told of one sign-up is linearizable: whether each call can have happened at one moment between its
//! beginning and its answer. `src/store/kv/kv_store/nodes/tests/register.rs` does the same for values of the store, and names the
//! papers.

use std::collections::HashSet;

/// A call on the sign-up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// When it began and when its answer came, counted over all calls. An answer that does not tell what happened never came.
    pub(super) began: u64,
    pub(super) ended: Option<u64>,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was shown: its name, and whether it is complete.
    Shown(State),
    /// Its name was changed to this.
    Named(u32),
    /// It became a user, in this call or before it.
    Finished,
    /// It was refused, because the sign-up is over.
    Refused,
}

/// What a sign-up is at one moment: without a name at its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) name: Option<u32>,
    pub(super) is_complete: bool,
}

/// Whether a sign-up, which was there before the first call, can have given these answers.
pub(super) fn is_linearizable(calls: &[Call]) -> bool {
    let calls: Vec<Call> = calls.iter().filter(|call| call.ended.is_some() || matters(call, calls)).copied().collect();
    assert!(calls.len() <= 64, "one bit for each");
    let mut seen = HashSet::new();
    let mut states = vec![(0_u64, State::default())];
    while let Some((made, state)) = states.pop() {
        if !seen.insert((made, state)) {
            continue;
        }
        let rest: Vec<_> = (0..calls.len()).filter(|index| made & (1 << index) == 0).collect();
        let first_end = rest.iter().filter_map(|index| calls[*index].ended).min();
        let Some(first_end) = first_end else { return true };
        for index in rest.into_iter().filter(|index| calls[*index].began <= first_end) {
            let next = calls[index].what.after(state);
            states.extend(next.map(|next| (made | 1 << index, next)));
        }
    }
    false
}

impl Call {
    /// The kind of its answer.
    pub(super) fn kind(&self) -> &'static str {
        match (self.ended, self.what) {
            (None, _) => "none",
            (_, What::Shown(_)) => "shown",
            (_, What::Named(_)) => "named",
            (_, What::Finished) => "finished",
            (_, What::Refused) => "refused",
        }
    }
}

impl What {
    /// What the sign-up is after the call; `None` where it can't have had this answer.
    fn after(self, state: State) -> Option<State> {
        match self {
            Self::Shown(shown) => (shown == state).then_some(state),
            Self::Named(name) => (!state.is_complete).then_some(State { name: Some(name), ..state }),
            Self::Finished => Some(State { is_complete: true, ..state }),
            Self::Refused => state.is_complete.then_some(state),
        }
    }
}

/// Whether a call without an answer can explain one: a name that nobody saw explains nothing.
fn matters(call: &Call, calls: &[Call]) -> bool {
    let What::Named(name) = call.what else { return true };
    calls.iter().any(|other| matches!(other.what, What::Shown(State { name: Some(shown), .. }) if shown == name))
}

#[test]
fn the_check_finds_what_no_sign_up_can_answer() {
    let call = |began, ended, what| Call { began, ended: Some(ended), what };
    let shown = |began, ended, name, is_complete| call(began, ended, What::Shown(State { name, is_complete }));
    let [first, second] = [call(0, 1, What::Named(1)), call(2, 3, What::Named(2))];
    assert!(is_linearizable(&[first, second, shown(4, 5, Some(2), false)]));
    assert!(!is_linearizable(&[first, second, shown(4, 5, Some(1), false)]), "an old name after the answer");
    assert!(is_linearizable(&[first, second, shown(2, 5, Some(1), false)]), "it began before");
    assert!(!is_linearizable(&[first, shown(2, 3, None, false)]), "the name is lost");
    let finished = call(2, 5, What::Finished);
    assert!(!is_linearizable(&[first, finished, call(6, 7, What::Named(3))]), "it was over");
    assert!(is_linearizable(&[first, finished, call(3, 4, What::Named(3)), shown(6, 7, Some(3), true)]));
    assert!(!is_linearizable(&[first, finished, shown(3, 4, Some(1), true), shown(6, 7, Some(1), false)]), "undone");
    assert!(!is_linearizable(&[first, call(2, 3, What::Refused)]), "refused without a reason");
    assert!(is_linearizable(&[finished, call(3, 4, What::Refused)]));
    let lost = Call { began: 2, ended: None, what: What::Named(2) };
    assert!(
        is_linearizable(&[first, lost, shown(4, 5, Some(1), false), shown(6, 7, Some(2), false)]),
        "it may be late"
    );
    assert!(is_linearizable(&[first, lost, shown(4, 5, Some(1), false)]), "or never be");
    assert!(!is_linearizable(&[first, lost, shown(4, 5, Some(2), false), shown(6, 7, Some(1), false)]), "or go again");
}
