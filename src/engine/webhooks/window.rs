//! The events in delivery, in their order, and how far all before them are dealt with.

use std::collections::VecDeque;

use crate::domain::event::Position;

/// The events that were read and are not all dealt with. Later ones may be done before earlier ones.
#[derive(Debug)]
pub(super) struct Window {
    entries: VecDeque<Entry>,
    read_to: Option<Position>,
}

#[derive(Debug)]
struct Entry {
    event: Position,
    /// The event that was read before it.
    before: Option<Position>,
    is_done: bool,
}

impl Window {
    /// Nothing is in delivery, and all up to `read_to` is dealt with.
    pub(super) const fn new(read_to: Option<Position>) -> Self {
        Self { entries: VecDeque::new(), read_to }
    }

    /// The last event that was taken.
    pub(super) const fn read_to(&self) -> Option<Position> {
        self.read_to
    }

    /// How many events it holds: those in delivery, and those behind the first of them.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the next event, which needs no delivery.
    pub(super) const fn pass(&mut self, event: Position) {
        self.read_to = Some(event);
    }

    /// Takes the next event, which is in delivery until it is [`done`](Self::done).
    pub(super) fn take(&mut self, event: Position) {
        self.entries.push_back(Entry { event, before: self.read_to, is_done: false });
        self.read_to = Some(event);
    }

    /// Deals with an event.
    pub(super) fn done(&mut self, event: Position) {
        if let Ok(at) = self.entries.binary_search_by_key(&event, |entry| entry.event) {
            self.entries[at].is_done = true;
        }
        while self.entries.front().is_some_and(|first| first.is_done) {
            self.entries.pop_front();
        }
    }

    /// The last event up to which all are dealt with.
    pub(super) fn cursor(&self) -> Option<Position> {
        self.entries.front().map_or(self.read_to, |first| first.before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_stays_before_the_first_event_that_is_not_dealt_with() {
        let [start, first, second, third, fourth] = [1, 2, 3, 4, 5].map(|n| Position::new(n, 0));
        let mut window = Window::new(Some(start));
        assert_eq!((window.cursor(), window.len()), (Some(start), 0));
        window.take(first);
        window.pass(second);
        window.take(third);
        assert_eq!((window.cursor(), window.read_to(), window.len()), (Some(start), Some(third), 2));
        window.done(third);
        assert_eq!((window.cursor(), window.len()), (Some(start), 2), "the first is still in delivery");
        window.take(fourth);
        window.done(first);
        assert_eq!((window.cursor(), window.len()), (Some(third), 1), "those behind it were done");
        window.done(fourth);
        assert_eq!((window.cursor(), window.len()), (Some(fourth), 0));
        window.done(fourth);
        assert_eq!(window.cursor(), Some(fourth));
    }

    #[test]
    fn events_that_need_no_delivery_move_the_cursor_at_once() {
        let mut window = Window::new(None);
        assert_eq!(window.cursor(), None);
        window.pass(Position::new(7, 1));
        assert_eq!(window.cursor(), Some(Position::new(7, 1)));
    }
}
