//! Which instances are being run: a file of slots, written before an attempt begins, so that the next process knows in whose
//! company this one died. A write without a sync: what a flow can kill is the process, not the machine.

use parking_lot::Mutex;
use std::{fs::File, io, os::unix::fs::FileExt, path::Path, sync::Arc};

/// Bytes of a slot.
const SLOT: u64 = 8;

/// The register.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Option<Arc<Register>>);

struct Register {
    file: File,
    free: Mutex<Free>,
}

#[derive(Default)]
struct Free {
    slots: Vec<u64>,
    next: u64,
}

/// An attempt in flight, until it is dropped.
pub(crate) struct Flying(Option<(Arc<Register>, u64)>);

impl InFlight {
    /// The register in this file, and the instances that were in flight when the process before ended.
    ///
    /// # Errors
    /// Where the file cannot be read or written.
    pub(crate) fn open(path: &Path) -> io::Result<(InFlight, Vec<u64>)> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut crashed = Vec::new();
        let mut slot = [0u8; 8];
        let mut at = 0u64;
        while file.read_at(&mut slot, at)? == slot.len() {
            match u64::from_le_bytes(slot) {
                0 => {}
                instance => crashed.push(instance),
            }
            at = at.saturating_add(SLOT);
        }
        file.set_len(0)?;
        Ok((InFlight(Some(Arc::new(Register { file, free: Mutex::default() }))), crashed))
    }

    /// Says that an attempt of this instance begins.
    pub(crate) fn begin(&self, instance: u64) -> Flying {
        Flying(self.0.as_ref().map(|register| (register.clone(), register.take(instance))))
    }
}

impl Register {
    fn take(&self, instance: u64) -> u64 {
        let slot = {
            let mut free = self.free.lock();
            free.slots.pop().unwrap_or_else(|| {
                let slot = free.next;
                free.next = slot.saturating_add(1);
                slot
            })
        };
        self.write(slot, instance);
        slot
    }

    fn write(&self, slot: u64, instance: u64) {
        // Where this fails, a crash is not counted; the disk that is full shows at the next commit.
        let _ = self.file.write_all_at(&instance.to_le_bytes(), slot.saturating_mul(SLOT));
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        if let Some((register, slot)) = self.0.take() {
            register.write(slot, 0);
            register.free.lock().slots.push(slot);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn who_was_in_flight_is_known_to_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let (register, before) = InFlight::open(&path).unwrap();
        assert!(before.is_empty());
        let (seven, eight) = (register.begin(7), register.begin(8));
        drop(seven);
        let nine = register.begin(9);
        // The process dies: nothing is dropped.
        std::mem::forget((eight, nine));
        let (_, mut crashed) = InFlight::open(&path).unwrap();
        crashed.sort_unstable();
        assert_eq!(crashed, [8, 9]);
        assert!(InFlight::open(&path).unwrap().1.is_empty(), "it is told once");
    }
}
