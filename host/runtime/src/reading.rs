//! Reading any number of accounts from the chain, without waiting where it can answer at once.

use solana_sdk::pubkey::Pubkey;
use std::collections::BTreeMap;
use valence_chain::{Account, Chain, ChainError, Moment};

/// Keys in one read: what RPC nodes allow.
pub(crate) const KEYS: usize = 100;

/// Accounts by address; none where one does not exist.
pub(crate) type Accounts = BTreeMap<Pubkey, Option<Account>>;

/// Reads these accounts, up to 100 at one slot; the moment is that of the last read, or none where nothing was to be read.
pub(crate) async fn read(chain: &dyn Chain, keys: &[Pubkey]) -> Result<(Option<Moment>, Accounts), ChainError> {
    let (mut moment, mut accounts) = (None, Accounts::new());
    for some in keys.chunks(KEYS) {
        let read = match chain.accounts_now(some, None) {
            Some(read) => read?,
            None => chain.accounts(some, None, None).await?,
        };
        moment = Some(read.moment);
        accounts.extend(some.iter().copied().zip(read.accounts));
    }
    Ok((moment, accounts))
}
