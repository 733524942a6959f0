//! The memory between plugin and host: blocks of bytes, named by their offsets.
//!
//! The ABI of Extism has plugin and host hand each other offsets into a third memory. Here that is
//! a vector of the host. Every offset comes from the plugin and none is trusted: what lies outside
//! is an error, never a panic.

use std::collections::BTreeMap;
use std::fmt;

/// The first offset: 0 stands for nothing.
const FIRST: u64 = 8;

/// Blocks of bytes.
#[derive(Debug)]
pub(super) struct Blocks {
    bytes: Vec<u8>,
    /// Offset to length and room of those in use.
    used: BTreeMap<u64, (u64, u64)>,
    /// Room to offsets of those given back.
    free: BTreeMap<u64, Vec<u64>>,
    most: u64,
}

/// An offset or a length that lies outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outside {
    offset: u64,
    length: u64,
}

impl fmt::Display for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes at offset {} lie outside of the memory shared with the host",
            self.length, self.offset
        )
    }
}

impl std::error::Error for Outside {}

/// There is no room left.
#[derive(Debug)]
pub(super) struct Full;

impl Blocks {
    /// None yet, of which all together may have so many bytes.
    pub(super) fn new(most: u64) -> Self {
        Self { bytes: vec![0; FIRST as usize], used: BTreeMap::new(), free: BTreeMap::new(), most }
    }

    /// Gives every block back.
    pub(super) fn clear(&mut self) {
        self.bytes.truncate(FIRST as usize);
        self.bytes.shrink_to(64 << 10);
        self.used.clear();
        self.free.clear();
    }

    /// How much room there is.
    pub(super) fn set_most(&mut self, most: u64) {
        self.most = most;
    }

    /// How many bytes all blocks take.
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// A block of that length, zeroed. Nothing for a length of zero.
    pub(super) fn alloc(&mut self, length: u64) -> Result<u64, Full> {
        if length == 0 {
            return Ok(0);
        }
        let room = length.checked_next_multiple_of(8).ok_or(Full)?;
        if let Some(offset) = self.again(room) {
            let start = offset as usize;
            self.bytes.get_mut(start..start + length as usize).ok_or(Full)?.fill(0);
            self.used.insert(offset, (length, room));
            return Ok(offset);
        }
        let offset = self.len();
        let end = offset.checked_add(room).filter(|end| *end <= self.most).ok_or(Full)?;
        self.bytes.resize(usize::try_from(end).map_err(|_| Full)?, 0);
        self.used.insert(offset, (length, room));
        Ok(offset)
    }

    /// Room that was given back and is exactly of that size: plugins ask for the same sizes again
    /// and again.
    fn again(&mut self, room: u64) -> Option<u64> {
        let offsets = self.free.get_mut(&room)?;
        let offset = offsets.pop();
        if offsets.is_empty() {
            self.free.remove(&room);
        }
        offset
    }

