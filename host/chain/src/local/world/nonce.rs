//! Durable nonces: LiteSVM knows them only together with its own blockhash check, which the embedded chain does not use.

use super::World;
use crate::{Account, ChainError};
use solana_message::VersionedMessage;
use solana_sdk::{
    hash::{Hash, hashv},
    pubkey::Pubkey,
};

impl World {
    /// The nonce account that a message advances first, if it names the nonce's value and its authority signs.
    pub(super) fn nonce(&self, message: &VersionedMessage) -> Option<Pubkey> {
        let keys = message.static_account_keys();
        let first = message.instructions().first()?;
        let program = keys.get(usize::from(first.program_id_index))?;
        let advances = first.data.get(..4) == Some(&[4, 0, 0, 0]);
        if *program != solana_system_interface::program::ID || !advances {
            return None;
        }
        let key = *keys.get(usize::from(*first.accounts.first()?))?;
        let nonce = Nonce::read(&self.account(&key)?)?;
        let signs = |index: &u8| {
            let index = usize::from(*index);
            message.is_signer(index) && keys.get(index) == Some(&nonce.authority)
        };
        let usable = nonce.value == *message.recent_blockhash() && first.accounts.iter().any(signs);
        usable.then_some(key)
    }

    pub(super) fn advance_nonce(&mut self, key: Pubkey, used: &Hash) -> Result<(), ChainError> {
        let Some(mut account) = self.svm.get_account(&key) else {
            return Ok(());
        };
        // The same successor as LiteSVM gives it when the transaction succeeds.
        let next = hashv(&[b"DURABLE_NONCE", used.as_ref()]);
        if let Some(value) = account.data.get_mut(Nonce::VALUE) {
            value.copy_from_slice(next.as_ref());
        }
        self.set(key, account, "the nonce account")
    }
}

/// An initialized nonce account of the current version.
struct Nonce {
    authority: Pubkey,
    value: Hash,
}

impl Nonce {
    /// Where the value stands in the account's 80 bytes: version, state, authority, value, fee.
    const VALUE: std::ops::Range<usize> = 40..72;

    fn read(account: &Account) -> Option<Self> {
        let data: &[u8; 80] = (&*account.data).try_into().ok()?;
        let initialized = data.get(..8) == Some(&[1, 0, 0, 0, 1, 0, 0, 0]);
        if account.owner != solana_system_interface::program::ID || !initialized {
            return None;
        }
        let authority = Pubkey::try_from(data.get(8..40)?).ok()?;
        let value: [u8; 32] = data.get(Self::VALUE)?.try_into().ok()?;
        Some(Self { authority, value: Hash::new_from_array(value) })
    }
}
