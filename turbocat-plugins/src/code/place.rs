//! Places in the code as its author wrote it, found again from places in what is evaluated.

/// A line and a column, both from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl Place {
    /// The place of a byte of a text.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = &text[..text.floor_char_boundary(offset)];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self {
            line: count(before.matches('\n').count() + 1),
            column: count(before[start..].chars().count() + 1),
        }
    }
}

/// A text that was put into the code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Insertion {
    pub(super) at: Place,
    pub(super) columns: u32,
}

/// How to find a place again.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// What was put before the code, and into it, in this order.
    pub(super) insertions: [Option<Insertion>; 2],
    /// Where something is thrown, from, to, and where what is thrown begins, in ascending order: the
    /// engine says where it was last when it made what is thrown.
    pub(super) throws: Vec<(Place, Place, Place)>,
    /// Places of what is evaluated and where they come from, in ascending order; empty if the code
    /// is evaluated as it was written.
    pub(super) moved: Vec<(Place, Place)>,
}

impl Places {
    /// The place in the author's code; `None` if it is none of theirs.
    pub(super) fn find(&self, evaluated: Place) -> Option<Place> {
        let mut place = evaluated;
        if !self.moved.is_empty() {
            let after = self.moved.partition_point(|(to, _)| *to <= evaluated);
            let (to, from) = self.moved[..after].last()?;
            if to.line != evaluated.line {
                return None;
            }
            place = *from;
        }
        for Insertion { at, columns } in self.insertions.into_iter().flatten() {
            if at.line == place.line && place.column > at.column {
                place.column = place.column.saturating_sub(columns).max(at.column);
            }
        }
        let begun = self.throws.partition_point(|(from, _, _)| *from <= place);
        match self.throws[..begun].last() {
            Some((_, to, thrown)) if place < *to => Some(*thrown),
            _ => Some(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(line: u32, column: u32) -> Place {
        Place { line, column }
    }

    #[test]
    fn a_byte_has_a_line_and_a_column_counted_in_characters() {
        assert_eq!(Place::of("ab\ncd", 4), place(2, 2));
        assert_eq!(Place::of("äb", 2), place(1, 2));
        assert_eq!(Place::of("äb", 1), place(1, 1));
        assert_eq!(Place::of("", 0), place(1, 1));
    }

    #[test]
    fn what_was_put_in_does_not_move_places() {
        let put = |at: Place, columns: u32| Some(Insertion { at, columns });
        let places = Places { insertions: [put(place(1, 1), 20), put(place(2, 5), 7)], ..Places::default() };
        assert_eq!(places.find(place(1, 25)), Some(place(1, 5)));
        assert_eq!(places.find(place(1, 3)), Some(place(1, 1)));
        assert_eq!(places.find(place(2, 5)), Some(place(2, 5)));
        assert_eq!(places.find(place(2, 12)), Some(place(2, 5)));
        assert_eq!(places.find(place(2, 15)), Some(place(2, 8)));
        assert_eq!(places.find(place(3, 9)), Some(place(3, 9)));
    }

    #[test]
    fn a_place_that_was_moved_is_found_from_the_nearest_before_it_on_its_line() {
        let moved = vec![(place(2, 1), place(3, 1)), (place(2, 10), place(5, 4))];
        let places = Places { moved, ..Places::default() };
        assert_eq!(places.find(place(2, 9)), Some(place(3, 1)));
        assert_eq!(places.find(place(2, 12)), Some(place(5, 4)));
        assert_eq!(places.find(place(4, 1)), None);
    }

    #[test]
    fn what_is_thrown_is_where_it_begins() {
        let throws = vec![(place(2, 3), place(4, 2), place(2, 9))];
        let places = Places { throws, ..Places::default() };
        assert_eq!(places.find(place(3, 5)), Some(place(2, 9)));
        assert_eq!(places.find(place(2, 2)), Some(place(2, 2)));
        assert_eq!(places.find(place(4, 2)), Some(place(4, 2)));
    }
}
