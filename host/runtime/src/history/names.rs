//! Who is who, learned from the record alone: roles and params of the header, token accounts and mints that the flow has read.
//! A record explains itself so, on any machine and without its chain.

use crate::{
    decode::Names,
    instance::{Entry, Header},
    transaction::ASSOCIATED_TOKEN,
};
use solana_sdk::pubkey::Pubkey;
use std::collections::BTreeMap;
use valence_chain::token;
use valence_door::{Account, HostCall, HostReply, Key};
use valence_sandbox::Value;

/// What is known of an instance's world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub names: Names,
    /// Addresses by role.
    pub roles: BTreeMap<String, Key>,
    /// The step that was offered last, and its line for the signer: at any time there is one at most.
    pub step: (String, String),
}

impl Known {
    /// From these names, which the record does not have: the chain's.
    pub(crate) fn new(named: &BTreeMap<String, Pubkey>) -> Known {
        let names = Names::new(named.iter().map(|(name, key)| (*key, name.clone())));
        Known { names, ..Known::default() }
    }

    /// Learns from an entry.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        match entry {
            Entry::Header(header) => self.header(header),
            Entry::Intent { call: HostCall::Emit { step, .. }, .. } => {
                self.step = (step.name.clone(), step.description.clone());
            }
            Entry::Call { call: HostCall::Get { keys, slice: None }, reply: HostReply::Get(Ok(snapshot)) } => {
                for (key, account) in keys.iter().zip(&snapshot.accounts) {
                    if let Some(account) = account {
                        self.account(*key, account);
                    }
                }
            }
            Entry::Call {
                call: HostCall::FindProgramAddress { program, seeds },
                reply: HostReply::FindProgramAddress(Ok((address, _))),
            } if Pubkey::from(*program) == ASSOCIATED_TOKEN => {
                // Its seeds are the wallet, the token program and the mint.
                if let [wallet, _, mint] = seeds.as_slice()
                    && let (Some(wallet), Some(mint)) = (self.named(wallet), self.named(mint))
                    && self.names.name(&(*address).into()).is_none()
                {
                    self.names.add_role((*address).into(), format!("{wallet}'s {mint}"));
                }
            }
            Entry::Call { reply: HostReply::Simulate(Ok(simulation)), .. } => {
                for changed in &simulation.tokens {
                    self.names.add_holding(changed.key.into(), changed.mint.into());
                    if let Some(decimals) = changed.decimals {
                        self.names.add_mint(changed.mint.into(), decimals);
                    }
                }
            }
            _ => {}
        }
    }

    /// The name of a seed that is an address.
    fn named(&self, seed: &[u8]) -> Option<String> {
        self.names.name(&Pubkey::try_from(seed).ok()?)
    }

    fn header(&mut self, header: &Header) {
        for (name, value) in &header.params {
            if let Value::Pubkey(key) = value
                && self.names.name(&(*key).into()).is_none()
            {
                self.names.add_role((*key).into(), name);
            }
        }
        // After the params: where an address is both, the role is what people think of.
        for (role, key) in &header.roles {
            self.names.add_role((*key).into(), role);
            self.roles.insert(role.clone(), *key);
        }
    }

    fn account(&mut self, key: Key, account: &Account) {
        let account = valence_chain::Account {
            lamports: account.lamports,
            owner: account.owner.into(),
            data: account.data.to_vec().into(),
            executable: account.executable,
            rent_epoch: account.rent_epoch,
        };
        if let Some(held) = token::account(&account) {
            self.names.add_holding(key.into(), held.mint);
        } else if let Some(decimals) = token::decimals(&account) {
            self.names.add_mint(key.into(), decimals);
        }
    }
}