    /// A block that holds what `write` writes, up to so many bytes.
    pub(super) fn write(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> Option<(u64, u64)> {
        let offset = self.len();
        if !write(&mut self.bytes) {
            self.bytes.truncate(offset as usize);
            return None;
        }
        let length = self.len() - offset;
        let room = length.next_multiple_of(8);
        if offset + room > self.most {
            self.bytes.truncate(offset as usize);
            return None;
        }
        self.bytes.resize((offset + room) as usize, 0);
        if length > 0 {
            self.used.insert(offset, (length, room));
        }
        Some((offset, length))
    }

    /// A block that holds these bytes.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<u64, Full> {
        let offset = self.alloc(bytes.len() as u64)?;
        let start = offset as usize;
        if let Some(place) = self.bytes.get_mut(start..start + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        Ok(offset)
    }

    /// Gives a block back. What is none is passed over, as the ABI has it.
    pub(super) fn free(&mut self, offset: u64) {
        if let Some((_, room)) = self.used.remove(&offset) {
            if offset + room == self.len() {
                self.bytes.truncate(offset as usize);
            } else {
                self.free.entry(room).or_default().push(offset);
            }
        }
    }

    /// The length of a block; 0 if it is none, as the ABI has it.
    pub(super) fn length(&self, offset: u64) -> u64 {
        self.used.get(&offset).map_or(0, |(length, _)| *length)
    }

    /// The bytes of a block.
    pub(super) fn block(&self, offset: u64) -> Result<&[u8], Outside> {
        match self.used.get(&offset) {
            Some((length, _)) => self.slice(offset, *length),
            None if offset == 0 => Ok(&[]),
            None => Err(Outside { offset, length: 0 }),
        }
    }

    /// So many bytes at an offset.
    pub(super) fn slice(&self, offset: u64, length: u64) -> Result<&[u8], Outside> {
        let outside = Outside { offset, length };
        let start = usize::try_from(offset).map_err(|_| outside)?;
        let end = usize::try_from(offset.checked_add(length).ok_or(outside)?).map_err(|_| outside)?;
        self.bytes.get(start..end).ok_or(outside)
    }

    pub(super) fn load<const N: usize>(&self, offset: u64) -> Result<[u8; N], Outside> {
        let outside = Outside { offset, length: N as u64 };
        let start = usize::try_from(offset).map_err(|_| outside)?;
        self.bytes.get(start..).and_then(|rest| rest.first_chunk::<N>()).copied().ok_or(outside)
    }

    pub(super) fn store<const N: usize>(&mut self, offset: u64, bytes: [u8; N]) -> Result<(), Outside> {
        let outside = Outside { offset, length: N as u64 };
        let start = usize::try_from(offset).map_err(|_| outside)?;
        let place =
            self.bytes.get_mut(start..).and_then(|rest| rest.first_chunk_mut::<N>()).ok_or(outside)?;
        *place = bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_was_put_and_is_used_again_zeroed() {
        let mut blocks = Blocks::new(1 << 10);
        let (first, second) = (blocks.put(b"hello").unwrap(), blocks.put(b"world!").unwrap());
        assert_eq!((blocks.block(first).unwrap(), blocks.length(second)), (&b"hello"[..], 6));
        blocks.free(first);
        assert_eq!(blocks.length(first), 0);
        assert!(blocks.block(first).is_err());
        let again = blocks.alloc(8).unwrap();
        assert_eq!((again, blocks.block(again).unwrap()), (first, &[0; 8][..]));
        blocks.free(second);
        blocks.free(second);
        blocks.free(12345);
        assert_eq!(blocks.alloc(0).unwrap(), 0);
        assert_eq!(blocks.block(0).unwrap(), b"");
    }

    #[test]
    fn there_is_never_more_than_was_allowed() {
        let mut blocks = Blocks::new(64);
        assert!(blocks.alloc(64).is_err());
        assert!(blocks.alloc(u64::MAX).is_err());
        let block = blocks.alloc(56).unwrap();
        assert!(blocks.alloc(1).is_err());
        blocks.free(block);
        assert!(blocks.alloc(56).is_ok());
        blocks.clear();
        assert!(
            blocks
                .write(|bytes| {
                    bytes.extend([1; 100]);
                    true
                })
                .is_none()
        );
        assert_eq!(
            blocks
                .write(|bytes| {
                    bytes.extend([1; 50]);
                    true
                })
                .unwrap(),
            (8, 50)
        );
    }

    #[test]
    fn nothing_outside_is_read_or_written() {
        let mut blocks = Blocks::new(64);
        let block = blocks.alloc(8).unwrap();
        assert!(blocks.store(block, 7u64.to_le_bytes()).is_ok());
        for offset in [block + 1, 100, u64::MAX, u64::MAX - 7] {
            assert!(blocks.load::<8>(offset).is_err(), "{offset}");
            assert!(blocks.store(offset, [0; 8]).is_err(), "{offset}");
            assert!(blocks.slice(offset, u64::MAX).is_err(), "{offset}");
        }
        assert!(blocks.slice(block, 9).is_err());
    }
}
