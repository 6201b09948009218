//! Whether a history of one register with reads and compare-and-set is linearizable: whether each call can have happened at one
//! moment between its beginning and its end (Herlihy & Wing, "Linearizability", 1990; the search is that of Wing & Gong, 1993,
//! with the states that were seen, as Lowe has it, 2017).

use std::collections::HashSet;

/// A call on the register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    /// When it began and when its answer came, counted over all calls. An answer that says nothing never came.
    pub(super) began: u64,
    pub(super) ended: Option<u64>,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// It read this.
    Read(Option<u32>),
    /// It set the register from one number to another, or found something else.
    Set { from: Option<u32>, to: u32, is_done: bool },
}

/// Whether the register, which was empty before, can have given these answers.
pub(super) fn is_linearizable(calls: &[Call]) -> bool {
    assert!(calls.len() <= 64, "one bit for each");
    let mut seen = HashSet::new();
    let mut states = vec![(0_u64, None)];
    while let Some((made, value)) = states.pop() {
        if !seen.insert((made, value)) {
            continue;
        }
        let open = |index: &usize| made & (1 << index) == 0;
        let rest: Vec<_> = (0..calls.len()).filter(open).collect();
        let first_end = rest.iter().filter_map(|index| calls[*index].ended).min();
        let Some(first_end) = first_end else { return true };
        for index in rest.into_iter().filter(|index| calls[*index].began <= first_end) {
            let next = match calls[index].what {
                What::Read(found) => (found == value).then_some(value),
                What::Set { from, to, is_done: true } => (from == value).then_some(Some(to)),
                What::Set { from, is_done: false, .. } => (from != value).then_some(value),
            };
            states.extend(next.map(|next| (made | 1 << index, next)));
        }
    }
    false
}

#[test]
fn the_check_finds_what_no_register_can_answer() {
    let set = |began, ended, from, to, is_done| Call { began, ended, what: What::Set { from, to, is_done } };
    let read = |began, ended, found| Call { began, ended: Some(ended), what: What::Read(found) };
    let first = set(0, Some(1), None, 1, true);
    let second = set(2, Some(3), Some(1), 2, true);
    assert!(is_linearizable(&[first, second, read(4, 5, Some(2))]));
    assert!(!is_linearizable(&[first, second, read(4, 5, Some(1))]), "an old value after the answer");
    assert!(is_linearizable(&[first, second, read(2, 5, Some(1))]), "it began before");
    assert!(!is_linearizable(&[first, set(0, Some(9), None, 3, true)]), "both from the same value");
    assert!(is_linearizable(&[first, set(0, Some(9), None, 3, false)]));
    assert!(!is_linearizable(&[first, set(2, Some(3), Some(1), 3, false)]), "a refusal without a reason");
    let lost = set(2, None, Some(1), 2, true);
    assert!(is_linearizable(&[first, lost, read(4, 5, Some(1)), read(6, 7, Some(2))]), "it may come late");
    assert!(is_linearizable(&[first, lost, read(4, 5, Some(1))]), "or never");
    assert!(!is_linearizable(&[first, lost, read(4, 5, Some(2)), read(6, 7, Some(1))]), "but it does not go");
}
