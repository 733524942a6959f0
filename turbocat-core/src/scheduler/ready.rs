//! A set of small numbers that gives its smallest quickly: which steps of a frame are ready.

/// Bits in words, with a word of summary for each sixty-four words, up to one word at the top.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ReadySet {
    /// All there is where there are few numbers, as in most iterations and branches.
    top: u64,
    /// The levels below the top, the lowest first.
    levels: Box<[Box<[u64]>]>,
}

impl ReadySet {
    /// An empty set for numbers below `len`.
    pub(crate) fn new(len: usize) -> Self {
        let mut levels = Vec::new();
        let mut words = len.div_ceil(64);
        while words > 1 {
            levels.push(vec![0; words].into_boxed_slice());
            words = words.div_ceil(64);
        }
        Self { top: 0, levels: levels.into() }
    }

    pub(crate) fn insert(&mut self, number: u32) {
        let mut at = number as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            let was = *word;
            *word |= 1 << (at % 64);
            if was != 0 {
                return;
            }
            at /= 64;
        }
        self.top |= 1 << at;
    }

    pub(crate) fn remove(&mut self, number: u32) {
        let mut at = number as usize;
        for level in &mut self.levels {
            let word = &mut level[at / 64];
            *word &= !(1 << (at % 64));
            if *word != 0 {
                return;
            }
            at /= 64;
        }
        self.top &= !(1 << at);
    }

    pub(crate) fn first(&self) -> Option<u32> {
        if self.top == 0 {
            return None;
        }
        let mut at = self.top.trailing_zeros() as usize;
        for level in self.levels.iter().rev() {
            at = at * 64 + level[at].trailing_zeros() as usize;
        }
        Some(at as u32)
    }

    #[cfg(test)]
    fn contains(&self, number: u32) -> bool {
        let word = self.levels.first().map_or(self.top, |lowest| lowest[number as usize / 64]);
        word & (1 << (number % 64)) != 0
    }

    pub(crate) fn clear(&mut self) {
        self.top = 0;
        for level in &mut self.levels {
            level.fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_behaves_as_an_ordered_set(
            len in prop_oneof![1..70_usize, 120..140_usize, 4000..4200_usize, 262_000..263_000_usize],
            moves in prop::collection::vec((any::<bool>(), any::<u32>()), 0..200),
        ) {
            let mut set = ReadySet::new(len);
            let mut model = BTreeSet::new();
            for (insert, number) in moves {
                let number = number % len as u32;
                if insert {
                    set.insert(number);
                    model.insert(number);
                } else {
                    set.remove(number);
                    model.remove(&number);
                }
                prop_assert_eq!(set.contains(number), model.contains(&number));
                prop_assert_eq!(set.first(), model.first().copied());
            }
            set.clear();
            prop_assert_eq!(set.first(), None);
        }
    }
}
