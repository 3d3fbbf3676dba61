//! As much of DAG-CBOR as the journal reads and writes by itself: the head of an item, and the way past an item. What is in a
//! record is serde's business.

/// Major types.
pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const LIST: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;

/// The one tag of DAG-CBOR: a link.
pub(crate) const LINK: u64 = 42;
const NULL: u8 = 0xf6;

/// The head of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub major: u8,
    /// A number, a length or a count.
    pub argument: u64,
}

/// Bytes that are read from the front.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn number<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    /// Reads a head. Lengths that are not told in advance are not DAG-CBOR.
    pub(crate) fn head(&mut self) -> Option<Head> {
        let [first] = self.number()?;
        let argument = match first & 0x1f {
            small @ 0..24 => u64::from(small),
            24 => u64::from(u8::from_be_bytes(self.number()?)),
            25 => u64::from(u16::from_be_bytes(self.number()?)),
            26 => u64::from(u32::from_be_bytes(self.number()?)),
            27 => u64::from_be_bytes(self.number()?),
            _ => return None,
        };
        Some(Head { major: first >> 5, argument })
    }

    fn of(&mut self, major: u8) -> Option<u64> {
        self.head().filter(|head| head.major == major).map(|head| head.argument)
    }

    pub(crate) fn list(&mut self) -> Option<u64> {
        self.of(LIST)
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        self.of(UNSIGNED)
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let head = self.head()?;
        let number = i64::try_from(head.argument).ok()?;
        match head.major {
            UNSIGNED => Some(number),
            NEGATIVE => Some(-1 - number),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.of(TEXT)?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.of(BYTES)?;
        self.take(length)
    }

    /// Whether null comes next; it is passed by then.
    pub(crate) fn null(&mut self) -> bool {
        match self.0.split_first() {
            Some((&NULL, rest)) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Goes past one whole item, however deep.
    pub(crate) fn skip(&mut self) -> Option<()> {
        let mut open = 1u64;
        while open > 0 {
            let head = self.head()?;
            open -= 1;
            match head.major {
                BYTES | TEXT => drop(self.take(head.argument)?),
                LIST => open = open.checked_add(head.argument)?,
                MAP => open = open.checked_add(head.argument.checked_mul(2)?)?,
                TAG => open = open.checked_add(1)?,
                _ => {}
            }
        }
        Some(())
    }
}

/// Writes a head, as short as it can be.
pub(crate) fn put(major: u8, argument: u64, to: &mut Vec<u8>) {
    let bytes = argument.to_be_bytes();
    let major = major << 5;
    let [.., short] = bytes;
    if argument < 24 {
        to.push(major | short);
    } else if argument < 1 << 8 {
        to.extend([major | 24, short]);
    } else if argument < 1 << 16 {
        to.push(major | 25);
        to.extend(bytes.iter().skip(6));
    } else if argument < 1 << 32 {
        to.push(major | 26);
        to.extend(bytes.iter().skip(4));
    } else {
        to.push(major | 27);
        to.extend(bytes);
    }
}

pub(crate) fn put_signed(number: i64, to: &mut Vec<u8>) {
    match u64::try_from(number) {
        Ok(number) => put(UNSIGNED, number, to),
        // -1 - n, which never overflows.
        Err(_) => put(NEGATIVE, (-1 - number).unsigned_abs(), to),
    }
}

pub(crate) fn put_text(text: Option<&str>, to: &mut Vec<u8>) {
    let Some(text) = text else { return to.push(NULL) };
    put(TEXT, text.len().try_into().unwrap_or(u64::MAX), to);
    to.extend(text.as_bytes());
}

pub(crate) fn put_null(to: &mut Vec<u8>) {
    to.push(NULL);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read_back() {
        for number in [0, 23, 24, 255, 256, 65535, 65536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut bytes = Vec::new();
            put(UNSIGNED, number, &mut bytes);
            assert_eq!(Reader(&bytes).unsigned(), Some(number));
            assert_eq!(serde_ipld_dagcbor::to_vec(&number).unwrap(), bytes);
        }
        for number in [i64::MIN, -65537, -257, -25, -24, -1, 0, i64::MAX] {
            let mut bytes = Vec::new();
            put_signed(number, &mut bytes);
            assert_eq!(Reader(&bytes).signed(), Some(number));
            assert_eq!(serde_ipld_dagcbor::to_vec(&number).unwrap(), bytes);
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_no_item() {
        for bytes in [
            &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255][..],
            &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x82, 1],
            &[0x5f],
            &[],
        ] {
            assert_eq!(Reader(bytes).skip(), None);
        }
    }
}
