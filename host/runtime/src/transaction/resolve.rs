//! Templates become instructions: roles are looked up, addresses derived, and the token program of a mint is read from the
//! mint itself. All that has to be read from the chain is read at once, at one slot.

use super::{Addresses, fault, is_token_program};
use crate::reading::{self, Accounts};
use solana_sdk::{
    instruction::{AccountMeta, Instruction},
    pubkey::Pubkey,
};
use std::collections::{BTreeMap, BTreeSet};
use valence_chain::Chain;
use valence_door::{AccountRef, BuildError, InstructionTemplate, Key, Place, ProgramRef, Seat, Seed, Step};

/// What resolving needs to know.
pub(crate) struct Resolver<'a> {
    pub chain: &'a dyn Chain,
    pub addresses: &'a Addresses,
    pub roles: &'a BTreeMap<String, Pubkey>,
}

impl Resolver<'_> {
    /// The instructions of a step.
    pub(crate) async fn instructions(&self, step: &Step) -> Result<Vec<Instruction>, BuildError> {
        let wanted: Vec<Pubkey> = wanted(&step.instructions).into_iter().collect();
        let (_, known) = reading::read(self.chain, &wanted).await.map_err(fault)?;
        let mut instructions = Vec::with_capacity(step.instructions.len());
        for (place, template) in (0u32..).zip(&step.instructions) {
            instructions.push(self.instruction(template, place, &known)?);
        }
        Ok(instructions)
    }

    /// The address of a role.
    pub(crate) fn role(&self, name: &str) -> Result<Pubkey, BuildError> {
        self.roles.get(name).copied().ok_or_else(|| BuildError::UnknownRole(name.to_owned()))
    }

    fn instruction(
        &self,
        template: &InstructionTemplate,
        instruction: u32,
        known: &Accounts,
    ) -> Result<Instruction, BuildError> {
        let here = Place { instruction, account: None };
        let program_id = match &template.program {
            ProgramRef::Key(key) => {
                let key = Pubkey::from(*key);
                let there = known.get(&key).and_then(Option::as_ref).is_some_and(|a| a.executable);
                if !there {
                    return Err(BuildError::NoProgram(here, key.into()));
                }
                key
            }
            ProgramRef::TokenProgramOf(mint) => token_program(mint, here, known)?,
        };
        let mut accounts = Vec::with_capacity(template.accounts.len());
        for (account, meta) in (0u32..).zip(&template.accounts) {
            let here = Place { instruction, account: Some(account) };
            let pubkey = self.account(&meta.account, here, known)?;
            accounts.push(AccountMeta { pubkey, is_signer: meta.signer, is_writable: meta.writable });
        }
        Ok(Instruction { program_id, accounts, data: template.data.to_vec() })
    }

    fn account(&self, account: &AccountRef, here: Place, known: &Accounts) -> Result<Pubkey, BuildError> {
        match account {
            AccountRef::Key(key) => Ok((*key).into()),
            AccountRef::Role(name) => self.role(name),
            AccountRef::Pda { program, seeds } => {
                let seeds = seeds.iter().map(|s| self.seed(s)).collect::<Result<Vec<_>, _>>()?;
                let found = self.addresses.find(&(*program).into(), &seeds);
                found.map(|(address, _)| address).map_err(|e| BuildError::Address(here, e))
            }
            AccountRef::AssociatedToken { wallet, mint } => {
                let program = token_program(mint, here, known)?;
                let found = self.addresses.associated(&self.seat(wallet)?, &(*mint).into(), &program);
                found.map_err(|e| BuildError::Address(here, e))
            }
            AccountRef::TokenProgramOf(mint) => token_program(mint, here, known),
        }
    }

    fn seat(&self, seat: &Seat) -> Result<Pubkey, BuildError> {
        match seat {
            Seat::Key(key) => Ok((*key).into()),
            Seat::Role(name) => self.role(name),
        }
    }

    fn seed(&self, seed: &Seed) -> Result<Vec<u8>, BuildError> {
        match seed {
            Seed::Bytes(bytes) => Ok(bytes.to_vec()),
            Seed::Seat(seat) => Ok(self.seat(seat)?.to_bytes().to_vec()),
        }
    }
}

/// Everything that has to be read: programs, to see that they exist, and mints, to see whose they are.
fn wanted(templates: &[InstructionTemplate]) -> BTreeSet<Pubkey> {
    let mut keys = BTreeSet::new();
    for template in templates {
        match &template.program {
            ProgramRef::Key(key) | ProgramRef::TokenProgramOf(key) => keys.insert((*key).into()),
        };
        for account in &template.accounts {
            if let AccountRef::AssociatedToken { mint, .. } | AccountRef::TokenProgramOf(mint) = &account.account {
                keys.insert((*mint).into());
            }
        }
    }
    keys
}

/// The program that owns a mint.
fn token_program(mint: &Key, here: Place, known: &Accounts) -> Result<Pubkey, BuildError> {
    let account = known.get(&Pubkey::from(*mint)).and_then(Option::as_ref);
    account.map(|a| a.owner).filter(is_token_program).ok_or(BuildError::NotAMint(here, *mint))
}
